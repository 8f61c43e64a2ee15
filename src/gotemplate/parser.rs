//! Tokens to trees: the main template of a text and those it defines.
//! Unknown functions, undeclared variables and misplaced keywords are errors, as in Go.

mod literal;
pub use literal::integer;
mod terms;

use std::rc::Rc;

use crate::error::ParseError;
use crate::lexer::{Placed, Token, lex};
use crate::tree::{Control, Pipe, Statement, Tree};

/// The main template of a text and those it defines.
pub fn parse(file: &str, text: &str, is_function: &dyn Fn(&str) -> bool) -> Result<(Tree, Vec<Tree>), ParseError> {
    let located = |message: String, at: usize| ParseError {
        name: file.to_owned(),
        line: text.get(..at).unwrap_or(text).matches('\n').count() + 1,
        message,
    };
    let tokens = lex(text).map_err(|(message, at)| located(message, at))?;
    let mut parser = Parser {
        tokens,
        next: 0,
        file: file.into(),
        text: text.into(),
        variables: vec!["$".into()],
        defined: Vec::new(),
        loops: 0,
        depth: 0,
        is_function,
    };
    let body = parser.main().map_err(|(message, at)| located(message, at))?;
    let main = parser.tree(file.into(), body);
    Ok((main, parser.defined))
}

type Fault = (String, usize);

struct Parser<'f> {
    tokens: Vec<Placed>,
    next: usize,
    file: Rc<str>,
    text: Rc<str>,
    variables: Vec<Rc<str>>,
    defined: Vec<Tree>,
    /// Enclosing loops.
    loops: usize,
    /// Enclosing blocks and parentheses.
    depth: usize,
    is_function: &'f dyn Fn(&str) -> bool,
}

/// Nesting of blocks and parentheses that is accepted.
const DEEPEST: usize = 100;

/// How a list of statements ended.
enum Ended {
    Text,
    End,
    /// `else`, whose token stands at this place.
    Else,
}

