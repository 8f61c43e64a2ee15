//! The syntax tree of a template, and each node's text as Go's errors show it.

use std::fmt::{self, Write as _};
use std::rc::Rc;

/// A parsed template.
#[derive(Debug)]
pub struct Tree {
    /// The name it was defined under.
    pub name: Rc<str>,
    /// The name of the text it was parsed from; places refer to it.
    pub file: Rc<str>,
    /// That text.
    pub text: Rc<str>,
    pub body: Vec<Statement>,
}

#[derive(Debug)]
pub enum Statement {
    Text(Rc<str>),
    Action(Pipe),
    If(Control),
    With(Control),
    Range(Control),
    Template { at: usize, name: Rc<str>, pipe: Option<Pipe> },
    Break,
    Continue,
}

#[derive(Debug)]
pub struct Control {
    pub at: usize,
    pub pipe: Pipe,
    pub body: Vec<Statement>,
    pub otherwise: Vec<Statement>,
}

#[derive(Debug, Clone)]
pub struct Pipe {
    pub at: usize,
    pub declared: Vec<Rc<str>>,
    pub assigns: bool,
    pub commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub struct Command {
    pub words: Vec<Node>,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub at: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Dot,
    Nil,
    Bool(bool),
    Int { value: i64, text: Rc<str> },
    Float { value: f64, text: Rc<str> },
    Str { value: Rc<str>, quoted: Rc<str> },
    Field(Vec<Rc<str>>),
    Variable(Vec<Rc<str>>),
    Chain(Box<Node>, Vec<Rc<str>>),
    Function(Rc<str>),
    Pipe(Pipe),
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.declared.is_empty() {
            f.write_str(&self.declared.join(", "))?;
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words.iter().enumerate() {
            if at > 0 {
                f.write_char(' ')?;
            }
            match &word.kind {
                Kind::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{word}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Dot => f.write_char('.'),
            Kind::Nil => f.write_str("nil"),
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Int { text, .. } | Kind::Float { text, .. } => f.write_str(text),
            Kind::Str { quoted, .. } => f.write_str(quoted),
            Kind::Field(names) => names.iter().try_for_each(|name| write!(f, ".{name}")),
            Kind::Variable(names) => f.write_str(&names.join(".")),
            Kind::Chain(first, names) => {
                match &first.kind {
                    Kind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{first}")?,
                }
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
            Kind::Function(name) => f.write_str(name),
            Kind::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

impl Tree {
    /// `FILE:LINE:COLUMN`, the column from 0 in bytes, as Go counts.
    pub fn location(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(at, |newline| at - newline - 1);
        format!("{}:{line}:{column}", self.file)
    }
}
