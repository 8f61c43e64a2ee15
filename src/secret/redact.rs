//! Decides which known values are struck from text, and strikes them in one pass, the longest shape first.
//! Reads values as they become known and text before it is written; returns the text without them.
//! Never forgets a value, and never prints.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use super::Secret;
use super::forms::shapes;
use super::pattern::Patterns;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Shorter values would strike innocent text.
const SHORTEST: usize = 4;
/// Digits alone are ports and counts until they are this many.
const SHORTEST_NUMBER: usize = 6;

/// Words that are somebody's password in a development file and everybody's word in a message.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "app",
    "changeme",
    "database",
    "default",
    "dev",
    "development",
    "disabled",
    "elastic",
    "enabled",
    "example",
    "false",
    "grafana",
    "guest",
    "hello",
    "host",
    "http",
    "https",
    "info",
    "latest",
    "local",
    "localhost",
    "main",
    "minio",
    "mongo",
    "mysql",
    "name",
    "nginx",
    "none",
    "null",
    "password",
    "postgres",
    "postgresql",
    "prod",
    "production",
    "public",
    "qdrant",
    "rabbitmq",
    "redis",
    "release",
    "required",
    "root",
    "secret",
    "service",
    "staging",
    "string",
    "test",
    "testing",
    "token",
    "true",
    "user",
    "username",
    "value",
    "warning",
];

/// Knows the values that must not be shown. Shared by everything that writes; learns while the program runs.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

/// The values and the shapes they turn up in.
#[derive(Default)]
struct Known {
    patterns: Patterns,
    values: std::collections::BTreeSet<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Redactor({} values)", known.values.len())
    }
}

impl Redactor {
    /// A redactor that knows these values.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let redactor = Self::default();
        redactor.learn(secrets);
        redactor
    }

    /// Adds values. Values too short or too common to be told from ordinary text are left out.
    pub fn learn<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            known.add(secret.expose());
        }
    }

    /// The text with every known value struck; borrowed when there was none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).redact(text)
    }

    /// The beginning of a text, cut after so many bytes and with every known value struck. A value that the cut goes through
    /// is left out whole: nobody finds it by a part of it.
    pub fn redact_beginning(&self, text: &str, most: usize) -> String {
        if text.len() <= most {
            return self.redact(text).into_owned();
        }
        let mut kept = Vec::new();
        self.redact_piece(&text.as_bytes()[..text.floor_char_boundary(most)], false, &mut kept);
        String::from_utf8_lossy(&kept).into_owned()
    }

    /// Bytes that come in pieces: what may be written now goes to `out`, and the number of bytes that must wait for the next
    /// piece is returned, because a value may begin there. With `last` nothing waits.
    pub(super) fn redact_piece(&self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut at = 0;
        while at < bytes.len() {
            let found = known.patterns.at_start(&bytes[at..]);
            if found.begun && !last {
                break;
            }
            let Some(length) = found.whole else {
                out.push(bytes[at]);
                at += 1;
                continue;
            };
            out.extend_from_slice(REDACTED.as_bytes());
            at += length;
        }
        bytes.len() - at
    }

    /// The same for every string of a JSON value, keys included.
    pub fn redact_json(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.redact(text).into_owned()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.redact_json(item)).collect()),
            Value::Object(map) => Value::Object(
                map.iter().map(|(key, item)| (self.redact(key).into_owned(), self.redact_json(item))).collect(),
            ),
            other => other.clone(),
        }
    }
}

impl Known {
    fn add(&mut self, value: &str) {
        if !is_telling(value) || !self.values.insert(value.to_owned()) {
            return;
        }
        for shape in shapes(value).iter().filter(|shape| is_telling(shape)) {
            self.patterns.add(shape);
        }
    }

    fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut copied = 0;
        let mut at = 0;
        while at < text.len() {
            // A shape is whole characters, escaped or not, so both ends are character boundaries.
            let Some(length) = self.patterns.at_start(&text.as_bytes()[at..]).whole else {
                at += 1;
                continue;
            };
            out.push_str(&text[copied..at]);
            out.push_str(REDACTED);
            at += length;
            copied = at;
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }
}

