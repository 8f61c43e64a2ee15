//! The steps after the project is there, from the machine to the checks.
//! Reads what each verb finds; calls the verbs' own workflows one after the other.
//! Never goes on after a step that failed.

// The verbs' futures are boxed: nested in one another as they are, the compiler would take minutes over their types.

use futures_util::FutureExt;

use super::journal::Journal;
use super::report::{QuickstartReport, StepState};
use super::{takeover, tasks};
use crate::error::Result;
use crate::event::human;
use crate::host::verdict::Verdict;
use crate::plan::Observed;
use crate::plan::order::with_dependencies;
use crate::project::LoadedProject;
use crate::session::checks::ChecksAnswer;
use crate::session::image_catalog::Supplies;
use crate::session::load::load_stack;
use crate::session::one_off::{OneOffOptions, OneOffRequest, run_one_off};
use crate::session::plan_images::{ImageOptions, plan_images};
use crate::session::report::Report;
use crate::session::start_stack::{StartReport, StartRequest, start_stack};
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::workflow::begin::doctor;
use crate::workflow::begin::doctor::DoctorReport;
use crate::workflow::begin::secrets::{Action, GenerateArgs, generate};
use crate::workflow::begin::setup::set_up;
use crate::workflow::trust::smoke_test;
use crate::workflow::trust::smoke_test::SmokeTestArgs;

/// What `setup` mends, so that it need not be well before.
const MENDED_BY_SETUP: [&str; 2] = ["engine", "kernel"];

/// The steps over one project and environment.
pub(super) struct Steps<'a> {
    pub(super) context: &'a Context,
    pub(super) project: &'a LoadedProject,
}