impl Parser<'_> {
    fn tree(&self, name: Rc<str>, body: Vec<Statement>) -> Tree {
        Tree { name, file: self.file.clone(), text: self.text.clone(), body }
    }

    fn main(&mut self) -> Result<Vec<Statement>, Fault> {
        let (body, ended) = self.list()?;
        match ended {
            Ended::Text => Ok(body),
            Ended::End => Err(("unexpected {{end}}".into(), self.place())),
            Ended::Else => Err(("unexpected {{else}}".into(), self.place())),
        }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |placed| &placed.token)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next.min(self.tokens.len().saturating_sub(1))).map_or(0, |placed| placed.at)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        if *self.peek() == Token::Space {
            self.next += 1;
        }
    }

    fn keyword(&mut self) -> Option<Rc<str>> {
        self.skip_space();
        match self.peek() {
            Token::Word(word) => Some(word.clone()),
            _ => None,
        }
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((format!("nested more than {DEEPEST} levels deep"), self.place()));
        }
        Ok(())
    }

    /// Statements up to `end`, `else` or the end of the text.
    fn list(&mut self) -> Result<(Vec<Statement>, Ended), Fault> {
        self.deeper()?;
        let mut body = Vec::new();
        let ended = loop {
            match self.take() {
                Token::Text(text) => body.push(Statement::Text(text)),
                Token::End => {
                    self.next -= 1;
                    break Ended::Text;
                }
                Token::Open => {
                    let word = self.keyword();
                    match word.as_deref() {
                        Some("end") => {
                            self.next += 1;
                            self.close("end")?;
                            break Ended::End;
                        }
                        Some("else") => {
                            self.next += 1;
                            break Ended::Else;
                        }
                        Some("define") => self.define()?,
                        word => {
                            let word = word.map(str::to_owned);
                            body.push(self.statement(word.as_deref())?);
                        }
                    }
                }
                other => return Err((format!("unexpected {other:?}"), self.place())),
            }
        };
        self.depth -= 1;
        Ok((body, ended))
    }

    fn close(&mut self, context: &str) -> Result<(), Fault> {
        self.skip_space();
        match self.take() {
            Token::Close => Ok(()),
            other => Err((format!("unexpected {} in {context}", shown(&other)), self.place())),
        }
    }

    fn statement(&mut self, keyword: Option<&str>) -> Result<Statement, Fault> {
        let at = self.place();
        match keyword {
            Some("if") => self.control("if", at).map(Statement::If),
            Some("with") => self.control("with", at).map(Statement::With),
            Some("range") => {
                self.loops += 1;
                let control = self.control("range", at);
                self.loops -= 1;
                control.map(Statement::Range)
            }
            Some("template") => self.template(at),
            Some("block") => self.block(at),
            Some(word @ ("break" | "continue")) => {
                if self.loops == 0 {
                    return Err((format!("{{{{{word}}}}} outside {{{{range}}}}"), at));
                }
                self.next += 1;
                self.close(word)?;
                Ok(if word == "break" { Statement::Break } else { Statement::Continue })
            }
            _ => Ok(Statement::Action(self.pipe("command", &Token::Close)?)),
        }
    }

    fn control(&mut self, context: &'static str, at: usize) -> Result<Control, Fault> {
        self.next += 1;
        let scope = self.variables.len();
        let pipe = self.pipe(context, &Token::Close)?;
        let (body, ended) = self.list()?;
        let otherwise = match ended {
            Ended::End => Vec::new(),
            Ended::Text => return Err(("unexpected EOF".into(), self.place())),
            // An outer loop is what `break` ends in the else branch of a range.
            Ended::Else => self.otherwise(context)?,
        };
        self.variables.truncate(scope);
        Ok(Control { at, pipe, body, otherwise })
    }

    fn otherwise(&mut self, context: &'static str) -> Result<Vec<Statement>, Fault> {
        let at = self.place();
        if let Some(word) = self.keyword() {
            let chained = *word == *context && matches!(context, "if" | "with");
            if !chained {
                return Err((format!("unexpected <{word}> in input"), at));
            }
            let at = self.place();
            self.deeper()?;
            let control = self.control(context, at)?;
            self.depth -= 1;
            return Ok(vec![if context == "if" { Statement::If(control) } else { Statement::With(control) }]);
        }
        self.close("else")?;
        if context == "range" {
            self.loops -= 1;
        }
        let (body, ended) = self.list()?;
        if context == "range" {
            self.loops += 1;
        }
        match ended {
            Ended::End => Ok(body),
            Ended::Else => Err(("expected end; found {{else}}".into(), self.place())),
            Ended::Text => Err(("unexpected EOF".into(), self.place())),
        }
    }

    fn template_name(&mut self, context: &str) -> Result<Rc<str>, Fault> {
        self.next += 1;
        self.skip_space();
        let at = self.place();
        match self.take() {
            Token::Quoted(text) => Ok(literal::unquoted(&text).ok_or(("invalid syntax".to_owned(), at))?.into()),
            Token::Raw(text) => Ok(text[1..text.len() - 1].into()),
            other => Err((format!("unexpected {} in {context} clause", shown(&other)), at)),
        }
    }

    fn define(&mut self) -> Result<(), Fault> {
        let at = self.place();
        if self.depth > 1 {
            return Err(("unexpected {{define}}".into(), at));
        }
        let name = self.template_name("define")?;
        self.close("define clause")?;
        self.defined_body(name)
    }

    fn defined_body(&mut self, name: Rc<str>) -> Result<(), Fault> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let (loops, depth) = (std::mem::take(&mut self.loops), self.depth);
        let (body, ended) = self.list()?;
        self.variables = variables;
        (self.loops, self.depth) = (loops, depth);
        match ended {
            Ended::End => {}
            Ended::Else => return Err(("unexpected {{else}} in define clause".into(), self.place())),
            Ended::Text => return Err(("unexpected EOF".into(), self.place())),
        }
        let tree = self.tree(name, body);
        self.defined.push(tree);
        Ok(())
    }

    fn template(&mut self, at: usize) -> Result<Statement, Fault> {
        let name = self.template_name("template")?;
        self.skip_space();
        let pipe = match self.peek() {
            Token::Close => {
                self.next += 1;
                None
            }
            _ => Some(self.pipe("template clause", &Token::Close)?),
        };
        Ok(Statement::Template { at, name, pipe })
    }

    fn block(&mut self, at: usize) -> Result<Statement, Fault> {
        let name = self.template_name("block")?;
        let pipe: Pipe = self.pipe("block clause", &Token::Close)?;
        self.defined_body(name.clone())?;
        Ok(Statement::Template { at, name, pipe: Some(pipe) })
    }
}

/// A token as Go's errors show it.
fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("<{word}>"),
        Token::Field(name) => format!("<.{name}>"),
        Token::Variable(text) | Token::Number(text) | Token::Quoted(text) | Token::Raw(text) | Token::Char(text) => {
            format!("{text:?}")
        }
        Token::Text(text) => format!("{text:?}"),
        Token::Open => "\"{{\"".into(),
        Token::Close => "\"}}\"".into(),
        Token::Space => "\" \"".into(),
        Token::Dot => "<.>".into(),
        Token::Pipe => "\"|\"".into(),
        Token::Declare => "\":=\"".into(),
        Token::Assign => "\"=\"".into(),
        Token::Comma => "\",\"".into(),
        Token::LeftParen => "\"(\"".into(),
        Token::RightParen => "\")\"".into(),
        Token::End => "EOF".into(),
    }
}
