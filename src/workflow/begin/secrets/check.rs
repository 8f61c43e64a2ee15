//! `aictl secrets check`: everything that is wrong with the project's secrets and the files they are in.
//! Reads the setting, the compose files and git's index; returns findings in the order of files and lines.
//! Never changes anything, and never shows a value.

use std::path::{Path, PathBuf};

use super::compose_findings::{self, compose_findings};
use super::finding::{CheckReport, Finding};
use super::places::{Remedies, file_findings, shared_findings};
use super::values::{file_value_findings, value_findings};
use crate::error::Result;
use crate::secret::{Secret, SecretKind, is_url_name, secret_kind, secrets_in};
use crate::session::Context;
use crate::session::context::shown;
use crate::session::env_files::{ComposeSecrets, EnvFile, EnvVariable, Setting, load_file, load_setting, load_wanted};

/// Input of the check.
struct Subject {
    setting: Setting,
    wanted: Vec<EnvVariable>,
    found: ComposeSecrets,
    /// Env files of services that are not the project's own.
    of_services: Vec<EnvFile>,
}

/// Checks.
pub(super) fn run(context: &Context) -> Result<CheckReport> {
    let subject = load(context)?;
    learn(context, &subject);
    let findings = all(context, &subject);
    let mut names: Vec<&str> = compose_findings::names(&subject.found);
    let wanted = subject.wanted.iter().filter(|wanted| wanted.is_secret() && !wanted.on_request);
    names.extend(wanted.map(|wanted| wanted.key.as_str()));
    let files = subject.setting.files.iter().chain(&subject.of_services);
    let entries = files.flat_map(|file| file.entries.iter().map(move |entry| (file, entry)));
    let is_checked = |file: &EnvFile, entry: &crate::compose::env_file::Entry| {
        is_url_name(&entry.key) || secret_kind(&entry.key, &file.written(entry)) != SecretKind::None
    };
    names.extend(entries.filter(|(file, entry)| is_checked(file, entry)).map(|(_, entry)| entry.key.as_str()));
    names.sort_unstable();
    names.dedup();
    let files = paths(&subject).map(|path| shown(context, path)).collect();
    Ok(CheckReport { checked: names.len(), files, findings })
}

/// The findings alone, for verbs that go on only when there are none.
pub fn findings(context: &Context) -> Result<Vec<Finding>> {
    Ok(all(context, &load(context)?))
}

fn load(context: &Context) -> Result<Subject> {
    let mut setting = load_setting(context)?;
    let (wanted, found) = load_wanted(context, &setting)?;
    let same = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let given: Vec<PathBuf> = found.env_files.iter().map(|path| same(path)).collect();
    // What a service reads belongs to this environment.
    setting.others.retain(|other| !given.contains(&same(&other.path)));
    let own: Vec<PathBuf> = setting.files.iter().map(|file| same(&file.path)).collect();
    let mut of_services = Vec::new();
    for path in found.env_files.iter().filter(|path| !own.contains(&same(path))) {
        of_services.extend(load_file(context, path)?);
    }
    Ok(Subject { setting, wanted, found, of_services })
}

/// The files that were read, those of secrets included.
fn paths(subject: &Subject) -> impl Iterator<Item = &PathBuf> {
    let setting = &subject.setting;
    let env_files = setting.files.iter().chain(&setting.others).chain(&subject.of_services).map(|file| &file.path);
    env_files.chain(subject.found.secret_files.iter().map(|file| &file.path).filter(|path| path.is_file()))
}

fn all(context: &Context, subject: &Subject) -> Vec<Finding> {
    let (setting, wanted) = (&subject.setting, subject.wanted.as_slice());
    let remedies = Remedies { context, setting, names: &subject.found.names };
    let mut findings = value_findings(&remedies, wanted);
    findings.extend(shared_findings(&remedies, wanted));
    findings.extend(compose_findings(&remedies, &subject.found));
    findings.extend(subject.of_services.iter().flat_map(|file| file_value_findings(&remedies, file)));
    let secret_files: Vec<&PathBuf> = subject.found.secret_files.iter().map(|file| &file.path).collect();
    findings.extend(file_findings(&remedies, &subject.of_services, &secret_files));
    findings.sort_by(|a, b| (&a.file, a.line, &a.key, a.problem).cmp(&(&b.file, b.line, &b.key, b.problem)));
    findings
}

/// Whatever is said from here on, no value is in it.
fn learn(context: &Context, subject: &Subject) {
    let setting = &subject.setting;
    let files = setting.files.iter().chain(&setting.others).chain(&subject.of_services);
    let values = files.flat_map(|file| &file.entries).filter_map(|entry| Some((&entry.key, entry.value.as_ref()?)));
    let literals = subject.found.literals.iter().map(|one| (&one.key, &one.value));
    let all = values.chain(literals).chain(&subject.found.defaults);
    let secrets: Vec<Secret> = all.flat_map(|(key, value)| secrets_in(key, value)).collect();
    context.redactor.publish(subject.found.names.iter().cloned());
    context.redactor.learn(&secrets);
}
