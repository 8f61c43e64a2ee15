//! `aictl config`: the project as Docker Compose prints it, or the names, hashes and variables in it.
//! Reads the project through the compose loader; returns the text, byte for byte Compose's.
//! Never reaches an engine but to ask for digests, and never shows a secret that is not written in the files.

mod digests;
mod listing;

use std::path::PathBuf;

use clap::Args;

use crate::compose::model::Stack;
use crate::compose::{Finding, LoadArgs, LoadOptions, LoadedModel, load, load_model, load_variables};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::output_file::{Content, Existing, OutputFile, Rules};
use crate::session::load::{load_args, load_project_file, redact, warn_of_no_effect};
use crate::session::report::{Block, Report};
use crate::session::{Context, WorkflowError};

/// Print the compose model in canonical form
#[derive(Debug, Clone, Default, Args)]
#[command(args_override_self = true)]
pub struct ConfigArgs {
    /// Services to print, with their dependencies; all by default
    #[arg(value_name = "SERVICE")]
    pub names: Vec<String>,
    /// Output format: yaml or json; with --variables also table
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Save to this file
    #[arg(short = 'o', value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Only validate, print nothing
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Print the config hash of the named services, or of all with '*'
    #[arg(long, value_name = "SERVICES")]
    pub hash: Option<String>,
    /// Pin image tags to digests
    #[arg(long)]
    pub resolve_image_digests: bool,
    /// Print an override file with image digests
    #[arg(long)]
    pub lock_image_digests: bool,
    /// What is printed instead of the model
    #[command(flatten)]
    pub list: ListArgs,
    /// What is left undone
    #[command(flatten)]
    pub skip: SkipArgs,
}

/// Flags that print a list instead of the model; the first one given, in Compose's order, wins.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one switch each, as in Compose")]
pub struct ListArgs {
    /// Print the service names, one per line
    #[arg(long)]
    pub services: bool,
    /// Print the volume names, one per line
    #[arg(long)]
    pub volumes: bool,
    /// Print the network names, one per line
    #[arg(long)]
    pub networks: bool,
    /// Print the model names, one per line
    #[arg(long)]
    pub models: bool,
    /// Print the profile names, one per line
    // Its own id: `--profile` already has this one.
    #[arg(id = "list_profiles", long = "profiles")]
    pub profiles: bool,
    /// Print the image names, one per line
    #[arg(long)]
    pub images: bool,
    /// Print the variables of the model and their defaults
    #[arg(long)]
    pub variables: bool,
    /// Print the environment used for interpolation
    #[arg(long)]
    pub environment: bool,
}

/// Flags that leave a step of loading out.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one switch each, as in Compose")]
pub struct SkipArgs {
    /// Do not interpolate environment variables
    #[arg(long)]
    pub no_interpolate: bool,
    /// Do not normalize the compose model
    #[arg(long)]
    pub no_normalize: bool,
    /// Do not resolve file paths
    #[arg(long)]
    pub no_path_resolution: bool,
    /// Do not check model consistency; may produce invalid output
    #[arg(long)]
    pub no_consistency: bool,
    /// Do not resolve the env files of services
    #[arg(long)]
    pub no_env_resolution: bool,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Yaml,
    Json,
    Table,
}

impl ConfigArgs {
    fn load_options(&self, all_resources: bool) -> LoadOptions {
        let skip = &self.skip;
        LoadOptions {
            no_interpolate: skip.no_interpolate,
            no_normalize: skip.no_normalize,
            no_path_resolution: skip.no_path_resolution,
            no_consistency: skip.no_consistency,
            shared_names: self.prints_list(),
            // A missing env file does not keep Compose from printing these names, while it does for all else.
            no_env_resolution: skip.no_env_resolution || self.list.only_names(),
            discard_env_files: true,
            all_resources,
        }
    }

    fn format(&self) -> Result<Format> {
        match self.format.as_deref() {
            None if self.list.variables => Ok(Format::Table),
            Some("table" | "") if self.list.variables => Ok(Format::Table),
            None | Some("yaml" | "") => Ok(Format::Yaml),
            Some("json") => Ok(Format::Json),
            Some(other) => Err(WorkflowError::usage(format!("unsupported format `{other}`: yaml or json")).into()),
        }
    }

    /// Whether a list is printed that Compose makes of all services, whatever services are named.
    fn ignores_names(&self) -> bool {
        self.list.only_names() || self.hash.is_some()
    }
}

impl ListArgs {
    fn only_names(&self) -> bool {
        self.services || self.volumes || self.networks || self.models
    }
}

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
        if pins { digests::pinned((context, &project), &args, &load).await? } else { answer(&args, &load)? };
    for finding in warnings {
        context.reporter.warn(finding.to_string());
    }
    if args.quiet {
        text.clear();
    } else if let Some(file) = args.output_file.as_ref().filter(|_| !args.prints_list()) {
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
fn answer(args: &ConfigArgs, load_args: &LoadArgs) -> Result<(String, Vec<Finding>)> {
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
    let loaded = load(load_args, &LocalFiles)?;
    Ok((of_stack(args, format, &loaded.stack)?, loaded.warnings))
}

impl ConfigArgs {
    fn prints_list(&self) -> bool {
        self.prints_before_variables() || self.list.variables || self.list.environment
    }

    fn prints_before_variables(&self) -> bool {
        self.list.only_names() || self.hash.is_some() || self.list.profiles || self.list.images
    }
}

/// The text made of the loaded project; the order of the questions is Compose's.
fn of_stack(args: &ConfigArgs, format: Format, stack: &Stack) -> Result<String> {
    let list = &args.list;
    Ok(match &args.hash {
        _ if list.services => listing::lines(stack.services.keys()),
        _ if list.volumes => listing::lines(stack.volumes.keys()),
        _ if list.networks => listing::lines(stack.networks.keys()),
        _ if list.models => listing::models(stack),
        Some(services) => listing::hashes(stack, services)?,
        _ if list.profiles => listing::profiles(stack),
        _ if list.images => listing::images(stack),
        _ if list.environment => listing::environment(stack),
        None if format == Format::Json => stack.config_json().map_err(broken)?,
        None => stack.config_yaml(),
    })
}

/// The text of a tree.
fn of_model(format: Format, model: &LoadedModel) -> Result<String> {
    if format == Format::Json { Ok(model.config_json().map_err(broken)?) } else { Ok(model.config_yaml()) }
}

fn broken(error: serde_json::Error) -> WorkflowError {
    WorkflowError::File { path: "the project".to_owned(), reason: error.to_string() }
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
