//! Holds an answer against what was expected of it: status, text, pattern, JSON, headers, exit code.
//! Reads an answer already received; returns the first thing that is not as it should be.
//! Never asks, never waits.

use regex::Regex;
use serde_json::Value;

use super::ProbeError;
use crate::project::Expectation;
use crate::secret::Redactor;

/// An excerpt of an answer is at most this long.
const EXCERPT: usize = 400;
/// So is what stands within a line.
const ONE_LINE: usize = 40;
/// More than this is never looked at for what is shown.
const SHOWN: usize = 64 * 1024;

/// What came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: Option<u16>,
    /// HTTP headers, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// Exit code of a command.
    pub(super) exit_code: Option<i64>,
    /// Body or output.
    pub(super) text: String,
    /// The same for people.
    pub(super) shown: Shown,
}

/// Text for people. Secrets are struck before anything is cut from it: of a part of one the redactor knows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shown(String);

impl Shown {
    pub(super) fn new(redactor: &Redactor, text: &str) -> Self {
        Self(redactor.redact_beginning(text, SHOWN))
    }

    /// A part of it.
    pub(super) fn part(&self, pick: impl FnOnce(&str) -> &str) -> Self {
        Self(pick(&self.0).to_owned())
    }

    /// The beginning; nothing when there is only blank space.
    pub(super) fn excerpt(&self) -> Option<String> {
        let text = self.0.trim();
        let mut short: String = text.chars().filter(|c| !c.is_control() || *c == '\n').take(EXCERPT).collect();
        if text.chars().count() > EXCERPT {
            short.push('…');
        }
        Some(short).filter(|short| !short.is_empty())
    }

    /// All of it within one line, or as much as there is room for.
    pub(super) fn one_line(&self) -> String {
        let line: String = self.0.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= ONE_LINE {
            return line;
        }
        format!("{}…", line.chars().take(ONE_LINE - 1).collect::<String>())
    }
}

/// The statuses that will do when none was named: below this.
pub(super) const GOOD: u16 = 400;
/// The same where only an answer is wanted.
pub(super) const ANY: u16 = 500;

/// Fails with the first thing that is not as expected. `below` bounds a status that was not named.
pub(super) fn judge(what: &str, answer: &Answer, expect: &Expectation, below: u16) -> Result<(), ProbeError> {
    let unexpected = |found: String, wanted: String| ProbeError::Unexpected {
        what: what.to_owned(),
        found,
        wanted,
        body: answer.shown.excerpt(),
    };
    let fault = status(answer, expect, below)
        .or_else(|| exit_code(answer, expect))
        .or_else(|| header(answer, expect))
        .or_else(|| text(answer, expect))
        .or_else(|| json(answer, expect));
    fault.map_or(Ok(()), |(found, wanted)| Err(unexpected(found, wanted)))
}

type Fault = Option<(String, String)>;

fn status(answer: &Answer, expect: &Expectation, below: u16) -> Fault {
    let found = answer.status?;
    let said = format!("answered {found}");
    match expect.status {
        Some(wanted) if wanted != found => Some((said, format!("{wanted} was expected"))),
        None if found >= below => Some((said, format!("a status below {below} was expected"))),
        _ => None,
    }
}

fn exit_code(answer: &Answer, expect: &Expectation) -> Fault {
    let found = answer.exit_code?;
    let wanted = expect.exit_code.map_or(0, i64::from);
    (found != wanted).then(|| (format!("exited with code {found}"), format!("{wanted} was expected")))
}

fn header(answer: &Answer, expect: &Expectation) -> Fault {
    expect.headers.iter().find_map(|(name, wanted)| {
        let lower = name.to_ascii_lowercase();
        let mut values = answer.headers.iter().filter(|(found, _)| *found == lower).map(|(_, value)| value);
        if values.clone().any(|value| value == wanted) {
            return None;
        }
        let found =
            values.next().map_or("does not have the header".to_owned(), |value| format!("has `{name}: {value}`"));
        Some((found, format!("`{name}: {wanted}` was expected")))
    })
}

fn text(answer: &Answer, expect: &Expectation) -> Fault {
    let found = || match answer.shown.0.trim() {
        "" if answer.text.trim().is_empty() => "returned an empty response".to_owned(),
        short if short.len() <= ONE_LINE && !short.contains('\n') => format!("answered `{short}`"),
        _ => "returned a different response".to_owned(),
    };
    if let Some(wanted) = expect.equals.as_ref().filter(|wanted| answer.text.trim() != wanted.trim()) {
        return Some((found(), format!("`{wanted}` was expected")));
    }
    if let Some(wanted) = expect.contains.as_ref().filter(|wanted| !answer.text.contains(*wanted)) {
        return Some((found(), format!("text with `{wanted}` was expected")));
    }
    let wanted = expect.matches.as_ref()?;
    let matches = Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(&answer.text));
    (!matches).then(|| (found(), format!("a match of `{wanted}` was expected")))
}

