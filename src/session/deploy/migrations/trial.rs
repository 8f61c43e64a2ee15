//! Runs a task on a copy of the schema of its database: a server from the same image, without rows, on a network without
//! a way out. The database itself is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::backup::schema::{catalogue, copy_schema, usual_database};
use crate::backup::{BackupError, PartKind};
use crate::compose::model::Stack;
use crate::error::{Error, Result};
use crate::execute::{TaskEnd, TaskRunner as _};
use crate::plan::content::ServiceContent;
use crate::plan::{ContainerSpec, Scope};
use crate::project::DataService;
use crate::release::{Catalogue, SchemaChange};
use crate::session::backup::{Sandbox, ServicePart, lock_owner};
use crate::session::one_off::DeployTasks;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Where databases are read, and what copies of them are made from.
pub struct TrialSource<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// The engine.
    pub target: Arc<dyn Target>,
    /// The stack that is deployed.
    pub stack: &'a Stack,
    /// The contents of its files.
    pub contents: &'a BTreeMap<String, ServiceContent>,
}

/// A database that can be read.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) part: ServicePart,
    pub(super) container: String,
    pub(super) image: String,
    pub(super) database: String,
}

/// What a trial showed.
pub(super) enum Tried {
    /// The task ended well: what it changed.
    Changed(Vec<SchemaChange>),
    /// It did not.
    Ended(TaskEnd),
    /// There was no trial.
    Untried(String),
}

impl TrialSource<'_> {
    /// The database of a service that runs; the reason where it cannot be read.
    pub(super) async fn live(
        &self,
        service: &str,
        database: Option<&str>,
    ) -> std::result::Result<(Live, Catalogue), String> {
        let scope = Scope { project: self.stack.name.clone(), ..Scope::default() };
        let observed = self.target.observe(&scope).await.map_err(|error| error.to_string())?;
        let found = observed.instances.into_iter().find(|c| c.service == service && !c.one_off && c.state.is_up());
        let Some(container) = found else { return Err(format!("`{service}` is not running")) };
        let part = ServicePart {
            service: service.to_owned(),
            kind: PartKind::Postgres,
            data: DataService::default(),
            queries: Vec::new(),
            container: None,
            environment: Vec::new(),
            api: (0, None),
        };
        let (id, image) = (container.id.clone(), container.docker.image_id.clone());
        let inside = part.inside(&*self.target, &id);
        let read = async {
            let database = match database {
                Some(database) => database.to_owned(),
                None => usual_database(&inside).await?,
            };
            let schema = catalogue(&inside, &database).await?;
            Ok::<_, BackupError>((database, schema))
        };
        let (database, schema) = read.await.map_err(|error| error.to_string())?;
        Ok((Live { part, container: id, image, database }, schema))
    }
}

/// The copies of a deploy: tasks that share a database run one after the other on the same copy.
pub(super) struct Trial<'s> {
    source: &'s TrialSource<'s>,
    sandbox: Sandbox<'s>,
    servers: BTreeMap<String, ServicePart>,
    copied: BTreeSet<(String, String)>,
}

impl<'s> Trial<'s> {
    /// Makes room for copies; removes what a killed trial left behind.
    pub(super) async fn open(source: &'s TrialSource<'s>) -> Result<Self> {
        let owner = lock_owner(source.context);
        let (sandbox, _) = Sandbox::open_for_trial((&*source.target, &source.stack.name), owner).await?;
        Ok(Self { source, sandbox, servers: BTreeMap::new(), copied: BTreeSet::new() })
    }

    /// Tries a task. Ctrl-C ends it; the copies are removed by `close`.
    pub(super) async fn run(
        &mut self,
        live: &Live,
        (spec, timeout): (&ContainerSpec, Option<Duration>),
    ) -> Result<Tried> {
        let context = self.source.context;
        tokio::select! {
            tried = self.attempt(live, (spec, timeout)) => match tried {
                Ok(tried) => Ok(tried),
                Err(error) if is_interrupt(&error) => Err(error),
                Err(error) => Ok(Tried::Untried(error.messages().join(": "))),
            },
            () = context.interrupted() => Err(WorkflowError::Interrupted.into()),
        }
    }

    async fn attempt(&mut self, live: &Live, (spec, timeout): (&ContainerSpec, Option<Duration>)) -> Result<Tried> {
        let server = self.server(live).await?;
        let container = server.container.as_ref().map(|container| container.id.clone()).unwrap_or_default();
        let target = &*self.source.target;
        let copy = server.inside(target, &container);
        if self.copied.insert((live.part.service.clone(), live.database.clone())) {
            copy_schema(&live.part.inside(target, &live.container), &copy, &live.database).await?;
        }
        let before = catalogue(&copy, &live.database).await?;
        let tasks = DeployTasks { context: self.source.context, target: self.source.target.clone() };
        let ended = tasks.run_task(self.sandbox.task(spec), timeout).await?;
        match ended.code {
            Some(0) => Ok(Tried::Changed(before.changes(&catalogue(&copy, &live.database).await?))),
            Some(_) => Ok(Tried::Ended(ended)),
            None => Err(WorkflowError::Interrupted.into()),
        }
    }

    async fn server(&mut self, live: &Live) -> Result<ServicePart> {
        let service = &live.part.service;
        if let Some(server) = self.servers.get(service) {
            return Ok(server.clone());
        }
        let none = ServiceContent::default();
        let content = self.source.contents.get(service).unwrap_or(&none);
        let started = self.sandbox.start((self.source.stack, content), (&live.part, &live.image)).await?;
        self.servers.insert(service.clone(), started.clone());
        Ok(started)
    }

    /// Removes the copies.
    pub(super) async fn close(self) -> Result<()> {
        let services: Vec<String> = self.servers.keys().cloned().collect();
        Ok(self.sandbox.close(&services).await?)
    }
}

fn is_interrupt(error: &Error) -> bool {
    matches!(error.downcast_ref(), Some(WorkflowError::Interrupted))
}
