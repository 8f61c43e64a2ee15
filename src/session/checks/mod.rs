//! What `health` and `smoke-test` have in common: which checks there are, looking, and the verdicts over all of them.
//! Reads files and engine; returns a report.
//! Never changes the stack; what reaching it had put on the engine is taken away again whatever happened.

mod dependants;
mod github;
pub mod junit;
mod report;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::join_all;

use crate::error::{Error, Result, nearest};
use crate::event::{Event, human};
use crate::output_file::OutputFile;
use crate::plan::Observed;
use crate::probe::{CheckOutcome, Planned, ProbeContext, RetryPolicy, await_ready, plan_checks, restarts, run_check};
use crate::project::ProjectError;
use crate::session::load::{LoadedStack, load_named};
use crate::session::report::{Said, one_of_reports};
use crate::session::select;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

pub use self::report::ChecksReport;

one_of_reports! {
    /// Outcome of the checks.
    pub enum ChecksAnswer {
        /// Results.
        Checked(ChecksReport),
        /// Dry run: the list of checks.
        Listed(Said),
    }
}

/// The limit if none is given.
const LONGEST: Duration = Duration::from_secs(300);
/// Time for the checks where waiting has used up the rest.
const LEAST: Duration = Duration::from_secs(1);

/// Which checks are wanted.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only run checks of these services
    services: Vec<String>,
    /// Only run the check with this name; repeatable
    #[arg(long = "check", value_name = "NAME")]
    checks: Vec<String>,
}

/// How the checks are gone through.
#[derive(Debug, Clone, Copy)]
pub struct CheckPolicy {
    /// All of it ends then.
    pub limit: Option<Duration>,
    /// Looks after a first one that failed; absent: until the limit.
    pub retries: Option<u32>,
    /// Wait for what is not ready first.
    pub await_ready: bool,
    /// Leave out the age of the backups: a restore does not change it.
    pub skip_backups: bool,
}

impl CheckPolicy {
    /// One look at each.
    pub const ONCE: Self = Self { limit: None, retries: Some(0), await_ready: false, skip_backups: false };
}

/// Runs the selected checks and reports their outcomes, also as a JUnit report if requested.
pub async fn run_checks(
    context: &Context,
    selection: &Selection,
    (policy, junit): (CheckPolicy, Option<OutputFile>),
) -> Result<ChecksAnswer> {
    let began = Instant::now();
    let loaded = load_named(context)?;
    known_services(&loaded)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let mut planned = wanted(context, &loaded, (&observed, selection))?;
    planned.retain(|plan| !(policy.skip_backups && plan.check.backup.is_some()));
    if planned.is_empty() {
        return Err(nothing(context, (&loaded, &observed), junit));
    }
    if context.options.dry_run {
        return Ok(listed(context, &planned).into());
    }
    let looked = look(context, &loaded.name, &*target, Checks { planned: &planned, policy: &policy }).await;
    if let Some(dial) = target.dial() {
        dial.close_helpers().await;
    }
    let (outcomes, not_ready) = looked?;
    let outcomes: Vec<CheckOutcome> = outcomes.iter().map(|outcome| outcome.redacted(&context.redactor)).collect();
    let checks = dependants::explained(outcomes, loaded.stack.as_ref());
    let mut report = ChecksReport::new((&loaded.name, loaded.project.environment_name.as_deref()), checks, not_ready);
    report.took = began.elapsed();
    report.verbose = context.options.verbose;
    if let Some(file) = junit {
        junit::write(file, &junit::Said { report: &report, error: None }, &(context.now)())?;
    }
    github::tell(context, &mut report);
    Ok(report.into())
}

/// Fails with every service a check names and the files do not have.
fn known_services(loaded: &LoadedStack) -> Result<()> {
    let Some(stack) = &loaded.stack else { return Ok(()) };
    let services: Vec<&str> = stack.all_services().map(|(name, _)| name.as_str()).collect();
    match loaded.project.unknown_services_of_checks(&services) {
        unknown if unknown.is_empty() => Ok(()),
        unknown => Err(ProjectError::Invalid(unknown).into()),
    }
}

/// There is nothing to check, which the JUnit report says, too.
fn nothing(context: &Context, (loaded, observed): (&LoadedStack, &Observed), junit: Option<OutputFile>) -> Error {
    let inactive = switched_off(loaded, observed).into_iter().map(str::to_owned).collect();
    let error = Error::from(WorkflowError::NoChecks { inactive });
    let Some(file) = junit.filter(|_| !context.options.dry_run) else { return error };
    let report = ChecksReport::new((&loaded.name, loaded.project.environment_name.as_deref()), Vec::new(), Vec::new());
    let said = junit::Said { report: &report, error: Some(error.to_string()) };
    junit::write(file, &said, &(context.now)()).err().unwrap_or(error)
}

