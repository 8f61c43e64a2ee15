//! `aictl secrets check`: everything that is wrong with the project's secrets and the files they are in.
//! Reads the setting and git's index; returns findings in the order of files and lines.
//! Never changes anything, and never shows a value.

use super::finding::{CheckReport, Finding};
use super::places::{Remedies, file_findings, shared_findings};
use super::values::value_findings;
use crate::error::Result;
use crate::secret::{Secret, is_secret_name, is_url_name, secrets_in};
use crate::session::Context;
use crate::session::context::shown;
use crate::session::env_files::EnvVariable;
use crate::session::env_files::load_wanted;
use crate::session::env_files::{Setting, load_setting};

/// Checks.
pub(super) fn run(context: &Context) -> Result<CheckReport> {
    let setting = load_setting(context)?;
    let wanted = load_wanted(context, &setting)?;
    learn(context, &setting);
    let findings = all(context, &setting, &wanted);
    let mut names: Vec<&str> =
        wanted.iter().filter(|wanted| wanted.is_secret()).map(|wanted| wanted.key.as_str()).collect();
    let entries = setting.files.iter().flat_map(|file| &file.entries).map(|entry| entry.key.as_str());
    names.extend(entries.filter(|key| is_secret_name(key) || is_url_name(key)));
    names.sort_unstable();
    names.dedup();
    let files = setting.files.iter().chain(&setting.others).map(|file| shown(context, &file.path)).collect();
    Ok(CheckReport { checked: names.len(), files, findings })
}

/// The findings alone, for verbs that go on only when there are none.
pub fn findings(context: &Context) -> Result<Vec<Finding>> {
    let setting = load_setting(context)?;
    let wanted = load_wanted(context, &setting)?;
    Ok(all(context, &setting, &wanted))
}

fn all(context: &Context, setting: &Setting, wanted: &[EnvVariable]) -> Vec<Finding> {
    let remedies = Remedies { context, setting };
    let mut findings = value_findings(&remedies, wanted);
    findings.extend(shared_findings(&remedies, wanted));
    findings.extend(file_findings(&remedies));
    findings.sort_by(|a, b| (&a.file, a.line, &a.key, a.problem).cmp(&(&b.file, b.line, &b.key, b.problem)));
    findings
}

/// Whatever is said from here on, no value is in it.
fn learn(context: &Context, setting: &Setting) {
    let entries = setting.files.iter().chain(&setting.others).flat_map(|file| &file.entries);
    let values = entries.filter_map(|entry| Some((entry.key.as_str(), entry.value.as_deref()?)));
    let secrets: Vec<Secret> = values.flat_map(|(key, value)| secrets_in(key, value)).collect();
    context.redactor.learn(&secrets);
}
