//! The flags of `config`, as Compose has them, and what they come to together.
//! Reads the parsed command line.
//! Never loads anything.

use std::path::PathBuf;

use clap::Args;

use crate::compose::LoadOptions;
use crate::error::Result;
use crate::session::WorkflowError;

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
pub(super) enum Format {
    Yaml,
    Json,
    Table,
}

impl ConfigArgs {
    pub(super) fn load_options(&self, all_resources: bool) -> LoadOptions {
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

    pub(super) fn format(&self) -> Result<Format> {
        match self.format.as_deref() {
            None if self.list.variables => Ok(Format::Table),
            Some("table" | "") if self.list.variables => Ok(Format::Table),
            None | Some("yaml" | "") => Ok(Format::Yaml),
            Some("json") => Ok(Format::Json),
            Some(other) => Err(WorkflowError::usage(format!("unsupported format `{other}`: yaml or json")).into()),
        }
    }

    /// Whether a list is printed that Compose makes of all services, whatever services are named.
    pub(super) fn ignores_names(&self) -> bool {
        self.list.only_names() || self.hash.is_some()
    }
}

impl ListArgs {
    pub(super) fn only_names(&self) -> bool {
        self.services || self.volumes || self.networks || self.models
    }
}

impl ConfigArgs {
    pub(super) fn prints_list(&self) -> bool {
        self.prints_before_variables() || self.list.variables || self.list.environment
    }

    pub(super) fn prints_before_variables(&self) -> bool {
        self.list.only_names() || self.hash.is_some() || self.list.profiles || self.list.images
    }
}
