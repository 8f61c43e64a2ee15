//! `aictl config`: the project as Docker Compose prints it, or the names, hashes and variables in it.
//! Reads the project through the compose loader; returns the text, byte for byte Compose's.
//! Never reaches an engine but to ask for digests, and never shows a secret that is not written in the files.

mod digests;
mod listing;
mod options;
mod text;

use crate::compose::{Finding, LoadArgs, LoadOptions, load, load_model, load_variables};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::output_file::{Content, Existing, OutputFile, Rules};
use crate::session::Context;
use crate::session::load::{load_args, load_files, load_project_file, warn_of_no_effect};
use crate::session::redaction::redact;
use crate::session::report::{Block, Report};
use options::Format;
use text::{of_model, of_stack};

pub use options::{ConfigArgs, ListArgs, SkipArgs};

/// Prints the project.
pub async fn run(context: &Context, args: ConfigArgs) -> Result<ConfigReport> {
    let project = load_project_file(context)?;
    warn_of_no_effect(context, &project);
    let mut load = load_args(context, &project)?;
    load.options = args.load_options(context.options.all_resources);
    if !args.ignores_names() {
        load.services.clone_from(&args.names);
    }
    let pins = (args.resolve_image_digests || args.lock_image_digests) && !args.prints_list();
    let (mut text, warnings) =
        if pins { digests::pinned((context, &project), &args, &load).await? } else { answer(context, &args, &load)? };
    for finding in warnings {
        context.reporter.warn(finding.to_string());
    }
    if args.quiet {
        text.clear();
    } else if let Some(file) = args.output_file.as_ref().filter(|_| !args.prints_list()) {
        if context.options.dry_run {
            return Ok(ConfigReport { text: format!("would write {}\n", file.display()) });
        }
        let content = if holds_secrets(context, &load, &text) { Content::Secret } else { Content::Plain };
        let rules = Rules { existing: Existing::Replace, content };
        OutputFile::open(&context.cwd.join(file), rules)?.write(text.as_bytes())?;
        text.clear();
    }
    Ok(ConfigReport { text })
}

/// Whether a secret's value is in the text: of the environment, of env files or written in the files themselves.
fn holds_secrets(context: &Context, load_args: &LoadArgs, text: &str) -> bool {
    let options = LoadOptions { all_resources: true, discard_env_files: true, ..LoadOptions::default() };
    // A project that is valid only with parts of loading left out is not known well enough.
    let Ok(loaded) = load(&LoadArgs { options, ..load_args.clone() }, &LocalFiles) else { return true };
    redact(context, &loaded.stack, loaded.variables.keys());
    context.redactor.redact(text) != text
}

/// The text the flags ask for, and what is worth saying beside it.
fn answer(context: &Context, args: &ConfigArgs, load_args: &LoadArgs) -> Result<(String, Vec<Finding>)> {
    // Lists have no format, and Compose looks at none then.
    let plain = args.prints_before_variables() || (args.list.environment && !args.list.variables);
    let format = if plain { Format::Yaml } else { args.format()? };
    if args.list.variables && !args.prints_before_variables() {
        return Ok((listing::variables(&load_variables(load_args, &LocalFiles)?, format), Vec::new()));
    }
    if args.skip.no_interpolate && (args.list.services || !args.prints_list()) {
        let model = load_model(load_args, &LocalFiles)?;
        let services = args.list.services;
        let text = if services { listing::lines(model.names("services")) } else { of_model(format, &model)? };
        return Ok((text, model.warnings));
    }
    let loaded = load_files(context, load_args)?;
    Ok((of_stack(args, format, &loaded.stack)?, loaded.warnings))
}

/// The text Compose would print.
#[derive(Debug, Clone)]
pub struct ConfigReport {
    text: String,
}

impl Report for ConfigReport {
    fn blocks(&self) -> Vec<Block> {
        vec![Block::Raw(self.text.clone())]
    }

    /// The model itself with `--output json`, the text otherwise.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| serde_json::json!({ "text": self.text }))
    }
}
