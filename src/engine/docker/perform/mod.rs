//! Changing the world: one function per operation.
//! Reads an `Operation`; returns an `Outcome` once the engine has done it.
//! Never waits for readiness and never retries: that is decided elsewhere.

mod container;
mod fetch_image;
mod files;
mod hook;
mod image;
mod image_build;
mod network;
mod ports;
mod pull;
mod recipe;
mod volume;

pub(super) use container::start;

use super::DockerEngine;
use crate::event::{Event, Reporter};
use crate::plan::{Operation, Outcome};
use crate::target::TargetError;

/// Where progress of an operation is told.
#[derive(Clone, Copy)]
pub(super) struct Progress<'a> {
    /// The caller's step.
    pub(super) key: usize,
    /// Who is told.
    pub(super) reporter: &'a dyn Reporter,
}

impl DockerEngine {
    pub(super) async fn act(&self, operation: &Operation, progress: Progress<'_>) -> Result<Outcome, TargetError> {
        let connection = &self.connection;
        match operation {
            Operation::PullImage { .. } | Operation::BuildRecipe(_) | Operation::BuildImage { .. } => {
                self.make(operation, progress).await
            }
            Operation::RemoveImage { image } => image::remove(connection, image).await,
            Operation::RunHook { container, hook, timeout, .. } => {
                hook::run(connection, (container, hook), *timeout, progress).await
            }
            Operation::CreateNetwork { project, key, name, network } => {
                network::create(connection, (project, key), name, network).await
            }
            Operation::RemoveNetwork { id, name } => network::remove(connection, id, name).await,
            Operation::CreateVolume { project, key, name, volume } => {
                volume::create(connection, (project, key), name, volume).await
            }
            Operation::RemoveVolume { name } => volume::remove(connection, name).await,
            Operation::CreateContainer(spec) => container::create(connection, spec).await,
            Operation::StartContainer { container, turn, .. } => container::in_turn(connection, container, *turn).await,
            Operation::StopContainer { container, timeout, .. } => {
                container::stop(connection, container, *timeout).await
            }
            Operation::KillContainer { container, signal, .. } => container::kill(connection, container, signal).await,
            Operation::RestartContainer { container, timeout, .. } => {
                container::restart(connection, container, *timeout).await
            }
            Operation::UnpauseContainer { container, .. } => container::unpause(connection, container).await,
            Operation::RemoveContainer { container, volumes, force, .. } => {
                container::remove(connection, container, (*volumes, *force)).await
            }
            Operation::RenameContainer { container, name, .. } => container::rename(connection, container, name).await,
            other @ Operation::AwaitReady { .. } => Err(not_ours(other)),
        }
    }
}

impl DockerEngine {
    /// The operations that make an image present.
    async fn make(&self, operation: &Operation, progress: Progress<'_>) -> Result<Outcome, TargetError> {
        match operation {
            Operation::PullImage { image, platform, sources, .. } => {
                let wanted = fetch_image::FetchRequest { image, platform: platform.as_deref(), sources };
                fetch_image::obtain(self, &wanted, progress).await
            }
            Operation::BuildRecipe(wanted) => recipe::build(self, wanted, progress).await,
            Operation::BuildImage { service, image, build, platform, no_cache, pull } => {
                let wanted =
                    image_build::BuildRequest { service, image, build, platform, no_cache: *no_cache, pull: *pull };
                image_build::build(self, &wanted, progress).await
            }
            other => Err(not_ours(other)),
        }
    }
}

/// A wait is the executor's, not the engine's.
fn not_ours(operation: &Operation) -> TargetError {
    TargetError::Refused {
        operation: operation.verbs().0.to_owned(),
        status: 0,
        message: "operation not supported by an engine".to_owned(),
    }
}

impl Progress<'_> {
    fn told(&self, message: String, amount: (Option<u64>, Option<u64>)) {
        let (done, total) = amount;
        self.reporter.report(Event::StepProgressed { key: self.key, message, done, total });
    }

    fn line(&self, line: &str) {
        // A counter that returns to the beginning of its line has its last state told.
        let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
        self.reporter.report(Event::StepOutput { key: self.key, line });
    }
}

fn done() -> Outcome {
    Outcome::default()
}

fn created(id: String) -> Outcome {
    Outcome { id: Some(id), ..Outcome::default() }
}
