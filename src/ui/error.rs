//! Draws an error: what happened, what caused it, what to do next.
//! Reads the messages and hints gathered on the way; returns text or one JSON object.
//! Never decides the exit code: the kind does.

use serde_json::json;

use super::printable::{self, printable};
use super::steps::indented;
use super::style::Paint;
use crate::error::Error;
use crate::secret::Redactor;
use crate::session::report::Tone;

/// `error: …`, a `caused by: …` for each cause, a `hint: …` for each hint; later lines of one message are indented.
pub fn error_text(error: &Error, redactor: &Redactor, color: bool) -> String {
    let paint = Paint::new(color);
    let mut text = String::new();
    for (depth, message) in error.messages().iter().enumerate() {
        let message = printable::message(&redactor.redact(message));
        if depth == 0 {
            text.push_str(&format!("{} {}\n", paint.strong("error:", Tone::Bad), indented(&message)));
        } else {
            let label = paint.strong("caused by:", Tone::Plain);
            text.push_str(&format!("  {label} {}\n", indented(&message).replace('\n', "\n  ")));
        }
    }
    for line in error.details() {
        text.push_str(&format!("  {} {}\n", paint.strong("|", Tone::Dim), printable(&redactor.redact(line))));
    }
    for hint in error.hints() {
        text.push_str(&format!(
            "{} {}\n",
            paint.strong("hint:", Tone::Dim),
            indented(&printable(&redactor.redact(hint)))
        ));
    }
    text
}

/// The same for programs: `error`, `causes`, `hints`, `kind` and `exit_code` in one object on one line.
pub fn error_json(error: &Error, redactor: &Redactor) -> serde_json::Value {
    let messages = error.messages();
    let (first, causes) = messages.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    redactor.redact_json(&json!({
        "error": first,
        "causes": causes,
        "details": error.details(),
        "hints": error.hints(),
        "kind": error.kind(),
        "exit_code": error.kind().exit_code(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Hint};
    use crate::secret::Secret;

    #[derive(Debug, thiserror::Error)]
    #[error("service `{service}` did not become healthy within 60s")]
    struct Unhealthy {
        service: &'static str,
        source: Answered,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("GET http://10.0.0.7:8080/health?key=s3cr3t-word answered 503\nbody: starting")]
    struct Answered;

    impl Hint for Unhealthy {
        fn kind(&self) -> ErrorKind {
            ErrorKind::NotReady
        }

        fn hints(&self) -> Vec<String> {
            vec!["see `aictl logs api`".to_owned()]
        }
    }

    fn error() -> Error {
        Unhealthy { service: "api", source: Answered }.into()
    }

    fn redactor() -> Redactor {
        Redactor::new(&[Secret::new("s3cr3t-word")])
    }

    #[test]
    fn an_error_says_what_why_and_what_next() {
        insta::assert_snapshot!(error_text(&error(), &redactor(), false), @"
        error: service `api` did not become healthy within 60s
          caused by: GET http://10.0.0.7:8080/health?key=[redacted] answered 503
            body: starting
        hint: see `aictl logs api`
        ");
    }

    #[test]
    fn colour_marks_the_first_words_only() {
        let colored = error_text(&error(), &redactor(), true);
        assert!(colored.starts_with("\x1b[31m\x1b[1merror:\x1b[0m service `api`"), "{colored:?}");
        assert_eq!(console::strip_ansi_codes(&colored), error_text(&error(), &redactor(), false));
    }

    #[test]
    fn programs_get_the_kind_and_the_exit_code() {
        insta::assert_snapshot!(error_json(&error(), &redactor()), @r#"{"error":"service `api` did not become healthy within 60s","causes":["GET http://10.0.0.7:8080/health?key=[redacted] answered 503\nbody: starting"],"details":[],"hints":["see `aictl logs api`"],"kind":"not-ready","exit_code":3}"#);
    }
}
