//! Findings in env files: missing, placeholder, published, weak and cut values, and malformed URLs.
//! Reads what is wanted and what the env files and the process environment hold; returns findings.
//! Never compares environments and never looks at the files themselves: `places` does.

use super::finding::{Finding, Problem};
use super::judgement::{Circumstances, fault, is_cut, open_twin};
use super::places::Remedies;
use crate::compose::env_file::Entry;
use crate::secret::{SecretKind, is_url_name, malformed_url, secret_kind, url_password};
use crate::session::env_files::{EnvFile, EnvVariable, Origin};

/// A name with its value and where it stands.
struct Held<'a> {
    key: &'a str,
    value: &'a str,
    /// Nothing for a variable of the process.
    place: Option<(&'a EnvFile, &'a Entry)>,
    /// Whether a `$` in it refers to nothing.
    has_lost_part: bool,
}

/// Everything wrong with single values; one finding a name, the gravest.
pub(super) fn value_findings(remedies: &Remedies<'_>, wanted: &[EnvVariable]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wanted in wanted.iter().filter(|wanted| wanted.is_secret() || wanted.origin == Origin::Required) {
        let held = held(remedies, &wanted.key);
        let found = held.as_ref().filter(|held| !held.value.is_empty());
        let finding = match found {
            None => match held.as_ref().filter(|held| held.has_lost_part) {
                Some(held) => Some(lost_part(remedies, held)),
                None => missing(remedies, wanted, held.as_ref()),
            },
            Some(held) if wanted.is_secret() => secret_finding(remedies, held, Some(wanted)),
            Some(_) => None,
        };
        findings.extend(finding);
    }
    let files = &remedies.setting.files;
    let mut keys: Vec<&str> = files.iter().flat_map(|file| &file.entries).map(|entry| entry.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let Some(held) = held(remedies, key).filter(|held| !held.value.is_empty()) else { continue };
        let judged = wanted.iter().any(|wanted| wanted.key == key && wanted.is_secret());
        if held.kind() != SecretKind::None && !judged {
            findings.extend(secret_finding(remedies, &held, None));
        }
        if is_url_name(key) {
            findings.extend(url_finding(remedies, &held, &findings));
        }
    }
    findings
}

/// The same for an env file of a service.
pub(super) fn file_value_findings(remedies: &Remedies<'_>, file: &EnvFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &file.entries {
        let value = entry.value.as_deref().unwrap_or_default();
        let last = file.entry(&entry.key).is_some_and(|last| last.line == entry.line);
        if value.is_empty() || !last {
            continue;
        }
        let held = Held { key: &entry.key, value, place: Some((file, entry)), has_lost_part: false };
        if held.kind() != SecretKind::None {
            findings.extend(secret_finding(remedies, &held, None));
        }
        if is_url_name(&entry.key) {
            findings.extend(url_finding(remedies, &held, &findings));
        }
    }
    findings
}

impl Held<'_> {
    fn kind(&self) -> SecretKind {
        let written = self.place.map(|(file, entry)| file.written(entry));
        secret_kind(self.key, written.as_deref().unwrap_or(self.value))
    }

    fn line(&self) -> Option<u32> {
        self.place.map(|(_, entry)| entry.line)
    }
}

/// The value a container would get: the process environment wins, then the last file.
fn held<'a>(remedies: &'a Remedies<'_>, key: &'a str) -> Option<Held<'a>> {
    if let Some(value) = remedies.context.variables.get(key) {
        return Some(Held { key, value, place: None, has_lost_part: false });
    }
    let (file, entry) = remedies.setting.found(key)?;
    let value = entry.value.as_deref().unwrap_or_default();
    // Each file was read by itself: what the process or another file gives is no loss.
    let elsewhere = |name: &String| {
        let mut others = remedies.setting.files.iter().filter(|other| other.path != file.path);
        remedies.context.variables.contains_key(name) || others.any(|other| other.entry(name).is_some())
    };
    let has_lost_part = entry.unset.iter().any(|name| !elsewhere(name));
    Some(Held { key, value, place: Some((file, entry)), has_lost_part })
}

/// Whether a name has a value in an env file or the process environment.
pub(super) fn has_value(remedies: &Remedies<'_>, key: &str) -> bool {
    held(remedies, key).is_some_and(|held| !held.value.is_empty() || held.has_lost_part)
}

/// The name is not shown: it may be a part of the secret.
fn lost_part(remedies: &Remedies<'_>, held: &Held<'_>) -> Finding {
    let reason = "it contains a `$` followed by an undefined variable name, so that part is lost: \
                  write the value in single quotes, `'…'`, to keep `$` literally";
    finding(remedies, held, Problem::UnsetReference, reason.to_owned())
}

