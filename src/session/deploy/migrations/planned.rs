//! What is known of the migrations of a deploy before it begins: the verdict on each, its words in the plan, and the
//! refusal of what the release before cannot survive.

use std::time::Duration;

use super::database::TaskDatabase;
use super::trial::{Live, Trial, TrialSource, Tried};
use crate::error::{Error, ErrorKind, Result};
use crate::execute::{ExecuteError, TaskEnd};
use crate::plan::{ContainerSpec, ImageOperation, Observed, Operation, Plan, Step, TaskOperation, labels};
use crate::release::{Catalogue, Migration, PastRelease, SchemaHead};
use crate::session::deploy::configuration::Keyed;
use crate::session::one_off::NamedTask;
use crate::session::transaction::LocalChange;
use crate::session::{Context, WorkflowError};
use crate::target::ContainerFacts;

/// The container of a task, and how long it may run.
pub(super) type Run<'a> = (&'a ContainerSpec, Option<Duration>);

/// The migrations of a deploy.
#[derive(Default)]
pub struct Migrations {
    list: Vec<Planned>,
    /// The release before.
    before: Option<u32>,
    /// Whether incompatible ones are allowed.
    pub(super) allowed: bool,
}

/// A migration that the plan runs.
pub(super) struct Planned {
    /// What distinguishes its container.
    pub(super) slug: String,
    pub(super) place: TaskDatabase,
    pub(super) record: Migration,
    pub(super) state: State,
}

/// How much is known of a migration.
pub(super) enum State {
    /// There is nothing that it could break.
    Harmless,
    /// Tried, or it is known why not.
    Judged,
    /// It is tried once its image is on the engine, or not by a dry run.
    Later,
    /// It failed on the copy.
    Failed(Box<ExecuteError>),
}

/// What migrations are judged by.
pub struct Judging<'a> {
    /// The databases.
    pub source: &'a TrialSource<'a>,
    /// The tasks.
    pub tasks: &'a [NamedTask],
    /// The release that serves.
    pub current: Option<&'a PastRelease>,
    /// The key of digests.
    pub key: &'a Keyed,
    /// Whether incompatible migrations are allowed.
    pub allowed: bool,
}

impl Migrations {
    /// Looks at the migrations of a plan, and tries those that may change a schema.
    pub async fn judge(judging: &Judging<'_>, (observed, plan): (&Observed, &Plan)) -> Result<Self> {
        let mut trial = None;
        let mut list = Vec::new();
        for (task, spec, timeout) in runs(plan) {
            let Some(named) = judging.tasks.iter().find(|named| named.name == *task) else { continue };
            let place = TaskDatabase::of(judging.source.stack, (task, &named.task))?;
            let image = &spec.image;
            let (service, database) = match &place {
                TaskDatabase::Postgres { service, database } => (Some(service.clone()), database.clone()),
                TaskDatabase::Nowhere | TaskDatabase::Unknown(_) => (None, None),
            };
            let code = judging.code(named, observed.images.get(image).map(|image| image.id.as_str()));
            let record = Migration { task: task.clone(), service, database, code, ..Migration::default() };
            let slug = spec.labels.get(labels::SLUG).cloned().unwrap_or_default();
            let is_there = observed.images.contains_key(image) && !plan.steps.iter().any(|step| makes(step, image));
            let state = if is_there { State::Judged } else { State::Later };
            let mut planned = Planned { slug, place, record, state };
            let judged = judging.one(&mut planned, (spec, timeout), &mut trial).await;
            list.push(planned);
            if let Err(error) = judged {
                close(trial).await?;
                return Err(error);
            }
        }
        close(trial).await?;
        let before = judging.current.map(|past| past.revision);
        Ok(Self { list, before, allowed: judging.allowed })
    }

    /// The one that a container runs.
    pub(super) fn of(&self, spec: &ContainerSpec) -> Option<&Planned> {
        let slug = spec.labels.get(labels::SLUG)?;
        self.list.iter().find(|planned| planned.slug == *slug)
    }

    /// What a record says of them before they ran.
    pub fn records(&self) -> Vec<Migration> {
        self.list.iter().map(|planned| planned.record.clone()).collect()
    }

    /// Whether the release before may not be able to run afterwards.
    pub fn are_incompatible(&self) -> bool {
        self.list.iter().any(|planned| match planned.state {
            State::Harmless | State::Failed(_) => false,
            State::Judged => planned.record.compatible == Some(false),
            State::Later => self.allowed,
        })
    }

    /// Whether the release before cannot be gone back to, and that is allowed.
    pub fn has_no_way_back(&self) -> bool {
        // One that fails on the copy ends the deploy before anything changes.
        let fails = self.list.iter().any(|planned| matches!(planned.state, State::Failed(_)));
        self.allowed && self.are_incompatible() && !fails
    }

