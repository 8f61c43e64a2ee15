//! Decides which known values are struck from text, and strikes them in one pass, the longest shape first.
//! Secret values and public names are added as they become known; text is redacted before it is written.
//! Public names are never redacted, not even in part.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use super::Secret;
use super::common::{is_switch, is_telling};
use super::credential_position::{is_credential, names_a_password};
use super::forms::shapes;
use super::pattern::Patterns;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Knows the values that must not be shown. Shared by everything that writes; learns while the program runs.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

/// The values and the shapes they turn up in.
#[derive(Default)]
struct Known {
    values: BTreeSet<String>,
    /// Public names: of services, images, volumes.
    public: BTreeSet<String>,
    /// Redacted everywhere.
    patterns: Patterns,
    /// Redacted only where a password is expected: short or common values, or public names as well.
    quiet: Patterns,
    /// Public names that contain a value to redact.
    shielded: Patterns,
}

/// What is found at a position.
enum Found {
    /// A value of this length.
    Value(usize),
    /// A public name of this length.
    Name(usize),
    Neither,
    /// Undecided: more text is needed.
    Undecided,
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

    /// Adds values. Short or common values, and those that are public names too, are redacted only where a password is
    /// expected.
    pub fn learn<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.values.len();
        let values = secrets.into_iter().map(|secret| secret.expose().trim());
        known.values.extend(values.filter(|value| !value.is_empty() && !is_switch(value)).map(str::to_owned));
        if known.values.len() > before {
            known.arrange();
        }
    }

    /// Adds public names, which are not redacted, not even in part.
    pub fn publish(&self, names: impl IntoIterator<Item = String>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.public.len();
        known.public.extend(names);
        if known.public.len() > before {
            known.arrange();
        }
    }

    /// The text with every known value struck; borrowed when there was none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).redact(text)
    }

    /// The beginning of a text, cut after so many bytes and with every known value struck. A value that the cut goes through
    /// is left out whole, so that no part of it can be found.
    pub fn redact_beginning(&self, text: &str, most: usize) -> String {
        if text.len() <= most {
            return self.redact(text).into_owned();
        }
        let cut = text.floor_char_boundary(most);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut kept = Vec::new();
        known.pass((&text.as_bytes()[..cut], 0), false, &mut kept);
        String::from_utf8_lossy(&kept).into_owned()
    }

    /// Bytes that come in pieces: what is after `from` and may be written now goes to `out`. Returned is where the rest
    /// begins, which must wait for the next piece because a value may begin there; with `last` nothing waits.
    pub(super) fn redact_piece(&self, bytes: (&[u8], usize), last: bool, out: &mut Vec<u8>) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).pass(bytes, last, out)
    }

    /// The same for every string of a JSON value, keys included. The value of a key that names a password is redacted
    /// in any case.
    pub fn redact_json(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        let under = |key: &str, item: &Value| match item {
            Value::String(text) if names_a_password(key) && self.knows(text) => Value::String(REDACTED.to_owned()),
            item => self.redact_json(item),
        };
        match value {
            Value::String(text) => Value::String(self.redact(text).into_owned()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.redact_json(item)).collect()),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, item)| (self.redact(key).into_owned(), under(key, item))).collect())
            }
            other => other.clone(),
        }
    }

    fn knows(&self, text: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values.contains(text.trim())
    }
}

impl Known {
    /// Sorts the values by how they are redacted.
    fn arrange(&mut self) {
        let (mut patterns, mut quiet, mut shielded) = (Patterns::default(), Patterns::default(), Patterns::default());
        for value in &self.values {
            if !is_telling(value) || self.public.contains(value) {
                quiet.add(value);
            }
            if is_telling(value) {
                let telling = shapes(value).into_iter().filter(|shape| is_telling(shape));
                telling.filter(|shape| !self.public.contains(shape)).for_each(|shape| patterns.add(&shape));
            }
        }
        let telling: Vec<&String> = self.values.iter().filter(|value| is_telling(value)).collect();
        for name in &self.public {
            if telling.iter().any(|value| name.contains(value.as_str())) {
                shielded.add(name);
            }
        }
        (self.patterns, self.quiet, self.shielded) = (patterns, quiet, shielded);
    }

