//! `.env` and `env_file` contents, by the rules of Compose's own parser.
//! Reads a text and a lookup; adds names and values to a map.
//! Never opens a file and never reads the process environment.

use std::collections::BTreeMap;

use super::dotenv_escapes::unescaped;
use super::interpolate::{Fault, Variables, substitute};

/// What is wrong with an env file: a line, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFileError {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// The required variable without a value, if that is the problem.
    pub required: Option<String>,
}

/// Looks a name up outside the file.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One statement of a text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// The value as a program gets it; `None` for a name alone that nothing gives a value.
    pub value: Option<String>,
    /// Line the statement begins on, from 1.
    pub line: u32,
    /// Bytes of the text that are the value with its quotes and, when unquoted, a comment behind it, without the line's
    /// end; empty for a name alone, right behind it.
    pub span: std::ops::Range<usize>,
    /// Whether a `=` or `:` stands between the name and the value.
    pub signed: bool,
    /// Names the value refers to that nothing gives a value, so that they became empty.
    pub unset: Vec<String>,
}

/// Bytes that the values of one file may come to.
const MOST: usize = 16 * 1024 * 1024;

/// A value of a text that lost a part: it refers to a variable without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shortened {
    /// The name it is for.
    pub key: String,
    /// Line the statement begins on, from 1.
    pub line: u32,
}

impl Shortened {
    /// What is said of it. The variable is not named: where `$` was meant as a character, its name is a part of a secret.
    pub(crate) fn message(&self) -> String {
        format!(
            "{} refers to a variable that is not set, and that part of its value is empty; to keep `$` as a character, put the \
             value in single quotes",
            self.key
        )
    }
}

/// Reads a text into `vars`; names found by `lookup` win over names read before when a value refers to them.
pub(crate) fn parse(
    text: &str,
    vars: &mut BTreeMap<String, String>,
    lookup: Lookup<'_>,
) -> Result<Vec<Shortened>, EnvFileError> {
    let mut shortened = Vec::new();
    read(text, vars, lookup, &mut |entry| {
        if !entry.unset.is_empty() {
            shortened.push(Shortened { key: entry.key, line: entry.line });
        }
    })?;
    Ok(shortened)
}

/// Every statement of a text in its order.
pub(crate) fn entries(text: &str, lookup: Lookup<'_>) -> Result<Vec<Entry>, EnvFileError> {
    let mut found = Vec::new();
    read(text, &mut BTreeMap::new(), lookup, &mut |entry| found.push(entry))?;
    Ok(found)
}

fn read(
    text: &str,
    vars: &mut BTreeMap<String, String>,
    lookup: Lookup<'_>,
    each: &mut dyn FnMut(Entry),
) -> Result<(), EnvFileError> {
    let mut parser = Parser { line: 1, begun: 1, lookup, unset: Vec::new() };
    let mut made = 0;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while let Some(start) = parser.statement(rest) {
        parser.begun = parser.line;
        let key = parser.key(start)?;
        if key.name.contains(' ') {
            return Err(parser.error("key cannot contain a space"));
        }
        let (value, after) = match key.inherited {
            true => (lookup(key.name), key.after),
            false => parser.value(key.after, vars).map(|(value, after)| (Some(value), after))?,
        };
        let at = |rest: &str| text.len() - rest.len();
        let span = match key.inherited {
            true => at(key.behind)..at(key.behind),
            false => written(text, at(key.after)..at(after)),
        };
        let (unset, line) = (std::mem::take(&mut parser.unset), parser.begun);
        each(Entry { key: key.name.to_owned(), value: value.clone(), line, span, signed: key.signed, unset });
        if let Some(value) = value {
            made += value.len();
            vars.insert(key.name.to_owned(), value);
        }
        if made > MOST {
            return Err(parser.error(format!("the values of the file come to more than {} MiB", MOST / 1024 / 1024)));
        }
        rest = after;
    }
    Ok(())
}

/// The part of a value's bytes that may be replaced: the end of its line, `\n` or `\r\n`, is not of it.
fn written(text: &str, value: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let start = value.start;
    let value = &text[value];
    let line = value.strip_suffix('\n').unwrap_or(value);
    let line = line.strip_suffix('\r').unwrap_or(line);
    // The return of an empty value was passed over as a blank before it.
    let passed = usize::from(line.is_empty() && text[..start].ends_with('\r'));
    start - passed..start - passed + line.len()
}

