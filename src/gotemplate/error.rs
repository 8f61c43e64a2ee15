//! Errors of parsing and execution in Go's words, and failures of functions before they have a place.

use std::fmt;

/// A template that is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The template's name.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// Go's words.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template: {}:{}: {}", self.name, self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// A template that failed, as Go reports it: `template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecError {
    /// The whole chain in Go's words.
    pub message: String,
    /// `NAME:LINE:COLUMN` of the outermost place.
    pub location: String,
    /// The text of `fail` or `required`, when one of them ended the template.
    pub said: Option<String>,
    /// Whether a bound on work or memory ended it.
    pub over_limit: bool,
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExecError {}

/// What a function answers instead of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// An error in the function's words.
    Message(String),
    /// The text of `fail` or `required`.
    Said(String),
    /// A bound was exceeded.
    Limit(String),
    /// The error of a template that the function executed.
    Nested(Box<ExecError>, String),
}

impl Failure {
    /// The words of the failure.
    pub fn words(&self) -> String {
        match self {
            Failure::Message(text) | Failure::Limit(text) | Failure::Said(text) => text.clone(),
            Failure::Nested(inner, before) => format!("{before}{inner}"),
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure::Message(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Failure::Message(text.to_owned())
    }
}
