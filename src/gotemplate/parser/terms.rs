//! Pipelines, commands and terms.

use std::rc::Rc;

use super::{Fault, Parser, literal, shown};
use crate::lexer::Token;
use crate::tree::{Command, Kind, Node, Pipe};

/// Words that begin statements and stand for no value.
const KEYWORDS: &[&str] = &["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"];

impl Parser<'_> {
    pub(super) fn pipe(&mut self, context: &str, end: &Token) -> Result<Pipe, Fault> {
        self.skip_space();
        let mut pipe = Pipe { at: self.place(), declared: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(context, &mut pipe)?;
        loop {
            self.skip_space();
            if self.peek() == end {
                self.next += 1;
                break;
            }
            let at = self.place();
            match self.peek() {
                Token::Pipe
                | Token::Close
                | Token::RightParen
                | Token::End
                | Token::Declare
                | Token::Assign
                | Token::Comma => {
                    return Err((format!("unexpected {} in {context}", shown(self.peek())), at));
                }
                _ => {}
            }
            let command = self.command(context)?;
            pipe.commands.push(command);
        }
        self.checked(pipe, context)
    }

    fn checked(&mut self, pipe: Pipe, context: &str) -> Result<Pipe, Fault> {
        if pipe.commands.is_empty() {
            return Err((format!("missing value for {context}"), pipe.at));
        }
        for (stage, command) in pipe.commands.iter().enumerate().skip(1) {
            let first = &command.words[0];
            if matches!(
                first.kind,
                Kind::Bool(_) | Kind::Dot | Kind::Nil | Kind::Int { .. } | Kind::Float { .. } | Kind::Str { .. }
            ) {
                return Err((format!("non executable command in pipeline stage {}", stage + 1), first.at));
            }
        }
        // Declared after the pipeline was read: it cannot use itself.
        if !pipe.assigns {
            self.variables.extend(pipe.declared.iter().cloned());
        }
        Ok(pipe)
    }

    fn declarations(&mut self, context: &str, pipe: &mut Pipe) -> Result<(), Fault> {
        while let Token::Variable(name) = self.peek().clone() {
            let start = self.next;
            self.next += 1;
            self.skip_space();
            match self.peek() {
                Token::Assign | Token::Declare => {
                    pipe.assigns = *self.peek() == Token::Assign;
                    self.next += 1;
                    if pipe.assigns && !self.variables.contains(&name) {
                        return Err((format!("undefined variable {name:?}"), self.place()));
                    }
                    pipe.declared.push(name);
                    return Ok(());
                }
                Token::Comma if context == "range" && pipe.declared.is_empty() => {
                    self.next += 1;
                    pipe.declared.push(name);
                    self.skip_space();
                }
                Token::Comma => return Err((format!("too many declarations in {context}"), self.place())),
                _ => {
                    self.next = start;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn command(&mut self, context: &str) -> Result<Command, Fault> {
        let mut words = Vec::new();
        loop {
            self.skip_space();
            if let Some(word) = self.operand()? {
                words.push(word);
            }
            let at = self.place();
            match self.peek() {
                Token::Space => self.next += 1,
                Token::Pipe => {
                    self.next += 1;
                    self.skip_space();
                    if matches!(self.peek(), Token::Close | Token::RightParen) {
                        return Err((format!("missing value for {context}"), at));
                    }
                    break;
                }
                Token::Close | Token::RightParen => break,
                other => return Err((format!("unexpected {} in operand", shown(other)), at)),
            }
            self.skip_space();
            if matches!(self.peek(), Token::Close | Token::RightParen) {
                break;
            }
        }
        if words.is_empty() {
            return Err(("empty command".into(), self.place()));
        }
        Ok(Command { words })
    }

    fn operand(&mut self) -> Result<Option<Node>, Fault> {
        let Some(node) = self.term()? else { return Ok(None) };
        let at = self.place();
        let mut names = Vec::new();
        while let Token::Field(name) = self.peek() {
            names.push(name.clone());
            self.next += 1;
        }
        if names.is_empty() {
            return Ok(Some(node));
        }
        let kind = match node.kind {
            Kind::Field(mut first) => {
                first.append(&mut names);
                Kind::Field(first)
            }
            Kind::Variable(mut first) => {
                first.append(&mut names);
                Kind::Variable(first)
            }
            Kind::Dot | Kind::Nil | Kind::Bool(_) | Kind::Int { .. } | Kind::Float { .. } | Kind::Str { .. } => {
                return Err((format!("unexpected . after term {:?}", node.to_string()), at));
            }
            Kind::Chain(..) | Kind::Function(_) | Kind::Pipe(_) => Kind::Chain(Box::new(node), names),
        };
        Ok(Some(Node { at, kind }))
    }

    fn term(&mut self) -> Result<Option<Node>, Fault> {
        let at = self.place();
        let kind = match self.peek().clone() {
            Token::Word(word) => self.word(&word, at)?,
            Token::Dot => Kind::Dot,
            Token::Variable(name) => {
                if !self.variables.contains(&name) {
                    return Err((format!("undefined variable {name:?}"), at));
                }
                Kind::Variable(vec![name])
            }
            Token::Field(name) => Kind::Field(vec![name]),
            Token::Number(text) => literal::number(&text).map_err(|message| (message, at))?,
            Token::Char(text) => {
                let value = literal::character(&text).ok_or((format!("malformed character constant: {text}"), at))?;
                Kind::Int { value, text }
            }
            Token::Quoted(text) => {
                let value = literal::unquoted(&text).ok_or(("invalid syntax".to_owned(), at))?;
                Kind::Str { value: value.into(), quoted: text }
            }
            Token::Raw(text) => {
                let value: Rc<str> = text[1..text.len() - 1].replace('\r', "").into();
                Kind::Str { value, quoted: text }
            }
            Token::LeftParen => {
                self.next += 1;
                self.deeper()?;
                let pipe = self.pipe("parenthesized pipeline", &Token::RightParen)?;
                self.depth -= 1;
                return Ok(Some(Node { at, kind: Kind::Pipe(pipe) }));
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(Node { at, kind }))
    }

    fn word(&self, word: &Rc<str>, at: usize) -> Result<Kind, Fault> {
        Ok(match &**word {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "nil" => Kind::Nil,
            keyword if KEYWORDS.contains(&keyword) => return Err((format!("unexpected <{keyword}> in operand"), at)),
            name if (self.is_function)(name) => Kind::Function(word.clone()),
            name => return Err((format!("function {name:?} not defined"), at)),
        })
    }
}
