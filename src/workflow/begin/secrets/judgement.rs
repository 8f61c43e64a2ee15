//! What is wrong with the value of a secret, the gravest first.
//! Reads the value and what stands beside it; returns the problem and why, in words that tell nothing of the value.
//! Never knows where the value is from.

use super::finding::Problem;
use crate::compose::env_file::Entry;
use crate::secret::{SecretKind, placeholder_reason, secret_kind, weakness};
use crate::session::env_files::EnvFile;

/// What a value is judged by.
#[derive(Default)]
pub(super) struct Circumstances<'a> {
    /// The fewest characters it may have.
    pub(super) min_length: Option<u32>,
    /// The template's value, and how the template is called.
    pub(super) published: Option<(&'a str, String)>,
    /// Another variable with the same value, which is no secret.
    pub(super) same: Option<String>,
    /// Names everybody may read.
    pub(super) names: &'a [String],
}

/// The gravest fault of a value.
pub(super) fn fault(value: &str, circumstances: &Circumstances<'_>) -> Option<(Problem, String)> {
    if let Some(reason) = placeholder_reason(value) {
        return Some((Problem::Placeholder, reason.to_owned()));
    }
    if let Some((_, template)) = circumstances.published.as_ref().filter(|(published, _)| *published == value) {
        return Some((Problem::Default, format!("it equals the published value in {template}")));
    }
    if let Some(other) = &circumstances.same {
        return Some((Problem::Weak, format!("it equals {other}")));
    }
    if circumstances.names.iter().any(|name| name == value) {
        return Some((Problem::Weak, "it equals the name of the project, a service or an image".to_owned()));
    }
    weakness(value, circumstances.min_length).map(|reason| (Problem::Weak, reason))
}

/// A name in the same file that has the same value and is no secret: the user whose password it is.
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

/// Whether a value that is not quoted goes on behind ` #`: one word that is no remark.
pub(super) fn is_cut(file: &EnvFile, entry: &Entry) -> bool {
    let quoted = file.text.get(entry.span.clone()).is_some_and(|written| written.trim_start().starts_with(['"', '\'']));
    let behind = file.behind(entry);
    let word = !behind.is_empty() && !behind.contains(char::is_whitespace);
    !quoted && word && placeholder_reason(behind).is_none() && !entry.value.as_deref().unwrap_or_default().is_empty()
}
