//! Findings in compose files: literals, defaults in use, files of `secrets:`.
//! Values are not shown, and pipes are not read.

use std::path::Path;

use super::finding::{Finding, Problem};
use super::judgement::{Circumstances, fault};
use super::places::Remedies;
use super::values::has_value;
use crate::secret::{SecretKind, secret_kind, url_password};
use crate::session::context::quoted_word;
use crate::session::env_files::{ComposeSecrets, Literal, SecretFile};

/// Longer files hold a certificate or key, not a password.
const LONGEST_PASSWORD: usize = 256;

/// All findings outside env files.
pub(super) fn compose_findings(remedies: &Remedies<'_>, found: &ComposeSecrets) -> Vec<Finding> {
    let mut findings: Vec<Finding> = found.literals.iter().filter_map(|one| literal_finding(remedies, one)).collect();
    for (name, published) in &found.defaults {
        findings.extend(default_finding(remedies, name, published));
    }
    for file in &found.secret_files {
        findings.extend(secret_file_finding(remedies, file));
    }
    // A service that extends another has the same line.
    findings.sort_by(|a, b| (&a.file, a.line, &a.key).cmp(&(&b.file, b.line, &b.key)));
    findings.dedup();
    findings
}

/// Number of secrets.
pub(super) fn names(found: &ComposeSecrets) -> Vec<&str> {
    let literals = found.literals.iter().filter(|one| holds_secret(&one.key, &one.value)).map(|one| one.key.as_str());
    let defaults = found.defaults.iter().filter(|(name, value)| holds_secret(name, value));
    let files = found.secret_files.iter().map(|file| file.name.as_str());
    literals.chain(defaults.map(|(name, _)| name.as_str())).chain(files).collect()
}

fn holds_secret(key: &str, value: &str) -> bool {
    secret_kind(key, value) != SecretKind::None || !url_password(value).is_empty()
}

fn literal_finding(remedies: &Remedies<'_>, literal: &Literal) -> Option<Finding> {
    let passwords = url_password(&literal.value);
    let of_url = secret_kind(&literal.key, &literal.value) == SecretKind::None;
    let value = if of_url { passwords.last()?.expose() } else { literal.value.as_str() };
    let same = literal.same.clone().filter(|_| !of_url);
    let circumstances = Circumstances { same, names: remedies.names, ..Circumstances::default() };
    let (problem, reason) = match fault(value, &circumstances) {
        Some((problem, reason)) if of_url => (problem, format!("its password {reason}")),
        Some((problem, reason)) => (problem, format!("it {reason}")),
        None => {
            let reason = format!(
                "everyone who can read the file can read it: put it into the env file and write `${{{}}}` in its place",
                literal.key
            );
            (Problem::Literal, reason)
        }
    };
    Some(Finding {
        problem,
        key: Some(literal.key.clone()),
        file: remedies.shown(&literal.file),
        line: Some(literal.line),
        reason,
        remedy: remedies.edit_file(&literal.file, literal.line),
    })
}

/// `${NAME:-default}` where nothing gives the name a value: the published default is in use.
fn default_finding(remedies: &Remedies<'_>, name: &str, published: &str) -> Option<Finding> {
    if !holds_secret(name, published) || has_value(remedies, name) {
        return None;
    }
    let kind = secret_kind(name, published);
    let remedy = match kind {
        SecretKind::Own => remedies.generate(name),
        _ => remedies.edit(None),
    };
    Some(Finding {
        problem: Problem::Default,
        key: Some(name.to_owned()),
        file: remedies.shown(&remedies.setting.target),
        line: None,
        reason: "it has no value, so that the published default in the compose files is used".to_owned(),
        remedy,
    })
}

fn secret_file_finding(remedies: &Remedies<'_>, file: &SecretFile) -> Option<Finding> {
    let shown = remedies.shown(&file.path);
    let make = |problem, reason: String| Finding {
        problem,
        key: Some(file.name.clone()),
        file: shown.clone(),
        line: None,
        reason,
        remedy: write(&shown),
    };
    let Ok(found) = file.path.metadata() else {
        return Some(make(Problem::Missing, "the file does not exist".to_owned()));
    };
    if !found.is_file() || found.len() > LONGEST_PASSWORD as u64 {
        return None;
    }
    let text = std::fs::read_to_string(&file.path).ok()?;
    let value = text.trim();
    if value.is_empty() {
        return Some(make(Problem::Missing, "the file is empty".to_owned()));
    }
    // Not a password: several lines or a reference.
    if value.contains('\n')
        || value.starts_with(['{', '[']) && value.len() > 2 && serde_json::from_str::<serde_json::Value>(value).is_ok()
    {
        return None;
    }
    let (problem, reason) = fault(value, &Circumstances { names: remedies.names, ..Circumstances::default() })?;
    Some(make(problem, format!("it {reason}")))
}

/// Command that writes a random value, readable by the owner only.
fn write(shown: &str) -> String {
    let folder = Path::new(shown).parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.map(|folder| format!("mkdir -p {} && ", quoted_word(&folder.display().to_string())));
    let random = "head -c 32 /dev/urandom | base64 | tr -d '\\n='";
    format!("(umask 077 && {}{random} >{})", folder.unwrap_or_default(), quoted_word(shown))
}
