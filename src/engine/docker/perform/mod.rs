//! Changing the world: one function per operation.
//! Reads an `Operation`; returns an `Outcome` once the engine has done it.
//! Never waits for readiness and never retries: that is decided elsewhere.

mod container;
mod files;
mod network;
mod ports;
mod volume;

pub(super) use container::start;

use super::DockerEngine;
use crate::event::Reporter;
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
        let _ = progress;
        let connection = &self.connection;
        match operation {
            Operation::CreateNetwork { project, key, name, network } => {
                network::create(connection, (project, key), name, network).await
            }
            Operation::RemoveNetwork { id, name } => network::remove(connection, id, name).await,
            Operation::CreateVolume { project, key, name, volume } => {
                volume::create(connection, (project, key), name, volume).await
            }
            Operation::RemoveVolume { name } => volume::remove(connection, name).await,
            Operation::CreateContainer(spec) => container::create(connection, spec).await,
            Operation::StartContainer { container, .. } => container::start(connection, container).await,
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
            other => Err(TargetError::Refused {
                operation: other.verbs().0.to_owned(),
                status: 0,
                message: "this is not an operation of an engine".to_owned(),
            }),
        }
    }
}

fn done() -> Outcome {
    Outcome::default()
}

fn created(id: String) -> Outcome {
    Outcome { id: Some(id), ..Outcome::default() }
}
