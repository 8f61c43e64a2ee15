//! Decides whether a value is a stand-in that somebody forgot to replace.
//! Reads a value and returns why it is a placeholder, in words.
//! Never judges how hard a real value is to guess.

/// Values that are nobody's secret, in lower case without punctuation.
const WORDS: &[&str] = &[
    "changeme",
    "changeit",
    "changethis",
    "dummy",
    "example",
    "fillme",
    "fixme",
    "foobar",
    "hunter2",
    "insecure",
    "password",
    "placeholder",
    "replaceme",
    "replacethis",
    "sample",
    "secret",
    "tbd",
    "test",
    "todo",
    "topsecret",
];

/// Beginnings and endings of stand-ins, in lower case without punctuation.
const STEMS: &[&str] =
    &["changeme", "changethis", "replaceme", "replacewith", "inserthere", "supersecret", "notsosecret", "placeholder"];

/// Why `value` is a placeholder, or `None` for one that may be real.
pub fn placeholder_reason(value: &str) -> Option<&'static str> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Some("it is empty");
    }
    let lower = trimmed.to_ascii_lowercase();
    let letters: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    // `KEY=  # comment` has no value and no comment: Compose takes what is there for the value.
    if trimmed == "#" || trimmed.starts_with("# ") {
        return Some("it looks like a comment, but a comment cannot directly follow `=`");
    }
    if is_bracketed(trimmed) {
        return Some("it is a bracketed placeholder");
    }
    if lower.starts_with("your") && (lower.ends_with("here") || lower.contains(['-', '_', ' '])) {
        return Some("it contains `your …`");
    }
    if lower.ends_with("-here") || lower.ends_with("_here") {
        return Some("it contains `… here`");
    }
    if WORDS.contains(&letters.as_str()) || STEMS.iter().any(|stem| letters.starts_with(stem)) {
        return Some("it is a word used in examples");
    }
    let mut characters = trimmed.chars();
    let first = characters.next()?;
    if trimmed.chars().count() >= 3 && characters.all(|c| c == first) {
        return Some("it repeats one character");
    }
    let tail = lower.rsplit(['-', '_']).next().unwrap_or(&lower);
    if tail.len() >= 3 && tail.chars().all(|c| c == 'x' || c == '.' || c == '*') {
        return Some("it is masked");
    }
    None
}

/// `<token>`, `{{ token }}`, `[token]`, `%token%`, `${TOKEN}`: something was to be filled in.
fn is_bracketed(value: &str) -> bool {
    let pairs = [("<", ">"), ("{{", "}}"), ("[", "]"), ("%", "%"), ("${", "}"), ("__", "__")];
    pairs.iter().any(|(open, close)| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_examples_hold_is_a_placeholder() {
        for value in [
            "",
            "  ",
            "changeme",
            "Change_Me!",
            "change-me-in-production",
            "<token>",
            "your-api-key-here",
            "your_secret",
            "sk-xxx",
            "xxxxxxxx",
            "REPLACE_ME",
            "${TOKEN}",
            "{{ token }}",
            "todo",
            "000000",
            "password",
            "sk-...",
            "paste-token-here",
            "# from the console",
        ] {
            assert!(placeholder_reason(value).is_some(), "{value:?}");
        }
    }

    #[test]
    fn what_was_generated_is_not() {
        for value in [
            "kV3_x9Qm-72LrTz0",
            "sk-proj-4f6b2c",
            "correct-horse-battery-staple",
            "yourtube42",
            "9f1c2d",
            "a1b2c3d4e5f6",
            "#kV3_x9Qm-72Lr",
        ] {
            assert_eq!(placeholder_reason(value), None, "{value:?}");
        }
    }
}
