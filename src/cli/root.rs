//! The composition root: reads the process environment once, builds the context, runs the verb, returns the exit code.
//! Reads arguments, environment, signals; everything else reaches workflows through the context.
//! Never decides what a verb does.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::FromArgMatches;

use super::addressed::Addressed;
use super::args::Cli;
use super::connector::Connector;
use super::console::ProcessConsole;
use super::dispatch::dispatch;
use super::help::command_tree;
use super::signals::{self, Forwarding};
use super::{RunVerb, Verb};
use crate::error::ErrorKind;
use crate::event::Changes;
use crate::release::LeaseOwner;
use crate::secret::Redactor;
use crate::session::{Context, WorkflowError};
use crate::ui::{Facts, LogOptions, OutputFormat, Ui, UiOptions};

/// Runs aictl.
pub fn main() -> ExitCode {
    let cli = match command_tree().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli));
            // A blocked read of standard input must not keep a finished command alive.
            runtime.shutdown_background();
            ExitCode::from(code)
        }
        Err(_) => ExitCode::from(ErrorKind::Failed.exit_code()),
    }
}

/// Help and version go to stdout with 0, mistakes to stderr with 2.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && asks_for_json(std::env::args_os()) {
        let options = UiOptions { output: OutputFormat::Json, ..UiOptions::default() };
        return ExitCode::from(Ui::new(Facts::default(), options, Arc::default()).fail(&mistake(error).into()));
    }
    let written = error.print();
    let code = if error.use_stderr() { ErrorKind::Usage.exit_code() } else { 0 };
    ExitCode::from(if written.is_ok() || error.use_stderr() { code } else { ErrorKind::Failed.exit_code() })
}

/// A command line that cannot be read still says who reads the answer.
fn asks_for_json(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    words.iter().any(|word| word == "--output=json")
        || words.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// What clap prints in paragraphs: what is wrong, tips, how it is used.
fn mistake(error: &clap::Error) -> WorkflowError {
    let printed = error.render().to_string();
    let (message, rest) = printed.split_once("\n\n").unwrap_or((&printed, ""));
    let tip = rest.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    WorkflowError::Usage {
        message: message.trim_start_matches("error: ").trim().to_owned(),
        hint: tip.map_or_else(|| "see `aictl --help`".to_owned(), str::to_owned).into(),
    }
}

async fn run(cli: Cli) -> u8 {
    let variables: BTreeMap<String, String> =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let facts = Facts::detect(|name| variables.get(name).cloned());
    let redactor = Arc::new(Redactor::default());
    let (changes, forwarding) = (Changes::default(), Forwarding::default());
    let (interrupt, interruption) = signals::watch(changes.clone(), &forwarding);
    let ui = Ui::new(facts.clone(), cli.ui_options(), redactor.clone());
    let context = Context {
        options: cli.options(),
        cwd: working_directory(variables.get("PWD")),
        connector: Arc::new(Connector {
            environment: variables.clone(),
            read_only: cli.global.dry_run,
            changes: changes.clone(),
            redactor: redactor.clone(),
            patience: cli.global.timeout,
        }),
        changes,
        owner: owner(),
        reporter: Arc::new(Addressed { options: cli.options(), inner: ui.reporter() }),
        prompt: ui.prompt(),
        output: ui.output(log_options(&cli)),
        console: Arc::new(ProcessConsole { facts, forwarding }),
        interrupt,
        read_stdin: || crate::input_file::read_stream(std::io::stdin()),
        random: |bytes| getrandom::fill(bytes).map_err(std::io::Error::other),
        now,
        redactor,
        variables,
    };
    match dispatch(&context, cli.verb).await {
        Ok(report) => interruption.code(ui.show(&Addressed { options: context.options, inner: report })),
        Err(error) => ui.fail(&interruption.told(error).map_hints(|hint| context.options.addressed(hint))),
    }
}

/// The directory the command was typed in, by the path it was typed with: in a linked folder the link, as shells, Go
/// and with it Compose have it.
fn working_directory(typed: Option<&String>) -> PathBuf {
    let real = std::env::current_dir().unwrap_or_default();
    let typed = typed.map(PathBuf::from).filter(|typed| typed.is_absolute());
    typed.filter(|typed| typed.canonicalize().is_ok_and(|found| found == real)).unwrap_or(real)
}

fn log_options(cli: &Cli) -> LogOptions {
    let Verb::Run(RunVerb::Logs(args)) = &cli.verb else { return LogOptions::default() };
    LogOptions {
        no_prefix: args.no_log_prefix,
        timestamps: args.timestamps,
        no_color: args.no_color,
        sources: Vec::new(),
    }
}

fn owner() -> LeaseOwner {
    LeaseOwner {
        user: crate::host::user_name(),
        host: crate::host::host_name(),
        boot_id: crate::host::boot_id(),
        pid: std::process::id(),
        pid_namespace: crate::host::pid_namespace(),
        process_start: crate::host::process_start(),
        operation: String::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn now() -> String {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