    /// A failure after which the release before may not be able to run.
    pub fn without_way_back(&self, error: Error) -> std::result::Result<Error, Error> {
        let is_failure = error.downcast_ref::<ExecuteError>().is_some()
            && !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Locked);
        if !is_failure || !self.has_no_way_back() {
            return Err(error);
        }
        let hint = "go back with `aictl rollback --with-data`, then end the maintenance page with `aictl deploy --maintenance off`";
        Ok(error.with_kind(ErrorKind::Failed).with_hint(hint))
    }

    /// The plan with what is known of each migration.
    pub fn describe(&self, mut plan: Plan) -> Plan {
        for planned in &self.list {
            let Some(words) = planned.words() else { continue };
            let is_its = |step: &&mut Step| matches!(&step.operation, Operation::Task(TaskOperation::Run { task, .. }) if *task == planned.record.task);
            for step in plan.steps.iter_mut().filter(is_its) {
                step.cause = format!("{}; {words}", step.cause);
            }
            plan.warnings.extend(self.warning(planned));
        }
        plan
    }

    fn warning(&self, planned: &Planned) -> Option<String> {
        let task = &planned.record.task;
        match (&planned.state, self.allowed) {
            (State::Failed(error), _) => Some(format!("migration `{task}` fails on a copy of the schema: {error}")),
            (State::Judged, false) if planned.record.compatible == Some(false) => {
                Some(format!("{}; a deploy needs `--allow-incompatible-migration`", self.reason(planned)))
            }
            (State::Judged, true) if planned.record.compatible == Some(false) => Some(format!(
                "{}; the deploy has no bake time, and its failure is not undone: the way back is `aictl rollback --with-data`",
                self.reason(planned)
            )),
            _ => None,
        }
    }

    /// Why one is refused.
    fn reason(&self, planned: &Planned) -> String {
        let before = self.before.map_or_else(|| "the release before".to_owned(), |number| format!("release {number}"));
        let Migration { task, untried, .. } = &planned.record;
        match untried {
            Some(reason) => format!("migration `{task}` could not be tried on a copy of the schema: {reason}"),
            None => format!("{before} cannot run after migration `{task}`: {}", planned.record.breaking().join(", ")),
        }
    }

    /// Refuses what the release before cannot survive, unless that is allowed.
    pub fn check(&self) -> Result<()> {
        let refused = self.list.iter().find(|planned| {
            matches!(planned.state, State::Judged) && planned.record.compatible == Some(false) && !self.allowed
        });
        let Some(planned) = refused else { return Ok(()) };
        let other = match planned.record.untried {
            Some(_) => "; if it changes no schema, say so with `database: none` in its task",
            None => "",
        };
        let hint = format!(
            "run it behind the maintenance page, after a backup and without bake time, with `aictl deploy --allow-incompatible-migration`{other}"
        );
        Err(WorkflowError::Refused { message: self.reason(planned), hint: Some(hint) }.into())
    }
}

