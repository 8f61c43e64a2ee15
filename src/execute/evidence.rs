//! What is kept of a failed container before anything is undone: exit code, state and the last log lines.
//! Reads the target, returns facts.
//! Never fails: missing evidence is no reason to hide the failure itself.

use std::time::Duration;

use futures_util::StreamExt;

use crate::plan::ObservedInstance;
use crate::release::Evidence;
use crate::target::{ContainerFacts, LogArgs, Target};

/// How many log lines are kept.
const LINES: u64 = 20;

/// How long collecting them may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Evidence from the facts of a failure.
pub(super) fn evidence_of(service: &str, facts: &ContainerFacts) -> Evidence {
    let ContainerFacts { name, exit_code, oom_killed, restarts, engine_error, health_log, logs } = facts.clone();
    Evidence {
        service: service.to_owned(),
        container: name,
        exit_code,
        oom_killed,
        restarts,
        engine_error,
        health_log,
        attempts: Vec::new(),
        logs,
    }
}

/// What can be said of a container right now.
pub(super) async fn collect(target: &dyn Target, container: &ObservedInstance) -> ContainerFacts {
    let mut facts = container_facts(container);
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

/// Evidence from an observed container, without its log.
fn container_facts(container: &ObservedInstance) -> ContainerFacts {
    ContainerFacts {
        name: container.name.clone(),
        exit_code: container.exit_code,
        oom_killed: container.oom_killed,
        restarts: container.restarts,
        engine_error: container.error.clone().filter(|error| !error.is_empty()),
        health_log: container.health_log.clone(),
        logs: Vec::new(),
    }
}
