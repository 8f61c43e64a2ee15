//! Tasks as steps of a deploy: creates and runs the container of each.

use std::sync::Arc;
use std::time::Duration;

use super::attach::Attached;
use super::request::{Job, OneOffRequest};
use super::service;
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
    slug: String,
}

impl NamedTask {
    /// Tasks in the order they run.
    pub fn all(context: &Context, tasks: Vec<(String, Task)>) -> Vec<Self> {
        let slug = service::slug(context);
        let named = |(index, (name, task))| Self { name, task, slug: format!("{}{index:x}", &slug[..11]) };
        tasks.into_iter().enumerate().map(named).collect()
    }

    /// The step of a deploy.
    pub fn step(&self, context: &Context, wanted: &Wanted<'_>, observed: &Observed) -> Result<DeployTask> {
        let Task { service: of, command, user, working_dir, timeout, .. } = &self.task;
        let timeout = Some(timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.0));
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
        service.container_name = format!("{}-{of}-run-{}", wanted.stack.name, self.slug);
        let one_off =
            OneOff { service: of, slug: &self.slug, auto_remove: true, interactive: Some(false), use_aliases: false };
        let spec = one_off_spec(wanted, observed, &service, one_off);
        Ok(DeployTask { name: self.name.clone(), spec, timeout })
    }
}

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