fn json(answer: &Answer, expect: &Expectation) -> Fault {
    if expect.json.is_empty() {
        return None;
    }
    let Ok(value) = serde_json::from_str::<Value>(&answer.text) else {
        return Some(("returned invalid JSON".to_owned(), "JSON was expected".to_owned()));
    };
    expect.json.iter().find_map(|(pointer, wanted)| match value.pointer(pointer) {
        Some(found) if alike(found, wanted) => None,
        Some(found) => Some((format!("has {found} at `{pointer}`"), format!("{wanted} was expected"))),
        None => Some((format!("has nothing at `{pointer}`"), format!("{wanted} was expected"))),
    })
}

/// Numbers are compared as numbers: `1` in YAML is `1.0` in some answers.
fn alike(found: &Value, wanted: &Value) -> bool {
    found == wanted || found.as_f64().zip(wanted.as_f64()).is_some_and(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(text: &str) -> Expectation {
        serde_yaml_ng::from_str(text).unwrap()
    }

    fn said(answer: &Answer, expectation: &str) -> String {
        match judge("it", answer, &expect(expectation), GOOD) {
            Ok(()) => "passed".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn page(status: u16, text: &str) -> Answer {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Answer { status: Some(status), headers, ..answer(text) }
    }

    fn answer(text: &str) -> Answer {
        Answer { text: text.to_owned(), shown: Shown(text.to_owned()), ..Answer::default() }
    }

    #[test]
    fn a_page_is_held_against_every_expectation() {
        let body = r#"{"status":"ok","replicas":2,"parts":[{"up":true}]}"#;
        for (status, expectation, result) in [
            (200, "{}", "passed"),
            (302, "{}", "passed"),
            (404, "{}", "it answered 404, a status below 400 was expected"),
            (404, "{ status: 404 }", "passed"),
            (200, "{ status: 201 }", "it answered 200, 201 was expected"),
            (200, "{ contains: replicas }", "passed"),
            (200, "{ contains: nothing }", "it returned a different response, text with `nothing` was expected"),
            (200, "{ matches: 'status.:.ok' }", "passed"),
            (200, "{ matches: '^ok$' }", "it returned a different response, a match of `^ok$` was expected"),
            (200, "{ json: { /status: ok, /replicas: 2.0, /parts/0/up: true } }", "passed"),
            (200, "{ json: { /status: bad } }", "it has \"ok\" at `/status`, \"bad\" was expected"),
            (200, "{ json: { /missing: 1 } }", "it has nothing at `/missing`, 1 was expected"),
            (200, "{ headers: { Content-Type: application/json } }", "passed"),
            (
                200,
                "{ headers: { Content-Type: text/html } }",
                "it has `Content-Type: application/json`, `Content-Type: text/html` was expected",
            ),
            (
                200,
                "{ headers: { X-Frame-Options: DENY } }",
                "it does not have the header, `X-Frame-Options: DENY` was expected",
            ),
        ] {
            assert_eq!(said(&page(status, body), expectation), result, "{expectation}");
        }
        assert_eq!(said(&page(200, "<html>"), "{ json: { /a: 1 } }"), "it returned invalid JSON, JSON was expected");
    }

    #[test]
    fn a_command_is_held_against_its_exit_code_and_output() {
        let ran = |code, text: &str| Answer { exit_code: Some(code), ..answer(text) };
        assert_eq!(said(&ran(0, "42\n"), "{ equals: '42' }"), "passed");
        assert_eq!(said(&ran(0, "41\n"), "{ equals: '42' }"), "it answered `41`, `42` was expected");
        assert_eq!(said(&ran(3, ""), "{}"), "it exited with code 3, 0 was expected");
        assert_eq!(said(&ran(3, ""), "{ exit_code: 3 }"), "passed");
        assert_eq!(said(&ran(0, ""), "{ contains: a }"), "it returned an empty response, text with `a` was expected");
    }

    #[test]
    fn an_excerpt_is_short_and_shows_no_control_characters() {
        let excerpt = |text: &str| Shown(text.to_owned()).excerpt();
        assert_eq!(excerpt("  \n"), None);
        assert_eq!(excerpt("a\u{1b}[31mb\n").unwrap(), "a[31mb");
        assert_eq!(excerpt(&"ö".repeat(1000)).unwrap().chars().count(), EXCERPT + 1);
    }

    #[test]
    fn what_stands_in_a_line_is_short() {
        let one_line = |text: &str| Shown(text.to_owned()).one_line();
        assert_eq!(one_line("select\n  1"), "select 1");
        assert_eq!(one_line(&"x".repeat(80)).chars().count(), ONE_LINE);
    }

    /// Wherever the cut falls, whatever stands before the value.
    #[test]
    fn no_part_of_a_secret_is_left_by_a_cut() {
        let redactor = Redactor::new(&[crate::secret::Secret::new("S3cr/et+va  lue\"x&1")]);
        for before in (0..60).chain(380..=EXCERPT).chain(SHOWN - 30..=SHOWN) {
            for filler in ["x", " ", "\u{1}"] {
                let text = format!("{}S3cr/et+va  lue\"x&1", filler.repeat(before));
                let shown = Shown::new(&redactor, &text);
                for cut in [shown.excerpt().unwrap_or_default(), shown.one_line()] {
                    assert!(!cut.contains("S3c"), "{before} times {filler:?}: {cut}");
                }
            }
        }
    }
}