/// Reads a text whose values are taken as they are: `format: raw`.
pub(crate) fn parse_raw(
    text: &str,
    vars: &mut BTreeMap<String, String>,
    lookup: Lookup<'_>,
) -> Result<(), EnvFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').map_or((line, None), |(key, value)| (key, Some(value)));
        let message = if key.is_empty() {
            Some("no variable name before `=`".to_owned())
        } else {
            key.contains([' ', '\t']).then(|| format!("variable '{key}' contains whitespaces"))
        };
        if let Some(message) = message {
            return Err(EnvFileError { line: u32::try_from(number + 1).unwrap_or(0), message, required: None });
        }
        match value {
            Some(value) => {
                vars.insert(key.to_owned(), value.to_owned());
            }
            None => {
                if let Some(value) = lookup(key) {
                    vars.insert(key.to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

struct Parser<'a> {
    line: u32,
    lookup: Lookup<'a>,
    /// The line the statement being read begins on, where its errors are, and what it refers to in vain.
    begun: u32,
    unset: Vec<String>,
}

/// The name a statement begins with, and what follows it.
struct Key<'t> {
    name: &'t str,
    /// The rest of the text right behind the name.
    behind: &'t str,
    /// The rest from the value on; from the next line on for a name alone.
    after: &'t str,
    signed: bool,
    /// Whether it is a name alone, whose value comes from outside.
    inherited: bool,
}

struct Scope<'a> {
    lookup: Lookup<'a>,
    vars: &'a BTreeMap<String, String>,
    unset: &'a mut Vec<String>,
}

impl Variables for Scope<'_> {
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).or_else(|| self.vars.get(name).cloned())
    }

    fn unset(&mut self, name: &str) {
        self.unset.push(name.to_owned());
    }
}

