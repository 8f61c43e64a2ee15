//! Decides what a secret is, how its value is carried without being shown, and how it is struck from text.
//! Reads names and values given to it and returns `Secret`, `Redactor` and verdicts on placeholders.
//! Never reads the environment or a file, and never prints.

mod alphabet;
mod common;
mod credential_position;
mod form;
mod forms;
mod generate;
mod hmac;
pub mod jwt;
mod kind;
mod kind_words;
mod names;
mod pattern;
mod placeholder;
mod redact;
mod scram;
mod stream;
mod strength;
mod url;

pub use alphabet::Alphabet;
pub use form::{Form, form_of};
pub use generate::{Random, generate};
pub use hmac::hmac_sha256;
pub use kind::{SecretKind, is_off_when_empty, secret_kind};
pub use names::{is_secret_name, names_a_person_or_database, secrets_in, url_password};
pub use placeholder::placeholder_reason;
pub use redact::{REDACTED, Redactor};
pub use scram::{SCRAM_SALT, scram_verifier};
pub use stream::RedactedStream;
pub use strength::weakness;
pub use url::{is_url_name, malformed_url};

/// A value that must not be shown: it has no `Display`, its `Debug` says `[redacted]`, and reading it is spelled out.
///
/// Serialising one is possible only where a field asks for it by name, with [`exposed`].
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Takes the value in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value. Every call is a place to look at in review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// `#[serde(with = "crate::secret::exposed")]` writes the value itself: for files that are the secret's home.
pub mod exposed {
    use super::Secret;

    /// Writes the value in the clear.
    pub fn serialize<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    /// Reads the value.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_and_of_what_holds_it_shows_nothing() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by its Debug only")]
        struct Holder {
            password: Option<Secret>,
        }
        let holder = Holder { password: Some(Secret::new("hunter2-hunter2")) };
        assert_eq!(format!("{holder:?}"), "Holder { password: Some([redacted]) }");
    }

    #[test]
    fn a_field_is_written_only_where_it_asks_for_it() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Stored {
            #[serde(with = "exposed")]
            value: Secret,
        }
        let text = serde_json::to_string(&Stored { value: "s3cret".into() }).unwrap();
        assert_eq!(text, r#"{"value":"s3cret"}"#);
        let back: Stored = serde_json::from_str(&text).unwrap();
        assert_eq!(back.value.expose(), "s3cret");
    }
}
