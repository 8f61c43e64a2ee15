//! Finds the most severe problem of a secret value. Reasons do not contain the value.

use super::finding::Problem;
use crate::compose::env_file::Entry;
use crate::secret::{SecretKind, placeholder_reason, secret_kind, weakness};
use crate::session::env_files::EnvFile;

/// Input of the check of a value.
#[derive(Default)]
pub(super) struct Circumstances<'a> {
    /// Minimum length.
    pub(super) min_length: Option<u32>,
    /// The template's value and file name.
    pub(super) published: Option<(&'a str, String)>,
    /// Another variable with the same value that is not a secret.
    pub(super) same: Option<String>,
    /// Public names.
    pub(super) names: &'a [String],
}

/// The most severe problem of a value, as what is to be said of it: `is empty`, `has 5 characters`.
pub(super) fn fault(value: &str, circumstances: &Circumstances<'_>) -> Option<(Problem, String)> {
    if let Some(reason) = placeholder_reason(value) {
        return Some((Problem::Placeholder, reason.to_owned()));
    }
    if let Some((_, template)) = circumstances.published.as_ref().filter(|(published, _)| *published == value) {
        return Some((Problem::Default, format!("equals the published value in {template}")));
    }
    if let Some(other) = &circumstances.same {
        return Some((Problem::Weak, format!("equals {other}")));
    }
    if circumstances.names.iter().any(|name| name == value) {
        return Some((Problem::Weak, "equals the name of the project, a service or an image".to_owned()));
    }
    weakness(value, circumstances.min_length).map(|reason| (Problem::Weak, reason))
}

/// A setting in the same file with the same value, such as the user name.
pub(super) fn open_twin(file: &EnvFile, entry: &Entry) -> Option<String> {
    let value = entry.value.as_deref().filter(|value| !value.is_empty());
    let twin = |other: &&Entry| {
        value.is_some() && other.value.as_deref() == value && other.key != entry.key
            && secret_kind(&other.key, &file.written(other)) == SecretKind::None
            // `PGPASSWORD=${DB_PASSWORD}` is the secret itself under another name.
            && !file.written(other).contains('$')
    };
    file.entries.iter().find(twin).map(|other| other.key.clone())
}

/// Whether ` #` probably cuts an unquoted value: a single word follows.
pub(super) fn is_cut(file: &EnvFile, entry: &Entry) -> bool {
    let quoted = file.text.get(entry.span.clone()).is_some_and(|written| written.trim_start().starts_with(['"', '\'']));
    let behind = file.behind(entry);
    let word = !behind.is_empty() && !behind.contains(char::is_whitespace);
    !quoted && word && placeholder_reason(behind).is_none() && !entry.value.as_deref().unwrap_or_default().is_empty()
}
