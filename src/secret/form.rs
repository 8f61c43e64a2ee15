//! Derives the form of a generated secret (alphabet, length, prefix) from the value and the comment in the template.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::{Alphabet, placeholder_reason, weakness};

/// Default number of random bytes.
const BYTES: usize = 32;
/// Accepted number of random bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;
/// Prefixes that programs require.
const PREFIXES: &[&str] = &["base64:", "hex:", "sk-lf-", "lf_sk_", "sk-", "sk_"];

/// Form of a generated value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Prefix before the random part.
    pub prefix: String,
    /// The alphabet of the random part.
    pub alphabet: Alphabet,
    /// Number of random bytes.
    pub bytes: usize,
    /// Exact length of the random part, if fixed.
    pub characters: Option<usize>,
}

impl Form {
    /// A number of random bytes in an alphabet.
    pub fn new(alphabet: Alphabet, bytes: usize) -> Self {
        Self { prefix: String::new(), alphabet, bytes, characters: None }
    }

    fn exactly(characters: usize) -> Self {
        Self { characters: Some(characters), ..Self::new(Alphabet::Alphanumeric, characters) }
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new(Alphabet::UrlSafe, BYTES)
    }
}

/// The form of the value that replaces the template's; `comment` is the text beside and above it.
pub fn form_of(value: &str, comment: &str) -> Form {
    let known = PREFIXES.iter().find(|prefix| value.starts_with(**prefix)).copied();
    let prefix = known.unwrap_or_else(|| user_of(value));
    let asked = asked_for(value).or_else(|| asked_for(comment));
    let form = asked.or_else(|| shape_of(&value[prefix.len()..])).unwrap_or_default();
    Form { prefix: prefix.to_owned(), ..form }
}

/// `user:password` and `neo4j/password` keep the user.
fn user_of(value: &str) -> &str {
    let Some((user, password)) = value.split_once([':', '/']) else { return "" };
    let named = !user.is_empty() && user.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if named && placeholder_reason(password).is_some() { &value[..=user.len()] } else { "" }
}

/// `openssl rand -hex 32`, `uuidgen`, `32 characters`.
fn asked_for(text: &str) -> Option<Form> {
    static OPENSSL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"rand[\s_-]*(hex|base64)[\s_-]*(\d+)").ok());
    static CHARACTERS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(least|min\w*)?[\s_-]*(\d+)[\s_-]*(?:char|letters)").ok());
    let lower = text.to_ascii_lowercase();
    let number = |digits: &str| digits.parse().ok().filter(|number| LENGTHS.contains(number));
    if let Some(found) = OPENSSL.as_ref()?.captures(&lower) {
        let alphabet = if &found[1] == "hex" { Alphabet::Hex } else { Alphabet::Base64 };
        return Some(Form::new(alphabet, number(&found[2])?));
    }
    if lower.contains("uuidgen") || lower.contains("uuid v4") || lower.contains("uuidv4") {
        return Some(Form::new(Alphabet::Uuid, 16));
    }
    let found = CHARACTERS.as_ref()?.captures(&lower)?;
    let characters = number(&found[2])?;
    match found.get(1) {
        Some(_) => (characters > 43).then(|| Form::exactly(characters)),
        None => Some(Form::exactly(characters)),
    }
}

/// The form of a value that looks random.
fn shape_of(value: &str) -> Option<Form> {
    if is_uuid(value) {
        return Some(Form::new(Alphabet::Uuid, 16));
    }
    let length = value.len();
    if !LENGTHS.contains(&length) || length < 16 {
        return None;
    }
    if length.is_multiple_of(2) && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(Form::new(Alphabet::Hex, length / 2));
    }
    let marked = value.contains(['+', '/', '=']) && length >= 24;
    if let Some(bytes) = STANDARD.decode(value).ok().filter(|_| marked) {
        return Some(Form::new(Alphabet::Base64, bytes.len()));
    }
    let classes: [fn(&u8) -> bool; 3] = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
    let mixed = classes.iter().all(|class| value.as_bytes().iter().any(class));
    let drawn = mixed && value.bytes().all(|b| b.is_ascii_alphanumeric());
    let judged = placeholder_reason(value).is_none() && weakness(value, None).is_none();
    (drawn && judged).then(|| Form::exactly(length))
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_drawn_keeps_its_form() {
        for (value, comment, form) in [
            ("f34be427ebb29de8d88c107a71546019", "", Form::new(Alphabet::Hex, 16)),
            (&"0".repeat(64), "", Form::new(Alphabet::Hex, 32)),
            ("J63qRTDLub5NuZvP+kb8YIorGS6qFYHKVo6u7179stY=", "", Form::new(Alphabet::Base64, 32)),
            ("3f2b8c1e-7d4a-4e6b-9a51-0c9d8e7f6a5b", "", Form::new(Alphabet::Uuid, 16)),
            ("DrhYf7zENyR6AlUCKmnz0eYASOQdl6zx", "", Form::exactly(32)),
            ("", "generate with `openssl rand -hex 24`", Form::new(Alphabet::Hex, 24)),
            ("$(openssl rand -base64 48)", "", Form::new(Alphabet::Base64, 48)),
            ("your-encryption-key-32-chars-min", "", Form::exactly(32)),
            ("secret-with-at-least-32-characters", "", Form::default()),
            ("changeme", "", Form::default()),
            ("correct-horse-battery-staple", "", Form::default()),
        ] {
            assert_eq!(form_of(value, comment), form, "{value} # {comment}");
        }
    }

    #[test]
    fn what_programs_insist_on_stays_before_it() {
        let form = form_of("base64:J63qRTDLub5NuZvP+kb8YIorGS6qFYHKVo6u7179stY=", "");
        assert_eq!(form, Form { prefix: "base64:".to_owned(), ..Form::new(Alphabet::Base64, 32) });
        assert_eq!(form_of("user:password", "").prefix, "user:");
        assert_eq!(form_of("neo4j/changeme", "").prefix, "neo4j/");
        assert_eq!(form_of("sk-1234", ""), Form { prefix: "sk-".to_owned(), ..Form::default() });
    }
}
