//! Tasks as steps of a deploy: creates and runs the container of each.

use std::sync::Arc;
use std::time::Duration;

use super::attach::Attached;
use super::request::{Job, OneOffRequest};
use super::service;
use crate::compose::model::Service;
use crate::error::Result;
use crate::execute::{TaskEnd, TaskRunner};
use crate::plan::blue_green::DeployTask;
use crate::plan::converge::{OneOff, Wanted, one_off_spec};
use crate::plan::{ContainerSpec, Observed};
use crate::project::Task;
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError};

/// A task with the name of its container.
pub struct NamedTask {
    /// Name in aictl.yaml.
    pub name: String,
    /// The task.
    pub task: Task,
    /// How long its statements wait for a lock; zero for as long as it takes.
    pub lock_timeout: Duration,
    slug: String,
}

impl NamedTask {
    /// Tasks in the order they run.
    pub fn all(context: &Context, tasks: Vec<(String, Task)>, lock_timeout: Duration) -> Vec<Self> {
        let slug = service::slug(context);
        let named =
            |(index, (name, task))| Self { name, task, lock_timeout, slug: format!("{}{index:x}", &slug[..11]) };
        tasks.into_iter().enumerate().map(named).collect()
    }

    /// The step of a deploy.
    pub fn step(&self, context: &Context, wanted: &Wanted<'_>, observed: &Observed) -> Result<DeployTask> {
        let Task { service: of, command, user, working_dir, timeout, .. } = &self.task;
        let limit = timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.0);
        let timeout = Some(limit);
        let declared = wanted.stack.services.get(of).cloned().ok_or_else(|| WorkflowError::Configuration {
            message: format!("task `{}` runs in `{of}`, which is not an enabled service", self.name),
            hint: None,
        })?;
        let job = Job {
            service: of.clone(),
            command: command.0.clone(),
            user: user.clone(),
            workdir: working_dir.clone(),
            timeout,
            is_task: true,
        };
        let mut service = service::service(context, declared, &OneOffRequest::default(), &job)?;
        self.bound_statements(&mut service, limit);
        service.container_name = format!("{}-{of}-run-{}", wanted.stack.name, self.slug);
        let one_off =
            OneOff { service: of, slug: &self.slug, auto_remove: true, interactive: Some(false), use_aliases: false };
        let spec = one_off_spec(wanted, observed, &service, one_off);
        Ok(DeployTask { name: self.name.clone(), spec, timeout })
    }

    /// A statement that waits for a lock holds up all that come after it, and one whose client was killed goes on.
    fn bound_statements(&self, service: &mut Service, limit: Duration) {
        if self.lock_timeout.is_zero() || service.environment.contains_key(PG_OPTIONS) {
            return;
        }
        let (lock, statement) = (self.lock_timeout.as_millis(), limit.as_millis());
        let options = format!("-c lock_timeout={lock} -c statement_timeout={statement}");
        service.environment.insert(PG_OPTIONS.to_owned(), Some(options));
    }
}

/// Options of a PostgreSQL connection, read by libpq.
const PG_OPTIONS: &str = "PGOPTIONS";

/// How long a task of a deploy may run where it has no timeout.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// Runs the tasks of a deploy; their output is shown without secrets.
pub struct DeployTasks<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// Where.
    pub target: Arc<dyn Target>,
}

#[async_trait::async_trait]
impl TaskRunner for DeployTasks<'_> {
    async fn run_task(
        &self,
        spec: ContainerSpec,
        timeout: Option<Duration>,
    ) -> std::result::Result<TaskEnd, TargetError> {
        let target = &*self.target;
        let one =
            Attached { context: self.context, target, timeout, private: true, aside: true, keep: false, tty: false };
        one.run_task(spec, timeout).await
    }
}