    /// What is found at a position of the text; with `last` no more text follows.
    fn at(&self, bytes: &[u8], at: usize, last: bool) -> Found {
        let here = &bytes[at..];
        let struck = self.patterns.at_start(here);
        let begins = at == 0 || ends_word(bytes[at - 1]);
        let word = |known: &Patterns, ends: fn(u8) -> bool| match begins {
            true => known.at_start_before(here, ends),
            false => Default::default(),
        };
        let (name, quiet) = (word(&self.shielded, ends_word), word(&self.quiet, ends_value));
        if !last && (struck.begun || name.begun || quiet.begun) {
            return Found::Undecided;
        }
        let credential = |length: &usize| is_credential(&bytes[..at], here.get(*length).copied());
        let quiet = quiet.whole.filter(credential);
        match (struck.whole, name.whole) {
            _ if quiet >= struck.whole.max(name.whole) && quiet.is_some() => Found::Value(quiet.unwrap_or_default()),
            (Some(struck), name) if name.is_none_or(|name| name < struck) => Found::Value(struck),
            (_, Some(name)) => Found::Name(name),
            _ => Found::Neither,
        }
    }

    /// See `Redactor::redact_piece`.
    fn pass(&self, (bytes, from): (&[u8], usize), last: bool, out: &mut Vec<u8>) -> usize {
        let mut at = from;
        while at < bytes.len() {
            let kept = match self.at(bytes, at, last) {
                Found::Undecided => break,
                Found::Value(length) => {
                    out.extend_from_slice(REDACTED.as_bytes());
                    at += length;
                    continue;
                }
                Found::Name(length) => length,
                Found::Neither => 1,
            };
            out.extend_from_slice(&bytes[at..at + kept]);
            at += kept;
        }
        at
    }

    fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = Vec::with_capacity(text.len());
        self.pass((text.as_bytes(), 0), true, &mut out);
        if out == text.as_bytes() {
            return Cow::Borrowed(text);
        }
        // A shape never splits a character.
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }
}

/// Whether a byte separates words of a name, as in `shop_db-1`.
fn ends_word(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric()
}

/// Whether a value ends before this byte.
fn ends_value(byte: u8) -> bool {
    ends_word(byte) && !matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(values: &[&str]) -> Redactor {
        let secrets: Vec<Secret> = values.iter().map(|value| Secret::new(*value)).collect();
        Redactor::new(&secrets)
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
    fn public_names_are_never_struck_and_passwords_that_equal_one_are() {
        let redactor = redactor(&["shop", "data", "shop-web-secret-9", "app", "postgres", "3306"]);
        redactor.publish(["shop", "web", "pgdata", "registry.local/data/api", "app"].map(str::to_owned));
        for text in [
            "container shop-web-1 of shop_default",
            "volume shop_pgdata, image registry.local/data/api:1",
            "/srv/shop/web: app is up",
            "image shop:shop@sha256:0123",
        ] {
            assert_eq!(redactor.redact(text), text);
        }
        for (text, shown) in [
            ("postgresql://shop:shop@db/shop", "postgresql://shop:[redacted]@db/shop"),
            ("postgresql://postgres:postgres@app/app", "postgresql://postgres:[redacted]@app/app"),
            (
                "shop-web: DB_PASSWORD=shop, PGPASSWORD='app'",
                "shop-web: DB_PASSWORD=[redacted], PGPASSWORD='[redacted]'",
            ),
            ("DB_PASSWORD=shop-web-secret-9", "DB_PASSWORD=[redacted]"),
            ("mysql --password app --port 3306", "mysql --password [redacted] --port 3306"),
            ("c2hvcA== is told, data is too", "[redacted] is told, [redacted] is too"),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
        let value = serde_json::json!({ "service": "shop", "POSTGRES_PASSWORD": "shop", "key": "app" });
        let shown = serde_json::json!({ "service": "shop", "POSTGRES_PASSWORD": "[redacted]", "key": "app" });
        assert_eq!(redactor.redact_json(&value), shown);
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