impl Steps<'_> {
    pub(super) async fn run(&self, journal: &mut Journal, report: QuickstartReport) -> Result<QuickstartReport> {
        let report = QuickstartReport { dry_run: self.dry_run(), ..report };
        takeover::ask(self.context, self.project, (&self.project.directory, None)).await?;
        // First, for without them the compose files cannot be read, and what the services need of the kernel is not known.
        let generated = self.secrets(journal)?;
        if let Some(doctor) = self.doctor(journal, &MENDED_BY_SETUP).await? {
            return Ok(journal.close(QuickstartReport { doctor: Some(doctor), code: 4, ..report }));
        }
        self.setup(journal).await?;
        // Nothing further can be planned on an engine that is not there.
        if self.dry_run() {
            return Ok(journal.close(report));
        }
        if let Some(doctor) = self.doctor(journal, &[]).await? {
            return Ok(journal.close(QuickstartReport { doctor: Some(doctor), code: 4, ..report }));
        }
        self.images(journal).await?;
        takeover::warn_of_older_data(self.context, &generated).await?;
        let started = self.start(journal).await?;
        self.tasks(journal).await?;
        let checked = self.smoke_test(journal).await?;
        let code = checked.exit_code();
        let failed_checks = if code == 0 { Vec::new() } else { checked.blocks() };
        let (checks, status) = (Some(checked.json()), Some(started.status));
        Ok(journal.close(QuickstartReport { checks, status, failed_checks, code, ..report }))
    }

    const fn dry_run(&self) -> bool {
        self.context.options.dry_run
    }

    /// Looks at the machine; a report when something is wrong that is not in `tolerated`.
    async fn doctor(&self, journal: &mut Journal, tolerated: &[&str]) -> Result<Option<DoctorReport>> {
        journal.begin("doctor");
        let found = doctor::diagnose(self.context).boxed().await?;
        let wrong = found.findings.iter().filter(|finding| finding.verdict == Verdict::Failed);
        let wrong = wrong.filter(|finding| !tolerated.contains(&finding.check)).count();
        let warnings = human::count(found.warnings, "warning");
        if wrong == 0 {
            journal.end(StepState::Passed, format!("{} ok, {warnings}", found.ok));
            return Ok(None);
        }
        journal.end(StepState::Failed, format!("{wrong} failed, {warnings}"));
        Ok(Some(DoctorReport { quiet: true, ..found }))
    }

    async fn setup(&self, journal: &mut Journal) -> Result<()> {
        journal.begin("setup");
        let done = set_up(self.context).boxed().await?;
        let state = StepState::of(done.changed || (done.dry_run && !done.steps.is_empty()), done.dry_run);
        let detail = match &done.engine {
            Some(engine) => format!("engine {} answers", engine.version),
            None => human::count(done.steps.len(), "step"),
        };
        journal.end(state, detail);
        Ok(())
    }

    /// Returns the names of what was generated.
    fn secrets(&self, journal: &mut Journal) -> Result<Vec<String>> {
        journal.begin("secrets");
        let made = generate(self.context, &GenerateArgs::default())?;
        let state = StepState::of(made.changed(), made.dry_run);
        let detail = match made.changes.len() {
            0 => format!("{}: up to date", made.file),
            count => format!("{}: {}", made.file, human::count(count, "value")),
        };
        journal.end(state, detail);
        let new = made.changes.into_iter().filter(|change| change.action == Action::Generated);
        Ok(new.map(|change| change.key).collect())
    }

    async fn images(&self, journal: &mut Journal) -> Result<()> {
        journal.begin("images");
        let mut loaded = load_stack(self.context)?;
        let stack = loaded.take_stack_with(self.context, &[])?;
        let selected = with_dependencies(&stack, &[], true)?;
        let supplies = Supplies::of(self.context, &loaded.project, None)?;
        let options = ImageOptions { supplies: Some(&supplies), ..Default::default() };
        let mut scope = loaded.scope(Some(&stack));
        scope.images.extend(supplies.recipe_images(&stack));
        let target = loaded.connect(self.context).await?;
        let transaction = Transaction::new(self.context, target, scope, "images");
        let planning = |observed: &Observed| plan_images(&stack, &selected, observed, &options);
        let outcome = transaction.run(&planning).boxed().await?;
        let detail = match outcome.plan.steps.len() {
            0 => "all present".to_owned(),
            count => format!("{} made", human::count(count, "image")),
        };
        journal.end(StepState::of(outcome.executed, false), detail);
        Ok(())
    }

    async fn start(&self, journal: &mut Journal) -> Result<StartReport> {
        journal.begin("start");
        let request = StartRequest::of(self.context, Vec::new());
        let started = start_stack(self.context, load_stack(self.context)?, request).boxed().await?;
        if !started.not_ready.is_empty() {
            return Err(WorkflowError::NotReady { faults: started.not_ready }.into());
        }
        let running = started.status.services.iter().filter(|service| service.state == "running").count();
        journal.end(StepState::of(started.changed, false), format!("{} running", human::count(running, "container")));
        Ok(started)
    }

    /// The first tasks, in the order of the project file.
    async fn tasks(&self, journal: &mut Journal) -> Result<()> {
        let Some(project) = &self.project.project else { return Ok(()) };
        let usual = project.tasks.keys().filter(|name| *name == "migrate").cloned();
        let names = project.quickstart.tasks.clone().unwrap_or_else(|| usual.collect());
        for name in names {
            let Some(task) = project.tasks.get(&name) else { continue };
            let loaded = load_stack(self.context)?;
            let target = loaded.connect(self.context).await?;
            let history = target.load_records(&loaded.name).await?;
            if !tasks::is_due(&history, &tasks::Task { name: &name, service: &task.service }) {
                journal.skip(&name, "done before");
                continue;
            }
            journal.begin(&name);
            let options = OneOffOptions { no_tty: true, ..Default::default() };
            let request = OneOffRequest { what: name.clone(), command: Vec::new(), options };
            let code = run_one_off(self.context, request).boxed().await?.exit_code();
            if code != 0 {
                return Err(WorkflowError::TaskEnded { task: name, code }.into());
            }
            journal.end(StepState::Done, task.description.clone().unwrap_or_default());
        }
        Ok(())
    }

    async fn smoke_test(&self, journal: &mut Journal) -> Result<ChecksAnswer> {
        journal.begin("smoke-test");
        let checked = smoke_test::run(self.context, SmokeTestArgs::default()).boxed().await?;
        let state = if checked.exit_code() == 0 { StepState::Passed } else { StepState::Failed };
        let detail = match &checked {
            ChecksAnswer::Checked(found) => {
                format!("{} passed, {} failed, {} flaky", found.passed, found.failed, found.flaky)
            }
            ChecksAnswer::Listed(_) => String::new(),
        };
        journal.end(state, detail);
        Ok(checked)
    }
}