/// The checks that are selected.
fn wanted(
    context: &Context,
    loaded: &LoadedStack,
    (observed, selection): (&Observed, &Selection),
) -> Result<Vec<Planned>> {
    select::check(loaded.stack.as_ref(), observed, &selection.services)?;
    let mut planned = plan_checks(loaded.stack.as_ref(), observed, loaded.project.checks());
    for name in &selection.checks {
        if !planned.iter().any(|plan| plan.check.name == *name) {
            let nearest = nearest(name, planned.iter().map(|plan| plan.check.name.as_str())).map(str::to_owned);
            return Err(WorkflowError::NoCheck { name: name.clone(), nearest }.into());
        }
    }
    let off = switched_off(loaded, observed);
    planned.retain(|plan| {
        let service = plan.service.as_ref();
        let is_on = service.is_none_or(|service| !off.contains(service.as_str()));
        let of_service = service.is_some_and(|service| selection.services.contains(service));
        let named = selection.checks.is_empty() || selection.checks.contains(&plan.check.name);
        if !is_on && named {
            context.reporter.note(format!("`{}` is skipped: its service is not in an active profile", plan.check.name));
        }
        is_on && named && (selection.services.is_empty() || of_service)
    });
    Ok(planned)
}

/// Services that no active profile has and that do not run either.
fn switched_off<'a>(loaded: &'a LoadedStack, observed: &Observed) -> BTreeSet<&'a str> {
    let off = loaded.stack.iter().flat_map(|stack| stack.disabled_services.keys());
    let runs = |name: &str| observed.instances.iter().any(|c| !c.one_off && c.service == name && c.state.is_up());
    off.map(String::as_str).filter(|name| !runs(name)).collect()
}

fn listed(context: &Context, planned: &[Planned]) -> Said {
    let line = |plan: &Planned| format!("{}: {}", plan.check.name, plan.asked(&context.redactor));
    let lines: Vec<String> = planned.iter().map(line).collect();
    Said { value: serde_json::json!({ "checks": lines }), lines }
}

/// Checks to run, and their options.
#[derive(Clone, Copy)]
struct Checks<'c> {
    planned: &'c [Planned],
    policy: &'c CheckPolicy,
}

/// The outcomes of the checks, and what was not ready in time.
type Looked = Result<(Vec<CheckOutcome>, Vec<String>)>;

/// Runs the checks until an interruption; nothing that was started for them in a container is left running.
async fn look(context: &Context, project: &str, target: &dyn Target, checks: Checks<'_>) -> Looked {
    let mut probes = ProbeContext::now(target, project, context.unix_time(), &context.redactor).await?;
    let looked = tokio::select! {
        looked = look_in_time(context, &mut probes, checks) => looked,
        () = context.interrupted() => Err(WorkflowError::Interrupted.into()),
    };
    probes.end_given_up().await;
    looked
}

/// Waits, looks, and looks for restarts once more.
async fn look_in_time(
    context: &Context,
    probes: &mut ProbeContext<'_>,
    Checks { planned, policy }: Checks<'_>,
) -> Looked {
    let deadline = Instant::now() + policy.limit.or(context.options.timeout).unwrap_or(LONGEST);
    let mut not_ready = Vec::new();
    if policy.await_ready {
        let step = Step::begin(context, "Ready", "the running checks".to_owned());
        not_ready = await_ready(probes, planned, deadline).await?;
        step.end();
        probes.begin_anew().await?;
    }
    let probes = &*probes;
    // What was waited for too long is looked at all the same.
    let deadline = deadline.max(Instant::now() + LEAST);
    let policy = RetryPolicy { deadline, retries: policy.retries };
    let step = Step::begin(context, "Checked", human::count(planned.len(), "check"));
    let mut outcomes = join_all(planned.iter().map(|plan| run_check(probes, plan, policy))).await;
    step.end();
    // An engine that went away meanwhile is no verdict on the stack.
    restarts(probes, &mut outcomes).await?;
    Ok((outcomes, not_ready))
}

/// A step that is shown while it runs and leaves nothing behind: the report says it all.
struct Step<'a>(&'a Context);

impl<'a> Step<'a> {
    fn begin(context: &'a Context, verb: &'static str, subject: String) -> Self {
        context.reporter.report(Event::StepStarted { key: 0, verb, subject, cause: String::new() });
        Self(context)
    }

    fn end(self) {
        self.0.reporter.report(Event::StepDropped { key: 0 });
    }
}
