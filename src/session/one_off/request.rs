//! What `aictl run` and `aictl migrate` are asked for, and the task or service that is meant.
//! Reads the request and the loaded project; returns the job.
//! Never talks to an engine.

use std::time::Duration;

use clap::Args;

use crate::compose::model::Stack;
use crate::error::{Result, nearest};
use crate::plan::PullPolicy;
use crate::session::WorkflowError;
use crate::session::load::LoadedStack;
use crate::session::plan_images::pull_policy;

/// A task or service, and how it is run.
#[derive(Debug, Clone, Default)]
pub struct OneOffRequest {
    /// Task or service.
    pub what: String,
    /// Command of the container, or more arguments for the task.
    pub command: Vec<String>,
    /// How it is run.
    pub options: OneOffOptions,
}

/// How a one-off container is run.
#[derive(Debug, Clone, Default, Args)]
pub struct OneOffOptions {
    /// Run the container in the background and print its name
    #[arg(short = 'd', long)]
    pub detach: bool,
    /// Keep the container when it exits
    #[arg(long)]
    pub no_rm: bool,
    /// Do not start dependencies
    #[arg(long)]
    pub no_deps: bool,
    /// Build the image before running
    #[arg(long)]
    pub build: bool,
    /// Pull the image before running
    #[arg(long, value_name = "WHEN", value_parser = pull_policy())]
    pub pull: Option<PullPolicy>,
    /// Assign a name to the container
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Override the entrypoint of the image
    #[arg(long, value_name = "COMMAND")]
    pub entrypoint: Option<String>,
    /// Set an environment variable; without a value it is taken from the environment
    #[arg(short = 'e', value_name = "KEY=VALUE")]
    pub variables: Vec<String>,
    /// Add a label
    #[arg(short = 'l', long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// Run as this user
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Working directory inside the container
    #[arg(short = 'w', long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Bind mount a path or mount a volume
    #[arg(short = 'v', long = "volume", value_name = "SOURCE:TARGET")]
    pub volumes: Vec<String>,
    /// Publish a container port to the host
    #[arg(short = 'p', long = "publish", value_name = "HOST:PORT")]
    pub publish: Vec<String>,
    /// Publish all ports of the service
    #[arg(short = 'P', long, conflicts_with = "publish")]
    pub service_ports: bool,
    /// Use the network aliases of the service
    #[arg(long)]
    pub use_aliases: bool,
    /// Add a Linux capability
    #[arg(long, value_name = "NAME")]
    pub cap_add: Vec<String>,
    /// Drop a Linux capability
    #[arg(long, value_name = "NAME")]
    pub cap_drop: Vec<String>,
    /// Disable pseudo-TTY allocation
    #[arg(short = 'T', long)]
    pub no_tty: bool,
}

/// What to run: a task, or a service with a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) service: String,
    pub(super) command: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) workdir: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) is_task: bool,
}

/// A task wins over a service of the same name: it was named on purpose.
pub(super) fn job(loaded: &LoadedStack, request: &OneOffRequest) -> Result<Job> {
    let tasks = loaded.tasks();
    if let Some(task) = tasks.get(&request.what) {
        let mut command = task.command.0.clone();
        command.extend(request.command.iter().cloned());
        let (user, workdir) = (
            request.options.user.clone().or(task.user.clone()),
            request.options.workdir.clone().or(task.working_dir.clone()),
        );
        let timeout = task.timeout.as_ref().map(|t| t.0);
        return Ok(Job { service: task.service.clone(), command, user, workdir, timeout, is_task: true });
    }
    let services: Vec<&str> = loaded.stack.iter().flat_map(Stack::all_services).map(|(n, _)| n.as_str()).collect();
    if !services.contains(&request.what.as_str()) {
        let known: Vec<String> = tasks.keys().cloned().chain(services.iter().map(|s| (*s).to_owned())).collect();
        let nearest = nearest(&request.what, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(WorkflowError::NoTask { name: request.what.clone(), nearest, known }.into());
    }
    Ok(Job {
        service: request.what.clone(),
        command: request.command.clone(),
        user: request.options.user.clone(),
        workdir: request.options.workdir.clone(),
        ..Default::default()
    })
}