/// Whether striking this value from text says more than it hides.
fn is_telling(value: &str) -> bool {
    let trimmed = value.trim();
    if trimmed.chars().count() < SHORTEST {
        return false;
    }
    if trimmed.bytes().all(|b| b.is_ascii_digit()) && trimmed.len() < SHORTEST_NUMBER {
        return false;
    }
    COMMON.binary_search(&trimmed.to_ascii_lowercase().as_str()).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(values: &[&str]) -> Redactor {
        let secrets: Vec<Secret> = values.iter().map(|value| Secret::new(*value)).collect();
        Redactor::new(&secrets)
    }

    #[test]
    fn the_list_of_common_words_is_sorted_for_the_search() {
        assert!(COMMON.is_sorted());
    }

    #[test]
    fn a_value_is_struck_in_every_shape_the_tools_give_it() {
        let value = "p$a'ss \"w&rd\n2";
        let redactor = redactor(&[value]);
        for text in [
            "p$a'ss \"w&rd\n2",
            "p$$a'ss \"w&rd\n2",
            "p%24a%27ss%20%22w%26rd%0A2",
            "p%24a%27ss%20%22w%26rd%0a2",
            "p%24a%27ss+%22w%26rd%0A2",
            "p%24a'ss%20%22w%26rd%0A2",
            r#"p$a'ss \"w&rd\n2"#,
            r#"p$a'ss \"w\u0026rd\n2"#,
            "p$a'\\''ss \"w&rd\n2",
            "p\\$a'ss \\\"w&rd\n2",
            "cCRhJ3NzICJ3JnJkCjI=",
            "cCRhJ3NzICJ3JnJkCjI",
        ] {
            let line = format!("before {text} after");
            assert_eq!(redactor.redact(&line), "before [redacted] after", "shape {text:?}");
        }
    }

    #[test]
    fn a_value_with_slashes_is_struck_as_a_path_too() {
        let redactor = redactor(&["pa/ss+w@rd=1"]);
        for text in ["pa%2Fss%2Bw%40rd%3D1", "pa/ss%2Bw%40rd%3D1", "pa/ss%2bw%40rd%3d1"] {
            assert_eq!(redactor.redact(text), "[redacted]", "shape {text:?}");
        }
    }

    #[test]
    fn a_password_inside_basic_authentication_is_struck() {
        let redactor = redactor(&["correct-horse-battery"]);
        for user in ["a", "ab", "abc", "abcd"] {
            use base64::Engine as _;
            let header = base64::engine::general_purpose::STANDARD.encode(format!("{user}:correct-horse-battery"));
            let shown = redactor.redact(&header).into_owned();
            assert!(shown.contains(REDACTED), "{user}: {shown}");
        }
    }

    #[test]
    fn the_longest_value_wins_where_two_begin_alike() {
        let redactor = redactor(&["abcd", "abcdefgh"]);
        assert_eq!(redactor.redact("x abcdefgh abcdxy"), "x [redacted] [redacted]xy");
    }

    #[test]
    fn a_value_the_cut_goes_through_is_left_out() {
        let redactor = redactor(&["s3cr3t-value"]);
        for (most, kept) in [(100, "é [redacted] end"), (15, "é [redacted]"), (14, "é "), (4, "é "), (1, "")] {
            assert_eq!(redactor.redact_beginning("é s3cr3t-value end", most), kept, "cut after {most}");
        }
    }

    #[test]
    fn short_and_common_values_leave_text_alone() {
        let redactor = redactor(&["abc", "true", "postgres", "5432", "   ", "Password"]);
        let text = "abc true postgres 5432 password";
        assert!(matches!(redactor.redact(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn one_line_of_a_private_key_is_struck() {
        let redactor = redactor(&["-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"]);
        assert_eq!(redactor.redact("key: MIIEvQIBADANBg"), "key: [redacted]");
        assert_eq!(redactor.redact("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
    }

    #[test]
    fn text_around_a_value_keeps_its_characters() {
        let redactor = redactor(&["geheim-größe"]);
        assert_eq!(redactor.redact("→ geheim-größe ←"), "→ [redacted] ←");
    }

    #[test]
    fn json_is_struck_in_keys_and_values() {
        let redactor = redactor(&["s3cr3t-value"]);
        let value = serde_json::json!({ "s3cr3t-value": ["x s3cr3t-value", 1, null] });
        assert_eq!(redactor.redact_json(&value), serde_json::json!({ "[redacted]": ["x [redacted]", 1, null] }));
    }

    #[test]
    fn a_value_learned_later_is_struck_from_then_on() {
        let redactor = redactor(&[]);
        assert_eq!(redactor.redact("late-secret"), "late-secret");
        redactor.learn([&Secret::new("late-secret")]);
        assert_eq!(redactor.redact("late-secret"), "[redacted]");
        assert_eq!(format!("{redactor:?}"), "Redactor(1 values)");
    }
}
