//! What is wrong with a template: file, line, column, the line itself with a caret, and the nearest name.
//! Reads tera's errors and the sources; returns facts and their text.
//! Never shows a value.

use std::fmt;

use tera::ErrorKind as TeraKind;

use super::scope::{Scope, TemplateFile};
use crate::error::{ErrorKind, Hint, nearest};

/// One fault of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Diagnosis {
    /// The template.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub line: usize,
    /// Column, from 1; 0 when unknown.
    pub column: usize,
    /// What is wrong, as a fragment.
    pub message: String,
    /// The defined name nearest to the one written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// The line and, under it, the caret.
    #[serde(skip)]
    snippet: String,
}

/// Why templates could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// They are wrong in one or more places.
    #[error("{}", listed(.0))]
    Invalid(Vec<Diagnosis>),
    /// One makes more than a configuration file holds.
    #[error("{file}: the rendered file is larger than 16 MiB")]
    TooLarge { file: String },
    /// They do not come to an end.
    #[error("{files}: rendering was given up after {seconds}s")]
    TooSlow { files: String, seconds: u64 },
    /// Rendering broke off.
    #[error("{files}: rendering broke off")]
    Broken { files: String },
    /// They hold ever larger values.
    #[error("{files}: rendering was given up as it takes more than {mebibytes} MiB of memory")]
    TooMuchMemory { files: String, mebibytes: u64 },
}

impl Hint for TemplateError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

fn listed(faults: &[Diagnosis]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    match &texts[..] {
        [only] => only.clone(),
        several => format!("{} problems in the templates\n{}", several.len(), several.join("\n")),
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.file.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        f.write_str(&self.snippet)
    }
}

/// tera's error as ours. Unknown filters, tests and functions come as several finished reports in one message.
pub(super) fn diagnose(error: &tera::Error, sources: &[TemplateFile], scope: &Scope<'_>) -> Vec<Diagnosis> {
    if let TeraKind::SyntaxError(report) | TeraKind::RenderingError(report) = error.kind() {
        let span = report.span();
        let end = if span.end_line == span.start_line { span.end_col } else { usize::MAX };
        let place = ErrorSpan { file: report.filename(), line: span.start_line, start: span.start_col, end };
        return vec![place.diagnosis(report.message(), sources, scope)];
    }
    let text = error.to_string();
    let found: Vec<Diagnosis> = text.split("error: ").filter_map(|part| finished(part, sources, scope)).collect();
    if found.is_empty() { vec![Diagnosis { message: lowered(&text), ..Diagnosis::default() }] } else { found }
}

/// A report tera has drawn already: `MESSAGE`, ` --> FILE:LINE:COLUMN`, the line, the caret.
fn finished(report: &str, sources: &[TemplateFile], scope: &Scope<'_>) -> Option<Diagnosis> {
    let (message, rest) = report.split_once("\n")?;
    let mut place = rest.trim_start().strip_prefix("--> ")?.lines().next()?.rsplitn(3, ':');
    let column: usize = place.next()?.parse().ok()?;
    let line = place.next()?.parse().ok()?;
    let carets = rest.lines().find_map(|line| Some(line.split_once('^')?.1.len() + 1)).unwrap_or(1);
    let start = column.checked_sub(1)?;
    Some(ErrorSpan { file: place.next()?, line, start, end: start + carets }.diagnosis(message, sources, scope))
}

/// Where a fault is; columns from 0.
struct ErrorSpan<'a> {
    file: &'a str,
    line: usize,
    start: usize,
    end: usize,
}

impl ErrorSpan<'_> {
    fn diagnosis(&self, message: &str, sources: &[TemplateFile], scope: &Scope<'_>) -> Diagnosis {
        let text = sources.iter().find(|source| source.name == self.file).map_or("", |source| source.text.as_str());
        let line = text.lines().nth(self.line.saturating_sub(1)).unwrap_or_default();
        let width = self.end.min(line.chars().count()).saturating_sub(self.start).max(1);
        let written: String = line.chars().skip(self.start).take(width).collect();
        let (message, near) = reworded(message, &written, scope);
        Diagnosis {
            file: self.file.to_owned(),
            line: self.line,
            column: self.start + 1,
            message,
            nearest: near,
            snippet: snippet(line, self.line, (self.start, width)),
        }
    }
}

/// The message as a fragment, with the nearest name instead of tera's list of all of them.
fn reworded(message: &str, written: &str, scope: &Scope<'_>) -> (String, Option<String>) {
    let lists = [" Available variables: ", " Available fields: "];
    for list in lists {
        if let Some((what, names)) = message.split_once(list) {
            let name = what.split('`').nth(1).unwrap_or_default();
            return (lowered(what), nearest(name, names.split(", ")).map(str::to_owned));
        }
    }
    if let Some(name) = message.strip_prefix("Unknown filter `").and_then(|rest| rest.strip_suffix('`')) {
        return (lowered(message), nearest(name, super::filters::NAMES).map(str::to_owned));
    }
    if message.contains("that is undefined") {
        let (name, near) = missing(written.trim(), scope);
        return (format!("`{name}` is not defined"), near);
    }
    (lowered(message), None)
}

/// The first part of a path that leads nowhere, and the nearest name beside it.
fn missing(path: &str, scope: &Scope<'_>) -> (String, Option<String>) {
    let mut parts = path.split('.');
    if parts.next() != Some("values") {
        return (path.to_owned(), None);
    }
    let mut at = scope.values;
    let mut walked = "values".to_owned();
    for part in parts {
        walked = format!("{walked}.{part}");
        match at.get(part) {
            Some(serde_json::Value::Object(inner)) => at = inner,
            Some(_) => break,
            None => return (walked, nearest(part, at.keys().map(String::as_str)).map(str::to_owned)),
        }
    }
    (path.to_owned(), None)
}

fn snippet(line: &str, number: usize, (column, width): (usize, usize)) -> String {
    let number = number.to_string();
    let gutter = " ".repeat(number.len());
    // A tab under a tab keeps the caret where it belongs.
    let lead: String = line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("\n  {number} | {line}\n  {gutter} | {lead}{}", "^".repeat(width))
}

fn lowered(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut characters = message.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}
