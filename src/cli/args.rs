//! The global flags. Long ones are taken before and after the verb, short ones before it only.
//! Reads the command line through clap; becomes `GlobalOptions` and `UiOptions`.
//! Never looks at files.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser};

use super::Verb;
use crate::session::GlobalOptions;
use crate::ui::{OutputFormat, ProgressMode, UiOptions};

/// Run a self-hosted AI-assistant stack on a Docker engine or Kubernetes
#[derive(Debug, Parser)]
#[command(name = "aictl", version, propagate_version = false, max_term_width = 100, subcommand_required = true)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    /// Compose file; short for --file
    #[arg(short = 'f', value_name = "FILE", hide = true)]
    short_files: Vec<PathBuf>,
    /// Project name; short for --project-name
    #[arg(short = 'p', value_name = "NAME", hide = true)]
    short_project_name: Option<String>,
    /// Short for --verbose
    #[arg(short = 'v', hide = true)]
    short_verbose: bool,
    /// Global flags.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags of every verb.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Environment from aictl.yaml
    #[arg(long, global = true, value_name = "NAME", env = "AICTL_ENV", hide_env_values = true)]
    pub env: Option<String>,
    /// Project directory
    #[arg(long, global = true, value_name = "DIR", alias = "project-directory")]
    pub project_dir: Option<PathBuf>,
    /// Compose file, or - for standard input; repeatable (-f before the command)
    #[arg(long = "file", global = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Project name (-p before the command)
    #[arg(long, global = true, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Profile to enable; repeatable
    #[arg(long = "profile", global = true, value_name = "NAME")]
    pub profiles: Vec<String>,
    /// Env file for interpolation instead of .env; repeatable
    #[arg(long = "env-file", global = true, value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Set a template value, such as api.port=8001; repeatable
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Include unused resources
    #[arg(long, global = true)]
    pub all_resources: bool,
    /// Output format
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", value_parser = named::<OutputFormat>(&OutputFormat::NAMES))]
    pub output: OutputFormat,
    /// Progress output
    #[arg(long, global = true, value_name = "MODE", default_value = "auto", value_parser = named::<ProgressMode>(&ProgressMode::NAMES))]
    pub progress: ProgressMode,
    /// Show what would be done without changing anything
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Answer yes to all prompts
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// Timeout for each wait, such as 90s or 5m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Show more detail, such as build output and error causes
    #[arg(long, global = true)]
    pub verbose: bool,
}

impl Cli {
    /// The options a workflow sees.
    pub fn options(&self) -> GlobalOptions {
        let global = &self.global;
        GlobalOptions {
            environment: global.env.clone(),
            project_dir: global.project_dir.clone(),
            files: self.short_files.iter().chain(&global.files).cloned().collect(),
            project_name: self.short_project_name.clone().or_else(|| global.project_name.clone()),
            profiles: global.profiles.clone(),
            env_files: global.env_files.clone(),
            set: global.set.clone(),
            all_resources: global.all_resources,
            dry_run: global.dry_run,
            yes: global.yes,
            timeout: global.timeout,
            verbose: global.verbose || self.short_verbose,
        }
    }

    /// The options of the terminal output.
    pub fn ui_options(&self) -> UiOptions {
        UiOptions {
            output: self.global.output,
            progress: self.global.progress,
            verbose: self.global.verbose || self.short_verbose,
            yes: self.global.yes,
        }
    }
}

/// One of a few names, so that help and completions can list them.
fn named<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

/// `90`, `90s`, `5m`, `1h30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("invalid duration `{text}`, expected one such as 90s or 5m");
    if let Ok(seconds) = text.parse::<u64>() {
        return bounded(text, Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let after = &rest[digits..];
        let (unit, length) = match after.as_bytes() {
            [b'm', b's', ..] => (Duration::from_millis(number), 2),
            [b's', ..] => (Duration::from_secs(number), 1),
            [b'm', ..] => (Duration::from_secs(number.saturating_mul(60)), 1),
            [b'h', ..] => (Duration::from_secs(number.saturating_mul(3600)), 1),
            [b'd', ..] => (Duration::from_secs(number.saturating_mul(86_400)), 1),
            _ => return Err(wrong()),
        };
        total = total.saturating_add(unit);
        rest = &after[length..];
    }
    if text.is_empty() { Err(wrong()) } else { bounded(text, total) }
}

/// No wait lasts a year, and clocks cannot add every duration.
fn bounded(text: &str, time: Duration) -> Result<Duration, String> {
    let year = Duration::from_secs(365 * 86_400);
    if time > year { Err(format!("duration `{text}` is longer than a year")) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::RunVerb;
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn short_global_flags_belong_before_the_verb_and_long_ones_anywhere() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        let cli = parse("aictl -f a.yaml -p shop stop --remove -v --file b.yaml").unwrap();
        assert_eq!(cli.options().project_name.as_deref(), Some("shop"));
        assert!(matches!(&cli.verb, Verb::Run(RunVerb::Stop(args)) if args.volumes && args.remove));
        assert!(parse("aictl stop -p shop").is_err());
        assert!(parse("aictl status --project-name shop").is_ok());
    }

    #[test]
    fn times_are_read_with_and_without_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "soon", "5x", "m", "366d", "18446744073709551615", "99999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
