//! `aictl secrets generate`: missing secrets into the env file, private and in one piece.
//! Reads the setting and randomness; writes one file and returns what was added, without a value.
//! Never replaces a value unless its name was given with `--replace` and a person or `--yes` agreed.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::fill::{Action, Change, Fill, FillError, Filled};
use crate::error::{Error, Result, nearest};
use crate::output_file::{OutputError, PrivateFile};
use crate::secret;
use crate::session::context::{quoted_word, shown};
use crate::session::env_files::{
    EnvFile, EnvVariable, Origin, Setting, end_of_links, load_setting, load_wanted, unwritable,
};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::{Context, WorkflowError};

/// Generate missing secrets
#[derive(Debug, Clone, Default, Args)]
pub struct GenerateArgs {
    /// Names of the secrets to generate; all missing ones by default
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// Replace the values that the named secrets have
    #[arg(long, requires = "keys")]
    pub replace: bool,
}

/// The added file.
#[derive(Debug, Serialize)]
pub struct GenerateReport {
    /// The env file.
    pub file: String,
    /// Whether the file did not exist before.
    pub created: bool,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Names that were added or given a value, in the order of the file.
    pub changes: Vec<Change>,
    /// Names that have a value and kept it.
    pub kept: Vec<String>,
    /// Names without a value only the operator can give.
    pub to_give: Vec<String>,
}

impl GenerateReport {
    /// Whether the file was, or in a dry run would be, written.
    pub fn changed(&self) -> bool {
        self.created || !self.changes.is_empty()
    }
}

/// Generates; without `--dry-run` the file is written.
pub fn generate(context: &Context, args: &GenerateArgs) -> Result<GenerateReport> {
    let setting = load_setting(context)?;
    let wanted = load_wanted(context, &setting)?.0;
    check_names(&wanted, &args.keys)?;
    let existing = existing(&setting);
    let fill = Fill {
        existing,
        template: setting.template.as_ref(),
        wanted: &wanted,
        elsewhere: &elsewhere(&setting),
        only: &args.keys,
        replace: args.replace,
    };
    let mut random = context.random;
    let filled = fill.fill(&mut |form| secret::generate(form, &mut random));
    let filled = filled.map_err(|error| cannot(context, &setting, &error))?;
    let report = report(context, &setting, &wanted, &filled);
    if !report.changed() {
        return Ok(report);
    }
    let file = destination(context, &setting, &setting.target)?;
    if report.dry_run {
        return Ok(report);
    }
    confirm(context, &report)?;
    context.redactor.learn(&filled.secrets);
    let written = match existing {
        Some(before) => file.replace(before.text.as_bytes(), filled.text.as_bytes()),
        None => file.create(filled.text.as_bytes()),
    };
    let place = end_of_links(&setting.target);
    written.map_err(|error| unwritable(context, &setting.target, &place, &error))?;
    Ok(report)
}

/// The env file, which lies in the project's folder unless the command line named another place.
pub(super) fn destination(context: &Context, setting: &Setting, path: &Path) -> Result<PrivateFile> {
    let folder = &setting.project.directory;
    let real = |path: &Path| path.canonicalize().ok();
    let is_inside = path.starts_with(folder)
        || path.parent().and_then(real).zip(real(folder)).is_some_and(|(of, folder)| of.starts_with(folder));
    let is_named = !context.options.env_files.is_empty() && !is_inside;
    let file = match is_named {
        true => PrivateFile::named(path),
        false => PrivateFile::below(path, folder),
    };
    let outside = |error: OutputError| {
        let OutputError::LeadsOutside { target, .. } = &error else { return error.into() };
        let target = quoted_word(&target.display().to_string());
        let hint = format!("to write there, name that file: `aictl --env-file {target} secrets generate`");
        Error::from(error).with_hint(hint)
    };
    file.check().map_err(outside)?;
    Ok(file)
}

fn check_names(wanted: &[EnvVariable], named: &[String]) -> Result<()> {
    let known: Vec<String> = wanted.iter().filter(|wanted| wanted.is_made()).map(|wanted| wanted.key.clone()).collect();
    if let Some(name) = named.iter().find(|name| !known.contains(name)) {
        if wanted.iter().any(|wanted| wanted.key == *name) {
            let message = format!("`{name}` is issued by a third party or is no secret, and cannot be generated");
            return Err(WorkflowError::usage(message).into());
        }
        let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(WorkflowError::NoSecret { name: name.clone(), nearest, known }.into());
    }
    Ok(())
}

