//! `aictl status`: every service with its state, health, uptime and addresses.
//! Reads the engine, and the files when there are any: a service without a container is shown too.
//! Never changes anything.

use clap::Args;

use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::plan::{Observed, Scope};
use crate::release::{BackupSummary, ObservedLease, StateDocument, unfinished_restore};
use crate::session::backup::{BackupStatus, warn_not_receiving};
use crate::session::deploy::{Compared, has_release, release_drift};
use crate::session::load::{LoadedStack, load_by_name};
use crate::session::past_operations::PastOperations;
use crate::session::recorded_health::count_recorded_health;
use crate::session::report::{Block, Report, to_json};
use crate::session::stack_status::{ServiceStatus, StackStatus, line};
use crate::session::{Context, FINISH_RESTORE, WorkflowError};
use crate::target::Target;

/// Show state, health, uptime and addresses of services
///
/// Exits with 3 if a service is not running, restarting or unhealthy, except one-shot services that exited with 0. Where
/// the environment has a release, it also shows where containers differ from it; this does not change the exit code.
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {
    /// Services to show; all by default
    pub services: Vec<String>,
    /// Include stopped containers and one-off containers of `run`
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Only show container IDs
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Only show service names
    #[arg(long = "services", conflicts_with = "quiet")]
    pub only_services: bool,
}

/// Shows the stack.
pub async fn run(context: &Context, args: StatusArgs) -> Result<StatusReport> {
    let loaded = load_by_name(context)?;
    let target = loaded.connect(context).await?;
    let form = args.form();
    let scope = scope(&loaded);
    let (observed, lock) = tokio::join!(target.observe(&scope), target.observe_lease(&loaded.name));
    let (mut observed, lock) = (observed?, lock?);
    crate::session::select::check(loaded.stack.as_ref(), &observed, &args.services)?;
    let compared = match form {
        Form::Table => drift(context, &*target, &loaded, (&observed, lock.as_ref())).await,
        Form::Ids | Form::Names => None,
    };
    let maintenance = observed.proxy.as_ref().is_some_and(|proxy| proxy.maintenance);
    warn(context, compared.as_ref(), maintenance);
    warn_not_receiving(context, &loaded, &observed);
    let (unfinished, backup) = match form {
        Form::Table => tokio::join!(unfinished(context, &*target, &loaded), backup(context, &*target, &loaded)),
        Form::Ids | Form::Names => (Vec::new(), None),
    };
    let (release, mut drift) = compared.map(|found| (found.revision, found.drift)).unzip();
    if !args.services.is_empty() {
        drift.iter_mut().for_each(|drift| drift.retain(|d| args.services.contains(&d.service)));
        observed.instances.retain(|c| args.services.contains(&c.service));
    }
    count_recorded_health(&*target, &loaded.name, &mut observed).await;
    let mut status = StackStatus::of(&loaded.name, loaded.stack.as_ref(), &observed);
    if args.all {
        status.services.extend(observed.instances.iter().filter(|c| c.one_off).map(|c| line(&observed, c)));
    }
    if !args.services.is_empty() {
        status.services.retain(|s| args.services.contains(&s.service));
    }
    (status.lock, status.release, status.drift) = (lock, release, drift.unwrap_or_default());
    (status.maintenance, status.unfinished_restore, status.backup) = (maintenance, unfinished, backup);
    Ok(StatusReport { status, form })
}

/// What an operator should know besides the containers.
fn warn(context: &Context, compared: Option<&Compared>, maintenance: bool) {
    if let Some(Compared { revision, is_baking: true, .. }) = compared {
        let message = format!("the bake of release {revision} was interrupted; the previous release is kept");
        let hint = "continue with `aictl deploy --resume`, or go back with `aictl rollback`".to_owned();
        context.reporter.report(Event::Warning { message, hint: Some(hint) });
    }
    if maintenance {
        let message = "the maintenance page is on: clients get 503".to_owned();
        let hint = Some("turn it off with `aictl deploy --maintenance off`".to_owned());
        context.reporter.report(Event::Warning { message, hint });
    }
}