/// Blank, but not a line break.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> EnvFileError {
        EnvFileError { line: self.begun, message: message.into(), required: None }
    }

    /// The rest from the next statement on, without blanks and comments.
    fn statement<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let mut rest = text;
        loop {
            let start = rest.find(|c: char| {
                self.line += u32::from(c == '\n');
                !c.is_whitespace()
            })?;
            rest = &rest[start..];
            if !rest.starts_with('#') {
                return Some(rest);
            }
            rest = &rest[rest.find('\n')?..];
        }
    }

    fn key<'t>(&mut self, text: &'t str) -> Result<Key<'t>, EnvFileError> {
        let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace));
        let text = exported.map_or(text, |rest| rest.trim_start_matches(is_blank));
        for (at, c) in text.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    let (inherited, key) = (c == '\n', &text[..at]);
                    self.line += u32::from(inherited && !key.contains(' '));
                    let name = key.trim_end();
                    let after = text[at + 1..].trim_start_matches(is_blank);
                    return Ok(Key { name, behind: &text[name.len()..], after, signed: !inherited, inherited });
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if is_blank(c) || c.is_alphabetic() || c.is_numeric() => {}
                // What follows may be a value, so the line itself is not shown.
                c => return Err(self.error(format!("unexpected character {:?} in variable name", c.to_string()))),
            }
        }
        if text.is_empty() {
            return Err(self.error("zero length string"));
        }
        // A last line without a value and without a line break names nothing: Compose's parser takes it for a value.
        let after = text.trim_start_matches(is_blank);
        Ok(Key { name: "", behind: text, after, signed: false, inherited: false })
    }

    fn value<'t>(&mut self, text: &'t str, vars: &BTreeMap<String, String>) -> Result<(String, &'t str), EnvFileError> {
        match text.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(text, *quote, vars),
            _ => {
                let (value, rest) = text.split_once('\n').unwrap_or((text, ""));
                self.line += 1;
                let value = value.split_once(" #").map_or(value, |(value, _)| value).trim_end();
                Ok((self.expand(value, vars)?, rest))
            }
        }
    }

    fn quoted<'t>(
        &mut self,
        text: &'t str,
        quote: u8,
        vars: &BTreeMap<String, String>,
    ) -> Result<(String, &'t str), EnvFileError> {
        let bytes = text.as_bytes();
        let mut content = Vec::new();
        let mut escaped = false;
        for (at, c) in bytes.iter().copied().enumerate().skip(1) {
            self.line += u32::from(c == b'\n');
            if c == quote && !escaped {
                let content = String::from_utf8_lossy(&content).into_owned();
                let value = if quote == b'"' { self.expand(&unescaped(&content), vars)? } else { content };
                return Ok((value, &text[at + 1..]));
            }
            if c == b'\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && c != quote {
                content.push(b'\\');
            }
            escaped = false;
            content.push(c);
        }
        Err(self.error("unterminated quoted value"))
    }

    fn expand(&mut self, value: &str, vars: &BTreeMap<String, String>) -> Result<String, EnvFileError> {
        let mut faults = Vec::new();
        let filled = substitute(value, &mut Scope { lookup: self.lookup, vars, unset: &mut self.unset }, &mut faults);
        match faults.into_iter().next() {
            // The value may be a secret.
            Some(Fault::Malformed) => Err(self.error(
                "invalid interpolation format; put the value in single quotes, or write $$ for a literal dollar sign",
            )),
            Some(fault @ (Fault::Required(..) | Fault::TooDeep | Fault::TooLong)) => {
                let error = self.error(fault.clone().explained(value));
                Err(EnvFileError { required: fault.required(), ..error })
            }
            None => Ok(filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, parse, parse_raw};

    fn read(text: &str) -> Vec<(String, String)> {
        let mut vars = BTreeMap::new();
        parse(text, &mut vars, &|name| (name == "OUT").then(|| "outer".to_owned())).unwrap();
        vars.into_iter().collect()
    }

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let cases = [
            ("A=1", "1"),
            ("export A=1", "1"),
            ("A = spaced ", "spaced"),
            ("A: yaml", "yaml"),
            ("A='single $X #'", "single $X #"),
            ("A=\"a\\nb\"", "a\nb"),
            ("A=\"q\\\"q\"", "q\"q"),
            ("A=x # comment", "x"),
            ("A=x#no", "x#no"),
            ("A=$OUT", "outer"),
            ("A=${NONE:-d}", "d"),
            ("A=\"\\$x\"", "$x"),
            ("A='it\\'s'", "it's"),
            ("A=", ""),
            ("# c\n\nA=1\n", "1"),
        ];
        for (text, value) in cases {
            assert_eq!(read(text), [("A".to_owned(), value.to_owned())], "{text}");
        }
    }

    #[test]
    fn a_name_alone_is_inherited_when_it_is_known() {
        assert_eq!(read("OUT\nMISSING\n"), [("OUT".to_owned(), "outer".to_owned())]);
    }

    #[test]
    fn values_that_repeat_values_end_at_a_bound() {
        let doubled: String = (1..64).map(|n| format!("A{n}=$A{}$A{}\n", n - 1, n - 1)).collect();
        let error = |text: &str| parse(text, &mut BTreeMap::new(), &|_| None).unwrap_err().message;
        assert_eq!(error(&format!("A0=x\n{doubled}")), "interpolation makes it longer than 1 MiB");
        let many: String = (0..100).map(|n| format!("B{n}=$A\n")).collect();
        assert_eq!(
            error(&format!("A={}\n{many}", "x".repeat(900_000))),
            "the values of the file come to more than 16 MiB"
        );
        assert_eq!(
            error(&format!("A={}", "${A:-".repeat(20_000))),
            "invalid interpolation format; put the value in single quotes, or write $$ for a literal dollar sign"
        );
    }

    #[test]
    fn an_open_quote_is_an_error_with_its_line() {
        let fault = |text: &str| parse(text, &mut BTreeMap::new(), &|_| None).unwrap_err();
        assert!(fault("B=\"open\n").message.starts_with("unterminated quoted value"));
        let texts = ["#\nB=\"x\n\n", "\nA=${B:?}\nC=1", "A='\n'\nB=\"\n${C:?}\""];
        assert_eq!(texts.map(|text| fault(text).line), [2, 2, 3]);
    }

    #[test]
    fn raw_values_stay_as_written() {
        let mut vars = BTreeMap::new();
        parse_raw("A='q' $X # not a comment\n#c\nB\n", &mut vars, &|_| None).unwrap();
        assert_eq!(vars.into_iter().collect::<Vec<_>>(), [("A".to_owned(), "'q' $X # not a comment".to_owned())]);
    }
}
