//! Template text to tokens, by Go's rules for delimiters, trimming and comments.
//! Returns every token with its place; an error is a token's words and place.

use std::rc::Rc;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Text(Rc<str>),
    Open,
    Close,
    Space,
    /// An identifier, `true` and keywords among them.
    Word(Rc<str>),
    /// `.name`.
    Field(Rc<str>),
    /// `$name`.
    Variable(Rc<str>),
    Dot,
    Number(Rc<str>),
    /// A quoted string or character constant, as written.
    Quoted(Rc<str>),
    Raw(Rc<str>),
    Char(Rc<str>),
    Pipe,
    Declare,
    Assign,
    Comma,
    LeftParen,
    RightParen,
    End,
}

#[derive(Debug, Clone)]
pub struct Placed {
    pub token: Token,
    pub at: usize,
}

/// Words and place of an error.
pub type LexError = (String, usize);

/// All tokens of a text.
pub fn lex(text: &str) -> Result<Vec<Placed>, LexError> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), parens: 0 };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Placed>,
    parens: usize,
}

const BLANK: &[char] = &[' ', '\t', '\r', '\n'];

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), LexError> {
        let mut trim = false;
        while let Some(found) = self.text[self.at..].find("{{") {
            let open = self.at + found;
            let after = &self.text[open + 2..];
            let trims = after.starts_with('-') && after[1..].starts_with(BLANK);
            self.text_until(open, trim, trims);
            self.at = open + if trims { 4 } else { 2 };
            let comment = self.text[self.at..].starts_with("/*");
            // `{{- /*`: the blank belongs to the marker.
            trim = if comment { self.comment(open)? } else { self.action(open, trims)? };
        }
        self.text_until(self.text.len(), trim, false);
        self.at = self.text.len();
        self.push(Token::End, self.at);
        Ok(())
    }

    fn push(&mut self, token: Token, at: usize) {
        self.tokens.push(Placed { token, at });
    }

    fn text_until(&mut self, end: usize, trim_left: bool, trim_right: bool) {
        let mut part = &self.text[self.at..end];
        let mut at = self.at;
        if trim_left {
            let kept = part.trim_start_matches(BLANK);
            at += part.len() - kept.len();
            part = kept;
        }
        if trim_right {
            part = part.trim_end_matches(BLANK);
        }
        if !part.is_empty() {
            self.push(Token::Text(part.into()), at);
        }
    }

    /// Skips a comment; returns whether the text after it is trimmed.
    fn comment(&mut self, open: usize) -> Result<bool, LexError> {
        let rest = &self.text[self.at..];
        let Some(end) = rest.find("*/") else { return Err(("unclosed comment".into(), open)) };
        let rest = &rest[end + 2..];
        let trims = rest.starts_with(BLANK) && rest[1..].starts_with("-}}");
        if !trims && !rest.starts_with("}}") {
            return Err(("comment ends before closing delimiter".into(), open));
        }
        self.at += end + 2 + if trims { 4 } else { 2 };
        Ok(trims)
    }

    fn action(&mut self, open: usize, _trims: bool) -> Result<bool, LexError> {
        self.push(Token::Open, open);
        self.parens = 0;
        loop {
            let rest = &self.text[self.at..];
            let trims = rest.starts_with(BLANK) && rest[1..].starts_with("-}}");
            if trims || rest.starts_with("}}") {
                if self.parens > 0 {
                    return Err(("unclosed left paren".into(), self.at));
                }
                self.push(Token::Close, self.at);
                self.at += if trims { 4 } else { 2 };
                return Ok(trims);
            }
            let Some(c) = rest.chars().next() else { return Err(("unclosed action".into(), self.at)) };
            self.token(c)?;
        }
    }

    fn token(&mut self, c: char) -> Result<(), LexError> {
        let (start, rest) = (self.at, &self.text[self.at..]);
        let next = rest[c.len_utf8()..].chars().next();
        let (token, length) = match c {
            ' ' | '\t' | '\r' | '\n' => return self.space(),
            ':' if next == Some('=') => (Token::Declare, 2),
            ':' => return Err(("expected :=".into(), start)),
            '=' => (Token::Assign, 1),
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::LeftParen, 1),
            ')' => (Token::RightParen, 1),
            '"' => return self.quoted('"'),
            '\'' => return self.quoted('\''),
            '`' => return self.raw(),
            '$' => return self.named(1, Token::Variable),
            '.' if next.is_some_and(|c| c.is_ascii_digit()) => return self.number(),
            '.' if next.is_some_and(is_word) => return self.named(1, Token::Field),
            '.' => (Token::Dot, 1),
            '+' | '-' | '0'..='9' => return self.number(),
            c if is_word(c) => return self.named(0, Token::Word),
            c => return Err((format!("unexpected {:?} in command", c).replace('\'', "\""), start)),
        };
        match token {
            Token::LeftParen => self.parens += 1,
            Token::RightParen if self.parens == 0 => return Err(("unexpected right paren".into(), start)),
            Token::RightParen => self.parens -= 1,
            _ => {}
        }
        self.at += length;
        self.push(token, start);
        Ok(())
    }

    fn space(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let rest = &self.text[start..];
        let mut length = rest.len() - rest.trim_start_matches(BLANK).len();
        // The last blank before `-}}` belongs to the delimiter.
        if rest[length..].starts_with("-}}") {
            length -= 1;
        }
        self.at += length;
        if length > 0 {
            self.push(Token::Space, start);
        }
        Ok(())
    }

    fn named(&mut self, skipped: usize, token: fn(Rc<str>) -> Token) -> Result<(), LexError> {
        let start = self.at;
        let rest = &self.text[start + skipped..];
        let length = skipped + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += length;
        let text = &self.text[start..self.at];
        let after = self.text[self.at..].chars().next();
        if !after.is_none_or(|c| BLANK.contains(&c) || matches!(c, '.' | ',' | '|' | ':' | '=' | ')' | '('))
            && !self.text[self.at..].starts_with("}}")
        {
            return Err((
                format!("bad character U+{:04X} {:?}", after.map_or(0, u32::from), after.unwrap_or(' ')),
                self.at,
            ));
        }
        // A variable keeps its `$`; a field is its name alone.
        let text = text.strip_prefix('.').unwrap_or(text);
        self.push(token(text.into()), start);
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), LexError> {
        let start = self.at;
        let mut escaped = false;
        for (at, c) in self.text[start + 1..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' => break,
                c if c == quote => {
                    self.at = start + 1 + at + 1;
                    let text: Rc<str> = self.text[start..self.at].into();
                    self.push(if quote == '"' { Token::Quoted(text) } else { Token::Char(text) }, start);
                    return Ok(());
                }
                _ => {}
            }
        }
        let what = if quote == '"' { "unterminated quoted string" } else { "unterminated character constant" };
        Err((what.into(), start))
    }

    fn raw(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let Some(end) = self.text[start + 1..].find('`') else {
            return Err(("unterminated raw quoted string".into(), start));
        };
        self.at = start + end + 2;
        self.push(Token::Raw(self.text[start..self.at].into()), start);
        Ok(())
    }

    fn number(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let rest = &self.text[start..];
        let mut previous = ' ';
        let part_of = |c: char| {
            let signed = matches!(c, '+' | '-') && (matches!(previous, ' ' | 'e' | 'E' | 'p' | 'P'));
            previous = c;
            is_word(c) || c == '.' || signed
        };
        let length = rest.find({
            let mut part_of = part_of;
            move |c| !part_of(c)
        });
        self.at += length.unwrap_or(rest.len());
        self.push(Token::Number(self.text[start..self.at].into()), start);
        Ok(())
    }
}