/// What to look at: the proxy too, whose sides belong to the release.
fn scope(loaded: &LoadedStack) -> Scope {
    Scope { proxy: loaded.routing_proxy().map(|proxy| proxy.service.clone()), ..loaded.scope(None) }
}

fn has_backups(loaded: &LoadedStack) -> bool {
    loaded.project.project.as_ref().is_some_and(|file| file.backup.is_some())
}

/// What was last recorded of the backups, for a project that has some.
async fn backup(context: &Context, target: &dyn Target, loaded: &LoadedStack) -> Option<BackupStatus> {
    if !has_backups(loaded) {
        return None;
    }
    let summary = match target.load_document(&loaded.name, StateDocument::Backups).await {
        Ok(document) => BackupSummary::of(document),
        Err(error) => {
            context.reporter.warn(format!("the state of the backups was not read: {error}"));
            None
        }
    };
    Some(BackupStatus::at(context.unix_time(), summary))
}

/// The services that an interrupted restore left half restored. Only a project with backups can have some.
async fn unfinished(context: &Context, target: &dyn Target, loaded: &LoadedStack) -> Vec<String> {
    if !has_backups(loaded) {
        return Vec::new();
    }
    let past = match PastOperations::of(target, loaded.name.clone()).await {
        Ok(past) => past,
        Err(error) => {
            context.reporter.warn(format!("the history was not read: {error}"));
            return Vec::new();
        }
    };
    let services = unfinished_restore(&past.operations).map(|found| found.services).unwrap_or_default();
    let services: Vec<String> = services.into_iter().collect();
    if !services.is_empty() {
        let message = WorkflowError::UnfinishedRestore { services: services.clone() }.to_string();
        context.reporter.report(Event::Warning { message, hint: Some(FINISH_RESTORE.to_owned()) });
    }
    services
}

/// What was found, and who holds the lock.
type Seen<'a> = (&'a Observed, Option<&'a ObservedLease>);

/// The current release, and how what runs differs from it. While an operation is under way, nothing is compared.
async fn drift(context: &Context, target: &dyn Target, loaded: &LoadedStack, seen: Seen<'_>) -> Option<Compared> {
    let (observed, lock) = seen;
    let deployed = loaded.may_have_release() || has_release(observed);
    if !deployed || lock.is_some_and(|lock| !lock.looks_dead()) {
        return None;
    }
    match release_drift(target, &loaded.name, seen).await {
        Ok(found) => found,
        Err(error) => {
            context.reporter.warn(format!("what runs was not compared with the release: {error}"));
            None
        }
    }
}

impl StatusArgs {
    fn form(&self) -> Form {
        match (self.quiet, self.only_services) {
            (true, _) => Form::Ids,
            (false, true) => Form::Names,
            (false, false) => Form::Table,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Ids,
    Names,
}

pub struct StatusReport {
    status: StackStatus,
    form: Form,
}

impl Report for StatusReport {
    fn blocks(&self) -> Vec<Block> {
        let lines = |of: fn(&ServiceStatus) -> &String| {
            let mut all: Vec<&String> = self.status.services.iter().map(of).filter(|t| !t.is_empty()).collect();
            all.dedup();
            all.into_iter().map(|t| Block::Line(vec![t.as_str().into()])).collect()
        };
        match self.form {
            Form::Table => self.status.blocks(),
            Form::Ids => lines(|s| &s.id),
            Form::Names => lines(|s| &s.service),
        }
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.status)
    }

    /// Lists of ids and names are input for other commands and exit with 0.
    fn exit_code(&self) -> u8 {
        let ready = self.form != Form::Table || self.status.faults(|_| true).is_empty();
        if ready { 0 } else { ErrorKind::NotReady.exit_code() }
    }
}
