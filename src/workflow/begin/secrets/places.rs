//! Judges where secrets are: values two environments share, files others can read, files git keeps. And names remedies.
//! Reads the setting, modes and git's index; returns findings whose remedies run in the directory of the command.
//! Never judges a value by itself: `values` does.

use std::path::{Path, PathBuf};

use super::finding::{Finding, Problem};
use crate::compose::env_file::Entry;
use crate::event::Event;
use crate::host::git::{Tracked, tracked};
use crate::host::is_open_to_others;
use crate::secret::{SecretKind, placeholder_reason, secret_kind, secrets_in};
use crate::session::Context;
use crate::session::context::quoted_word;
use crate::session::context::shown;
use crate::session::env_files::{EnvFile, EnvVariable, Setting};

/// Commands that mend things, as they must be typed here.
pub(super) struct Remedies<'a> {
    pub(super) context: &'a Context,
    pub(super) setting: &'a Setting,
    /// Public names of the project.
    pub(super) names: &'a [String],
}

impl Remedies<'_> {
    pub(super) fn shown(&self, path: &Path) -> String {
        shown(self.context, path)
    }

    /// Makes a value that is not there.
    pub(super) fn generate(&self, key: &str) -> String {
        format!("{} secrets generate {key}", self.context.options.command())
    }

    /// Replaces a value.
    pub(super) fn regenerate(&self, key: &str) -> String {
        format!("{} secrets generate --replace {key}", self.context.options.command())
    }

    /// Opens the file where the value belongs.
    pub(super) fn edit(&self, line: Option<u32>) -> String {
        let line = line.map(|line| format!("+{line} ")).unwrap_or_default();
        format!("\"${{EDITOR:-vi}}\" {line}{}", quoted_word(&self.shown(&self.setting.target)))
    }

    /// Opens another file.
    pub(super) fn edit_file(&self, path: &Path, line: u32) -> String {
        format!("\"${{EDITOR:-vi}}\" +{line} {}", quoted_word(&self.shown(path)))
    }
}

/// Secrets that have the same value in a file of another environment.
pub(super) fn shared_findings(remedies: &Remedies<'_>, wanted: &[EnvVariable]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let setting = remedies.setting;
    for file in &setting.files {
        let is_secret = |entry: &&Entry| {
            secret_kind(&entry.key, &file.written(entry)) != SecretKind::None || is_wanted(wanted, entry)
        };
        let secrets = file.entries.iter().filter(is_secret);
        for entry in secrets {
            let Some(value) = entry.value.as_deref().filter(|value| placeholder_reason(value).is_none()) else {
                continue;
            };
            let same =
                |other: &&EnvFile| other.entry(&entry.key).is_some_and(|theirs| theirs.value.as_deref() == Some(value));
            let Some(other) = setting.others.iter().find(same) else { continue };
            let line = other.entry(&entry.key).map_or(0, |theirs| theirs.line);
            let generated = wanted.iter().any(|wanted| wanted.key == entry.key && wanted.is_made());
            let remedy = if generated { remedies.regenerate(&entry.key) } else { remedies.edit(Some(entry.line)) };
            findings.push(Finding {
                problem: Problem::Shared,
                key: Some(entry.key.clone()),
                file: remedies.shown(&file.path),
                line: Some(entry.line),
                reason: format!("{}:{line} has the same value", remedies.shown(&other.path)),
                remedy,
            });
        }
    }
    findings
}

/// Whether the project file declares it as a secret; settings with a secret's name are excluded.
fn is_wanted(wanted: &[EnvVariable], entry: &Entry) -> bool {
    wanted.iter().any(|wanted| wanted.key == entry.key && wanted.is_secret() && wanted.is_declared)
}

/// Files with secrets that others can read or that git keeps.
pub(super) fn file_findings(
    remedies: &Remedies<'_>,
    of_services: &[EnvFile],
    secret_files: &[&PathBuf],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let setting = remedies.setting;
    let env_files = setting.files.iter().chain(&setting.others).chain(of_services).filter(|file| holds_secrets(file));
    let env_files: Vec<&PathBuf> = env_files.map(|file| &file.path).collect();
    for (file, mounted) in
        env_files.iter().map(|file| (file, false)).chain(secret_files.iter().map(|file| (file, true)))
    {
        let path = remedies.shown(file);
        if let Ok(Some(mode)) = is_open_to_others(file).map(|mode| mode.filter(|_| file.is_file())) {
            let reason = format!("its mode is {mode:o}: other users on this machine can read it");
            findings.extend(open_finding(file, &path, (reason, mounted)));
        }
        if file.is_file() && is_tracked(remedies.context, file) {
            let reason =
                "everyone with access to the repository can read the secrets, also from its history".to_owned();
            let remedy = format!("git rm --cached {}", quoted_word(&path));
            findings.push(of_file(&path, Problem::TrackedByGit, reason, remedy));
        }
    }
    findings
}

/// Files that a container reads as another user stay readable; the folder is restricted instead.
fn open_finding(file: &Path, shown: &str, (reason, mounted): (String, bool)) -> Option<Finding> {
    let chmod = |mode: &str, path: &str| format!("chmod {mode} {}", quoted_word(path));
    let folder = Path::new(shown).parent().map(|folder| folder.display().to_string()).filter(|name| !name.is_empty());
    let remedy = match folder.filter(|_| mounted) {
        Some(folder) => {
            let closed = file.parent().is_some_and(|folder| matches!(is_open_to_others(folder), Ok(None)));
            if closed {
                return None;
            }
            chmod("700", &folder)
        }
        None => chmod("600", shown),
    };
    Some(of_file(shown, Problem::OpenMode, reason, remedy))
}

fn is_tracked(context: &Context, path: &Path) -> bool {
    let whole: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let reason = match tracked(&whole) {
        Tracked::Yes => return true,
        Tracked::No => return false,
        Tracked::Unknown(reason) => reason,
    };
    let name = shown(context, path);
    let message = format!("cannot tell whether git tracks {name}: {reason}");
    let hint = format!("`git ls-files {}` tells, in a repository you trust", quoted_word(&name));
    context.reporter.report(Event::Warning { message, hint: Some(hint) });
    false
}

/// Whether there is anything in a file that must not be seen.
fn holds_secrets(file: &EnvFile) -> bool {
    let values = file.entries.iter().filter_map(|entry| Some((entry.key.as_str(), entry.value.as_deref()?)));
    let secrets = values.flat_map(|(key, value)| secrets_in(key, value));
    secrets.into_iter().any(|secret| placeholder_reason(secret.expose()).is_none())
}

fn of_file(file: &str, problem: Problem, reason: String, remedy: String) -> Finding {
    Finding { problem, key: None, file: file.to_owned(), line: None, reason, remedy }
}
