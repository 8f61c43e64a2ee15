//! What is kept of a failed container before anything is undone: exit code, state and the last log lines.
//! Reads the target, returns facts.
//! Never fails: missing evidence is no reason to hide the failure itself.

use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;

use crate::plan::ObservedInstance;
use crate::target::{ContainerFacts, LogArgs, Target};

/// How many log lines are kept.
const LINES: u64 = 20;

/// How long collecting them may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A failed container as it goes into the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Service.
    pub service: String,
    /// Container name.
    pub container: String,
    /// Exit code of its last run.
    pub exit_code: Option<i64>,
    /// The last log lines, oldest first.
    pub logs: Vec<String>,
}

impl Evidence {
    /// The evidence in a failure's facts.
    pub fn of(service: &str, facts: &ContainerFacts) -> Self {
        Self {
            service: service.to_owned(),
            container: facts.name.clone(),
            exit_code: facts.exit_code,
            logs: facts.logs.clone(),
        }
    }
}

/// What can be said of a container right now.
pub(super) async fn collect(target: &dyn Target, container: &ObservedInstance) -> ContainerFacts {
    let mut facts = ContainerFacts { name: container.name.clone(), exit_code: container.exit_code, logs: Vec::new() };
    let read = async {
        let args = LogArgs { tail: Some(LINES), ..Default::default() };
        let Ok(mut stream) = target.logs(container, &args).await else { return };
        while let Some(Ok(line)) = stream.next().await {
            facts.logs.push(line.message);
        }
    };
    // A log driver that cannot be read must not hold up the failure it would explain.
    let _ = tokio::time::timeout(PATIENCE, read).await;
    facts
}
