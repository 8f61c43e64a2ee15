//! `aictl quickstart`: from a bare machine to a checked stack, in the order a person would type it.
//! Reads what each step finds; runs init, secrets, doctor, setup, images, start, the first tasks and smoke-test.
//! Never repeats what is done: the next run goes on where this one ended.

mod journal;
mod report;
mod steps;
mod takeover;
mod tasks;
mod unattended;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures_util::FutureExt;

use crate::compose::{ComposeError, locate};
use crate::error::Result;
use crate::event::Reporter;
use crate::input_file::LocalFiles;
use crate::project::{LoadedProject, PROJECT_FILE};
use crate::session::context::quoted_word;
use crate::session::load::load_project_file;
use crate::session::{Context, GlobalOptions};
use crate::workflow::begin::init;
use journal::Journal;
use steps::Steps;
use unattended::{Brief, Talk, Unattended};

pub use report::{QuickstartReport, StepReport, StepState};

/// The system of those who do not name one.
const SYSTEM: &str = "ai-assistant";

/// Set up and start a stack on a bare machine, step by step
///
/// Runs init, secrets generate, doctor, setup, images build, start, the first tasks and smoke-test. Without a project in
/// this directory, the system `ai-assistant` is created in a directory of that name. Completed steps are skipped when run
/// again. Asks before changing the machine unless --yes is given.
#[derive(Debug, Clone, Default, Args)]
pub struct QuickstartArgs {
    /// Built-in system to create, in a directory of that name or --project-dir
    #[arg(long, value_name = "SYSTEM")]
    pub from: Option<String>,
}

/// Goes all the way.
pub async fn run(context: &Context, args: QuickstartArgs) -> Result<QuickstartReport> {
    let mut journal = Journal::new(context.reporter.clone());
    let again = again(context, &args);
    match go(context, &args, &mut journal).await {
        Ok(report) => Ok(QuickstartReport { again, ..report }),
        Err(error) => {
            let hint = report::goes_on(&again, error.kind());
            Err(error.with_hint(hint))
        }
    }
}

/// The command that was typed, with what led to this project and environment.
fn again(context: &Context, args: &QuickstartArgs) -> String {
    let from = args.from.as_deref().map(|system| format!(" --from {}", quoted_word(system)));
    format!("{} quickstart{}", context.options.command(), from.unwrap_or_default())
}

async fn go(context: &Context, args: &QuickstartArgs, journal: &mut Journal) -> Result<QuickstartReport> {
    let place = place(context, args)?;
    let reporter: Arc<dyn Reporter> = match context.options.verbose || context.console.is_terminal() {
        true => context.reporter.clone(),
        false => Arc::new(Brief::new(context.reporter.clone())),
    };
    let context = &Context {
        options: GlobalOptions { project_dir: Some(place.directory.clone()), ..context.options.clone() },
        reporter,
        console: Arc::new(Unattended),
        output: Arc::new(Talk::new(context.reporter.clone())),
        ..context.clone()
    };
    if let Some(system) = &place.system {
        takeover::ask(context, &LoadedProject::default(), (&place.directory, Some(system))).await?;
        journal.begin("init");
        let done = init::begin(context, &place.directory, system)?;
        journal.end(StepState::of(!done.written.is_empty(), done.dry_run), done.summary());
    }
    // A dry run writes no project, so what would follow cannot be looked at.
    if context.options.dry_run && place.system.is_some() {
        let report = journal.report(place.directory.display().to_string(), None);
        return Ok(QuickstartReport { dry_run: true, ..report });
    }
    let project = load_project_file(context)?;
    let environment = environment(context, &project);
    let options = GlobalOptions { environment: environment.clone(), ..context.options.clone() };
    let steps = Steps { context: &Context { options, ..context.clone() }, project: &project };
    let report = journal.report(place.directory.display().to_string(), environment);
    steps.run(journal, report).boxed().await
}

/// Where the project is, and the system it has yet to be made from.
struct ProjectLocation {
    directory: PathBuf,
    system: Option<String>,
}

fn place(context: &Context, args: &QuickstartArgs) -> Result<ProjectLocation> {
    let here = init::directory(context)?;
    if args.from.is_none() && is_project(context) {
        return Ok(ProjectLocation { directory: here, system: None });
    }
    let system = args.from.clone().unwrap_or_else(|| SYSTEM.to_owned());
    let directory = if context.options.project_dir.is_some() { here } else { here.join(&system) };
    let begun = directory.join(PROJECT_FILE).exists();
    Ok(ProjectLocation { directory, system: (!begun).then_some(system) })
}

/// Whether something is here already; files that cannot be read are a project too, and will say what is wrong.
fn is_project(context: &Context) -> bool {
    // The environment asked for may be one of the system that is yet to be written.
    let options = GlobalOptions { environment: None, ..context.options.clone() };
    let context = &Context { options, ..context.clone() };
    let Ok(project) = load_project_file(context) else { return true };
    let Ok(args) = crate::session::load::load_args(context, &project) else { return true };
    project.file.is_some() || !matches!(locate(&args, &LocalFiles), Err(ComposeError::NotFound { .. }))
}

/// The environment of the command line, else the one for newcomers, else the default one.
fn environment(context: &Context, project: &LoadedProject) -> Option<String> {
    let wanted = project.project.as_ref().and_then(|project| project.quickstart.environment.clone());
    context.options.environment.clone().or(wanted).or_else(|| project.environment_name.clone())
}