fn missing(remedies: &Remedies<'_>, wanted: &EnvVariable, held: Option<&Held<'_>>) -> Option<Finding> {
    // Generated on request only: the compose files have a value.
    if wanted.on_request || !wanted.is_made() && wanted.origin != Origin::Required {
        return None;
    }
    let reason = match (held, &wanted.description) {
        (Some(_), _) => "it is empty".to_owned(),
        (None, Some(description)) => format!("it is in no env file: {description}"),
        (None, None) => "it is in no env file".to_owned(),
    };
    let line = held.and_then(Held::line);
    let remedy = if wanted.is_made() { remedies.generate(&wanted.key) } else { remedies.edit(line) };
    Some(Finding {
        problem: Problem::Missing,
        key: Some(wanted.key.clone()),
        file: held.map_or_else(|| remedies.shown(&remedies.setting.target), |held| shown(remedies, held)),
        line,
        reason,
        remedy,
    })
}

fn secret_finding(remedies: &Remedies<'_>, held: &Held<'_>, wanted: Option<&EnvVariable>) -> Option<Finding> {
    if held.has_lost_part {
        return Some(lost_part(remedies, held));
    }
    // A setting with a secret's name.
    let refers = held.place.is_some_and(|(file, entry)| file.written(entry).contains('$'));
    if wanted.is_some_and(|wanted| !wanted.is_declared) && held.kind() == SecretKind::None && !refers {
        return None;
    }
    if held.place.is_some_and(|(file, entry)| is_cut(file, entry)) {
        let reason = "it ends at ` #`, which begins a comment: write the value in single quotes, `'…'`, if it goes on";
        return Some(finding(remedies, held, Problem::Cut, reason.to_owned()));
    }
    let same = held.place.and_then(|(file, entry)| open_twin(file, entry));
    let min_length = wanted.and_then(|wanted| wanted.min_length);
    let found = fault(held.value, &Circumstances { min_length, same, ..circumstances(remedies, held.key) })?;
    let of_project = held.place.is_some_and(|(file, _)| remedies.setting.files.iter().any(|own| own.path == file.path));
    let (problem, reason) = (found.0, format!("it {}", found.1));
    let finding = finding(remedies, held, problem, reason);
    Some(match wanted.is_some_and(EnvVariable::is_made) && of_project {
        true => Finding { remedy: remedies.regenerate(held.key), ..finding },
        false => finding,
    })
}

fn circumstances<'a>(remedies: &'a Remedies<'_>, key: &str) -> Circumstances<'a> {
    let template = remedies.setting.template.as_ref();
    let published = template.and_then(|file| Some((file.entry(key)?.value.as_deref()?, remedies.shown(&file.path))));
    Circumstances { published, names: remedies.names, ..Circumstances::default() }
}

fn url_finding(remedies: &Remedies<'_>, held: &Held<'_>, earlier: &[Finding]) -> Option<Finding> {
    if held.has_lost_part && !earlier.iter().any(|finding| finding.key.as_deref() == Some(held.key)) {
        return Some(lost_part(remedies, held));
    }
    if let Some(reason) = malformed_url(held.key, held.value) {
        return Some(finding(remedies, held, Problem::MalformedUrl, reason));
    }
    let passwords = url_password(held.value);
    let password = passwords.last()?.expose();
    // The variable it was taken from is reported already.
    let told = earlier
        .iter()
        .filter_map(|finding| held_value(remedies, finding.key.as_deref()?))
        .any(|value| value == password);
    if told {
        return None;
    }
    let (problem, reason) = fault(password, &circumstances(remedies, held.key))?;
    Some(finding(remedies, held, problem, format!("its password {reason}")))
}

fn held_value(remedies: &Remedies<'_>, key: &str) -> Option<String> {
    held(remedies, key).map(|held| held.value.to_owned())
}

fn shown(remedies: &Remedies<'_>, held: &Held<'_>) -> String {
    held.place.map_or_else(|| "environment".to_owned(), |(file, _)| remedies.shown(&file.path))
}

/// Command to edit the file, or to unset the variable of the process environment.
fn edit(remedies: &Remedies<'_>, held: &Held<'_>) -> String {
    match held.place {
        Some((file, entry)) => remedies.edit_file(&file.path, entry.line),
        None => format!("unset {}", held.key),
    }
}

/// A finding with the command to edit the value.
fn finding(remedies: &Remedies<'_>, held: &Held<'_>, problem: Problem, reason: String) -> Finding {
    let (file, line) = (shown(remedies, held), held.line());
    Finding { problem, key: Some(held.key.to_owned()), file, line, reason, remedy: edit(remedies, held) }
}