/// Names that another env file of the same environment gives a value.
fn elsewhere(setting: &Setting) -> BTreeSet<String> {
    let others = setting.files.iter().filter(|file| file.path != setting.target);
    let entries = others.flat_map(|file| &file.entries);
    entries
        .filter(|entry| entry.value.as_ref().is_some_and(|value| !value.is_empty()))
        .map(|entry| entry.key.clone())
        .collect()
}

pub(super) fn cannot(context: &Context, setting: &Setting, error: &FillError) -> WorkflowError {
    WorkflowError::File { path: shown(context, &setting.target), reason: error.to_string() }
}

/// The env file, if it exists.
fn existing(setting: &Setting) -> Option<&EnvFile> {
    setting.files.iter().find(|file| file.path == setting.target)
}

fn report(context: &Context, setting: &Setting, wanted: &[EnvVariable], filled: &Filled) -> GenerateReport {
    let changed = |key: &str| filled.changes.iter().any(|change| change.key == key);
    let has_value = |key: &str| {
        let value = setting.found(key).and_then(|(_, entry)| entry.value.as_deref()).unwrap_or_default();
        !value.is_empty() || context.variables.get(key).is_some_and(|value| !value.is_empty())
    };
    let kept = wanted.iter().filter(|wanted| has_value(&wanted.key) && !changed(&wanted.key));
    let to_give = wanted.iter().filter(|wanted| wanted.origin == Origin::Required && !has_value(&wanted.key));
    GenerateReport {
        file: shown(context, &setting.target),
        created: existing(setting).is_none() && !filled.text.is_empty(),
        dry_run: context.options.dry_run,
        changes: filled.changes.clone(),
        kept: kept.map(|wanted| wanted.key.clone()).collect(),
        to_give: to_give.map(|wanted| wanted.key.clone()).collect(),
    }
}

/// A placeholder is no value; anything else may be in use already.
fn confirm(context: &Context, report: &GenerateReport) -> Result<()> {
    let replaced: Vec<&str> =
        report.changes.iter().filter(|c| c.action == Action::Replaced).map(|c| c.key.as_str()).collect();
    if replaced.is_empty() {
        return Ok(());
    }
    let question = format!("replace {} in {}? existing databases keep the old value", replaced.join(", "), report.file);
    Ok(context.prompt.confirm(&question)?)
}

impl Report for GenerateReport {
    fn blocks(&self) -> Vec<Block> {
        let would = if self.dry_run { "would be " } else { "" };
        let mut blocks = Vec::new();
        for change in &self.changes {
            let said = match change.action {
                Action::Generated => format!(" {would}generated"),
                Action::Signed => format!(" {would}signed with the new secret"),
                Action::Replaced => format!(" {would}replaced by a new value"),
                Action::Copied => format!(" {would}copied from the template"),
                Action::LeftEmpty => format!(" {would}left empty: set a value"),
            };
            let tone = if change.action == Action::LeftEmpty { Tone::Warn } else { Tone::Plain };
            blocks.push(Block::Line(vec![Cell::new(change.key.as_str(), Tone::Strong), Cell::new(said, tone)]));
        }
        let waiting = self.to_give.iter().filter(|key| !self.changes.iter().any(|change| change.key == **key));
        for key in waiting {
            let said = Cell::new(" has no value: set one", Tone::Warn);
            blocks.push(Block::Line(vec![Cell::new(key.as_str(), Tone::Strong), said]));
        }
        let kept = if self.kept.is_empty() { String::new() } else { format!(", {} kept", self.kept.len()) };
        let summary = match (self.changed(), self.dry_run, self.created) {
            (false, ..) => format!("{}: up to date{kept}", self.file),
            (true, true, _) => format!("{}: nothing was changed", self.file),
            (true, false, true) => format!("{}: created, mode 600", self.file),
            (true, false, false) => format!("{}: {} written{kept}", self.file, self.changes.len()),
        };
        blocks.push(Block::Line(vec![Cell::new(summary, Tone::Dim)]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