/// A migration that failed on the copy ends the deploy before its first step, and the record says so.
impl LocalChange for Migrations {
    fn make(&self, _: &Context) -> Result<()> {
        let failed = self.list.iter().find_map(|planned| match &planned.state {
            State::Failed(error) => Some((**error).clone()),
            State::Harmless | State::Judged | State::Later => None,
        });
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Planned {
    fn words(&self) -> Option<String> {
        match &self.state {
            State::Later if self.record.untried.is_none() => {
                Some("it is tried on a copy of the schema once its image is there".to_owned())
            }
            State::Failed(_) => None,
            State::Harmless | State::Judged | State::Later => self.record.words(),
        }
    }

    /// There is no release before, or no database to try it on.
    fn without_database(&mut self, has_release: bool) {
        match &self.place {
            TaskDatabase::Unknown(reason) if has_release => self.untried(reason.clone()),
            TaskDatabase::Unknown(_) | TaskDatabase::Nowhere | TaskDatabase::Postgres { .. } => {
                self.state = State::Harmless
            }
        }
    }

    /// Notes the schema; whether the release that serves ran this very migration, and the schema is as it left it.
    fn has_run(&mut self, current: &PastRelease, (live, schema): (&Live, &Catalogue)) -> bool {
        let head = SchemaHead::of(schema);
        let past = current.release.migrations.iter().find(|past| past.task == self.record.task);
        let same = |past: &Migration| {
            !past.code.is_empty()
                && past.code == self.record.code
                && past.after.as_ref().is_some_and(|after| after.digest == head.digest)
        };
        let has_run = past.is_some_and(same);
        (self.record.database, self.record.before) = (Some(live.database.clone()), Some(head));
        has_run
    }

    fn untried(&mut self, reason: impl Into<String>) {
        (self.record.untried, self.record.compatible) = (Some(reason.into()), Some(false));
        self.state = State::Judged;
    }

    /// What a trial says of it. One that failed may lack rows or another service: whoever allows what the release before
    /// cannot survive has it run all the same.
    pub(super) fn take(record: &mut Migration, tried: Tried, allowed: bool) -> Option<TaskEnd> {
        let reason = match tried {
            Tried::Changed(changes) => {
                record.compatible = Some(!changes.iter().any(|change| change.breaks));
                record.changes = changes;
                return None;
            }
            Tried::Ended(end) if !allowed => return Some(end),
            Tried::Ended(end) => format!("it ended with exit code {} there", end.code.unwrap_or(1)),
            Tried::Untried(reason) => reason,
        };
        (record.untried, record.compatible) = (Some(reason), Some(false));
        None
    }
}

impl Judging<'_> {
    /// A digest of what a migration is: its image, its command and the configuration of its service. Empty where files of
    /// the host are mounted, which may change without notice.
    fn code(&self, named: &NamedTask, image: Option<&str>) -> String {
        let Some(declared) = self.source.stack.services.get(&named.task.service) else { return String::new() };
        if declared.volumes.iter().any(|volume| volume.r#type == "bind") {
            return String::new();
        }
        let content = self.source.contents.get(&named.task.service).and_then(|content| content.digest.clone());
        let hash = crate::compose::hash::config_hash(declared);
        self.key.digest(format!("{image:?} {:?} {content:?} {hash}", named.task).as_bytes())
    }

    async fn one<'s>(&'s self, planned: &mut Planned, run: Run<'_>, trial: &mut Option<Trial<'s>>) -> Result<()> {
        let (Some(current), TaskDatabase::Postgres { service, database }) = (self.current, planned.place.clone())
        else {
            planned.without_database(self.current.is_some());
            return Ok(());
        };
        if self.source.context.options.dry_run {
            planned.state = State::Later;
            planned.record.untried = Some("this is a dry run".to_owned());
            return Ok(());
        }
        if matches!(planned.state, State::Later) {
            return Ok(());
        }
        match self.source.live(&service, database.as_deref()).await {
            Err(reason) => planned.untried(reason),
            Ok((live, schema)) if planned.has_run(current, (&live, &schema)) => planned.record.compatible = Some(true),
            Ok((live, _)) => {
                let open = match trial {
                    Some(open) => open,
                    None => trial.insert(Trial::open(self.source).await?),
                };
                self.try_it(planned, open, (&live, run)).await?;
            }
        }
        Ok(())
    }

    async fn try_it(&self, planned: &mut Planned, trial: &mut Trial<'_>, (live, run): (&Live, Run<'_>)) -> Result<()> {
        self.source
            .context
            .reporter
            .note(format!("trying migration `{}` on a copy of the schema", planned.record.task));
        let tried = trial.run(live, run).await?;
        if let Some(end) = Planned::take(&mut planned.record, tried, self.allowed) {
            planned.state = State::Failed(Box::new(task_ended((&planned.record.task, run.0), end)));
        }
        Ok(())
    }
}

fn task_ended((task, spec): (&str, &ContainerSpec), end: TaskEnd) -> ExecuteError {
    let code = end.code.unwrap_or(1);
    let facts = ContainerFacts {
        name: spec.name.clone(),
        exit_code: Some(code.into()),
        logs: end.output,
        ..Default::default()
    };
    let (task, service) = (task.to_owned(), spec.service_name.clone());
    ExecuteError::TaskEnded { task, service, code, container: Box::new(facts) }
}

async fn close(trial: Option<Trial<'_>>) -> Result<()> {
    match trial {
        Some(trial) => trial.close().await,
        None => Ok(()),
    }
}

fn runs(plan: &Plan) -> impl Iterator<Item = (&String, &ContainerSpec, Option<Duration>)> {
    plan.steps.iter().filter_map(|step| {
        let Operation::Task(TaskOperation::Run { task, spec, timeout }) = &step.operation else { return None };
        Some((task, &**spec, *timeout))
    })
}

/// Whether a step may put another image in its place.
fn makes(step: &Step, wanted: &str) -> bool {
    let Operation::Image(operation) = &step.operation else { return false };
    match operation {
        ImageOperation::Pull { image, .. } | ImageOperation::Build { image, .. } => image == wanted,
        ImageOperation::BuildRecipe(build) => build.image == wanted,
        ImageOperation::Load { images, .. } => images.iter().any(|image| image.reference == wanted),
        ImageOperation::Transfer(transfer) => transfer.image == wanted,
        ImageOperation::Push { .. } | ImageOperation::Tag { .. } | ImageOperation::Remove { .. } => false,
    }
}
