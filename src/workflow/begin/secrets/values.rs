//! Judges the values: missing, stand-ins, published, weak, and URLs that do not say what was meant.
//! Reads what is wanted and what the env files and the process environment hold; returns findings.
//! Never compares environments and never looks at the files themselves: `places` does.

use super::finding::{Finding, Problem};
use super::places::Remedies;
use crate::secret::{is_secret_name, is_url_name, malformed_url, placeholder_reason, url_password, weakness};
use crate::session::env_files::{EnvVariable, Origin};

/// A name with its value and where it stands.
struct Held<'a> {
    key: &'a str,
    value: &'a str,
    file: String,
    line: Option<u32>,
    /// Whether a `$` in it refers to nothing.
    has_lost_part: bool,
}

/// Everything wrong with single values; one finding a name, the gravest.
pub(super) fn value_findings(remedies: &Remedies<'_>, wanted: &[EnvVariable]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for wanted in wanted.iter().filter(|wanted| wanted.is_secret()) {
        let held = held(remedies, &wanted.key);
        let found = held.as_ref().filter(|held| !held.value.is_empty());
        let finding = match found {
            None => match held.as_ref().filter(|held| held.has_lost_part) {
                Some(held) => Some(lost_part(remedies, held)),
                None => missing(remedies, wanted, held.as_ref()),
            },
            Some(held) => secret_finding(remedies, held, Some(wanted)),
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
        if is_secret_name(key) && !judged {
            findings.extend(secret_finding(remedies, &held, None));
        }
        if is_url_name(key) {
            findings.extend(url_finding(remedies, &held, &findings));
        }
    }
    findings
}

/// The value a container would get: the process environment wins, then the last file.
fn held<'a>(remedies: &'a Remedies<'_>, key: &'a str) -> Option<Held<'a>> {
    if let Some(value) = remedies.context.variables.get(key) {
        return Some(Held { key, value, file: "environment".to_owned(), line: None, has_lost_part: false });
    }
    let (file, entry) = remedies.setting.found(key)?;
    let value = entry.value.as_deref().unwrap_or_default();
    // Each file was read by itself: what the process or another file gives is no loss.
    let elsewhere = |name: &String| {
        let mut others = remedies.setting.files.iter().filter(|other| other.path != file.path);
        remedies.context.variables.contains_key(name) || others.any(|other| other.entry(name).is_some())
    };
    let has_lost_part = entry.unset.iter().any(|name| !elsewhere(name));
    Some(Held { key, value, file: remedies.shown(&file.path), line: Some(entry.line), has_lost_part })
}

/// The name is not told: it may be a piece of the secret.
fn lost_part(remedies: &Remedies<'_>, held: &Held<'_>) -> Finding {
    let reason = "it contains a `$` followed by an undefined variable name, so that part is lost: \
                  write the value in single quotes, `'…'`, to keep `$` literally";
    finding(held, Problem::UnsetReference, reason.to_owned(), remedies.edit(held.line))
}

fn missing(remedies: &Remedies<'_>, wanted: &EnvVariable, held: Option<&Held<'_>>) -> Option<Finding> {
    let generated = matches!(wanted.origin, Origin::Generated { .. });
    if !generated && wanted.origin != Origin::Required {
        return None;
    }
    let reason = match (held, &wanted.description) {
        (Some(_), _) => "it is empty".to_owned(),
        (None, Some(description)) => format!("it is in no env file: {description}"),
        (None, None) => "it is in no env file".to_owned(),
    };
    let remedy =
        if generated { remedies.generate(&wanted.key) } else { remedies.edit(held.and_then(|held| held.line)) };
    Some(Finding {
        problem: Problem::Missing,
        key: Some(wanted.key.clone()),
        file: held.map_or_else(|| remedies.shown(&remedies.setting.target), |held| held.file.clone()),
        line: held.and_then(|held| held.line),
        reason,
        remedy,
    })
}

fn secret_finding(remedies: &Remedies<'_>, held: &Held<'_>, wanted: Option<&EnvVariable>) -> Option<Finding> {
    if held.has_lost_part {
        return Some(lost_part(remedies, held));
    }
    let min_length = wanted.and_then(|wanted| wanted.min_length);
    let (problem, reason) = fault(remedies, held.key, held.value, min_length)?;
    let generated = wanted.is_some_and(|wanted| matches!(wanted.origin, Origin::Generated { .. }));
    let remedy = match held.line {
        _ if generated && held.line.is_some() => remedies.regenerate(held.key),
        None => format!("unset {}", held.key),
        line => remedies.edit(line),
    };
    Some(finding(held, problem, reason, remedy))
}

fn fault(remedies: &Remedies<'_>, key: &str, value: &str, min_length: Option<u32>) -> Option<(Problem, String)> {
    if let Some(reason) = placeholder_reason(value) {
        return Some((Problem::Placeholder, reason.to_owned()));
    }
    let template = remedies.setting.template.as_ref();
    let published = template.and_then(|file| Some((file, file.entry(key)?.value.as_deref()?)));
    if let Some((file, _)) = published.filter(|(_, published)| *published == value) {
        return Some((Problem::Default, format!("it equals the published value in {}", remedies.shown(&file.path))));
    }
    weakness(value, min_length).map(|reason| (Problem::Weak, reason))
}

fn url_finding(remedies: &Remedies<'_>, held: &Held<'_>, earlier: &[Finding]) -> Option<Finding> {
    let edit = || held.line.map_or_else(|| format!("unset {}", held.key), |line| remedies.edit(Some(line)));
    if held.has_lost_part && !earlier.iter().any(|finding| finding.key.as_deref() == Some(held.key)) {
        return Some(lost_part(remedies, held));
    }
    if let Some(reason) = malformed_url(held.key, held.value) {
        return Some(finding(held, Problem::MalformedUrl, reason, edit()));
    }
    let passwords = url_password(held.value);
    let password = passwords.last()?.expose();
    // The variable it was taken from is told already.
    let told = earlier
        .iter()
        .filter_map(|finding| held_value(remedies, finding.key.as_deref()?))
        .any(|value| value == password);
    if told {
        return None;
    }
    let (problem, reason) = fault(remedies, held.key, password, None)?;
    let reason = reason.strip_prefix("it ").map_or(reason.clone(), |rest| format!("its password {rest}"));
    Some(finding(held, problem, reason, edit()))
}

fn held_value(remedies: &Remedies<'_>, key: &str) -> Option<String> {
    held(remedies, key).map(|held| held.value.to_owned())
}

fn finding(held: &Held<'_>, problem: Problem, reason: String, remedy: String) -> Finding {
    Finding { problem, key: Some(held.key.to_owned()), file: held.file.clone(), line: held.line, reason, remedy }
}
