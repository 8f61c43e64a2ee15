//! Where the reader Compose uses is more lenient or stricter than ours: layout of flow collections, tabs, directives.
//! Reads a text and where ours stopped; returns the text with that place put right, or the refusal Compose would give.
//! Never changes what the text means.

use saphyr_parser::{Event, Span};

use super::error::YamlError;
use crate::compose::value::Position;

/// Deeper than anything the line can have to be indented beyond.
const DEEP: &str = "                                ";

/// The text with the place put right that our reader stopped at, when Compose's reader takes it.
pub(super) fn mended(text: &str, error: &YamlError) -> Option<String> {
    let line = usize::try_from(error.at.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(error.at.column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let written = text[start..].lines().next()?;
    let is = |words: &str| error.message.contains(words);
    if is("must be followed by a valid YAML whitespace") {
        let colon = written.find(":\t")? + 1;
        let tabs = written[colon..].bytes().take_while(|c| *c == b'\t').count();
        let spaces = " ".repeat(tabs);
        return Some(format!("{}{spaces}{}", &text[..start + colon], &text[start + colon + tabs..]));
    }
    if is("comments must be separated") {
        let at = start + written.char_indices().nth(column)?.0;
        return Some(format!("{} {}", &text[..at], &text[at..]));
    }
    if is("invalid indentation in quoted scalar") {
        let at = start + written.char_indices().nth(column)?.0;
        return indented_quoted(text, at);
    }
    let shallow = is("invalid indentation") && !is("anchor");
    (shallow || is("tab cannot be used as indentation")).then(|| indented(text, start))?
}

/// A line moved to the right; nothing when it is there already.
fn indented(text: &str, start: usize) -> Option<String> {
    (!text[start..].starts_with(DEEP)).then(|| format!("{}{DEEP}{}", &text[..start], &text[start..]))
}

/// The lines a quoted text goes on in moved to the right: their leading blanks are no part of it.
fn indented_quoted(text: &str, at: usize) -> Option<String> {
    let length = quoted_length(&text[at..])?;
    let (before, quoted, after) = (&text[..at], &text[at..at + length], &text[at + length..]);
    let deep = format!("\n{DEEP}");
    let wanted = quoted.contains('\n') && !quoted.contains(&deep);
    wanted.then(|| format!("{before}{}{after}", quoted.replace('\n', &deep)))
}

/// The marks around quoted texts, and what escapes in the double one.
const DOUBLE: u8 = 0x22;
const SINGLE: u8 = 0x27;
const BACKSLASH: u8 = 0x5c;

/// The length of the quoted text a text begins with.
fn quoted_length(text: &str) -> Option<usize> {
    let mark = text.bytes().next().filter(|c| matches!(*c, DOUBLE | SINGLE))?;
    let mut rest = text.bytes().enumerate().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        let doubled = c == SINGLE && rest.peek().is_some_and(|(_, next)| *next == c);
        match c {
            BACKSLASH if mark == DOUBLE => drop(rest.next()),
            SINGLE if mark == c && doubled => drop(rest.next()),
            c if c == mark => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Refuses directives Compose's reader does not know.
pub(super) fn refuse_directives(text: &str, file: u16) -> Result<(), YamlError> {
    let head = text.lines().take_while(|line| line.is_empty() || line.starts_with(['%', '#']));
    for (number, line) in head.enumerate().filter(|(_, line)| line.starts_with('%')) {
        let mut words = line.split_whitespace();
        let message = match (words.next(), words.next()) {
            (Some("%TAG"), _) | (Some("%YAML"), Some("1.1")) => continue,
            (Some("%YAML"), _) => "only YAML 1.1 is supported",
            _ => "unknown directive",
        };
        let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
        return Err(YamlError::new(Position { file, line, column: 1 }, message));
    }
    Ok(())
}

/// Finds tabs that indent: outside of texts and flow collections Compose's reader takes none, not even in empty lines.
#[derive(Default)]
pub(super) struct TabCheck<'t> {
    /// Every line, when the text has a tab at all.
    lines: Vec<&'t str>,
    /// Lines that continue a text or a flow collection.
    free: Vec<bool>,
    /// For each open collection the line it begins in, when it is a flow collection.
    open: Vec<Option<usize>>,
}

impl<'t> TabCheck<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let lines: Vec<&str> = if text.contains('\t') { text.lines().collect() } else { Vec::new() };
        Self { free: vec![false; lines.len() + 2], lines, open: Vec::new() }
    }

    pub(super) fn see(&mut self, event: &Event<'_>, span: &Span) {
        if self.lines.is_empty() {
            return;
        }
        let (first, last) = (span.start.line(), span.end.line());
        match event {
            Event::Scalar(..) => self.set_free(first, last),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let line = self.lines.get(first.saturating_sub(1)).copied().unwrap_or_default();
                let flow = line.chars().nth(span.start.col()).is_some_and(|c| matches!(c, '[' | '{'));
                self.open.push(flow.then_some(first));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Some(begun)) = self.open.pop() {
                    self.set_free(begun, last);
                }
            }
            _ => {}
        }
    }

    fn set_free(&mut self, first: usize, last: usize) {
        let last = last.min(self.lines.len());
        for line in first + 1..=last {
            self.free[line] = true;
        }
    }

    pub(super) fn refuse(&self, file: u16) -> Result<(), YamlError> {
        for (number, line) in self.lines.iter().enumerate().filter(|(number, _)| !self.free[number + 1]) {
            if let Some(column) = indenting_tab(line) {
                let small = |value: usize| u32::try_from(value + 1).unwrap_or(u32::MAX);
                let at = Position { file, line: small(number), column: small(column) };
                return Err(YamlError::new(at, "a tab cannot indent: use spaces"));
            }
        }
        Ok(())
    }
}

/// The column of a tab before the first word of a line, also after the dash of a list's item.
fn indenting_tab(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    for (at, c) in bytes.iter().enumerate() {
        let blank_follows = bytes.get(at + 1).is_none_or(|next| matches!(next, b' ' | b'\t'));
        match c {
            b'\t' => return Some(at),
            b' ' => {}
            b'-' | b'?' if blank_follows => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::compose::json::{Layout, to_string};
    use crate::compose::yaml::parse;

    fn json(text: &str) -> String {
        to_string(&parse(text, 0).unwrap()[0].root, Layout::Compact).unwrap()
    }

    #[test]
    fn flow_collections_and_quoted_texts_may_go_on_anywhere() {
        let cases = [
            ("a:\n  b: [\n  x,\ny\n  ]\n  c: 1\n", r#"{"a":{"b":["x","y"],"c":1}}"#),
            ("a:\n  b: {\n    x: 1\n}\n", r#"{"a":{"b":{"x":1}}}"#),
            ("a:\n  b: \"one\n two\n\tthree\"\n  c: 'it''s\ny'\n", r#"{"a":{"b":"one two three","c":"it's y"}}"#),
            ("a: 'x'#c\nb: [y]#c\n", r#"{"a":"x","b":["y"]}"#),
            ("a:\t1\nb:\t|\n  x\n", r#"{"a":1,"b":"x\n"}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(json(text), expected, "{text:?}");
        }
    }

    #[test]
    fn tabs_that_indent_and_directives_of_other_versions_are_refused() {
        for text in ["a:\n  -\tx\n", "a: 1\n\t\nb: 2\n", "\t\na: 1\n", "%YAML 1.2\n---\na: 1\n", "%FOO x\n---\na: 1\n"]
        {
            assert!(parse(text, 0).is_err(), "{text:?}");
        }
    }
}
