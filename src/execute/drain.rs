//! Waiting for the connections of an old side while the new one is watched: the old one is there to go back to only
//! until it is removed.

use std::time::Duration;

use super::ExecuteError;
use super::evidence::collect;
use super::walk::Walk;
use crate::plan::{Health, InstanceState, ObservedInstance, Operation, Outcome, ProxyOperation};
use crate::target::TargetError;

/// The time between two looks at the new side.
const PAUSE: Duration = Duration::from_millis(500);

impl Walk<'_> {
    /// Drains; a new side that does not go on serving is a failure, a drain that cannot be observed a warning.
    pub(super) async fn drain(&self, drain: &ProxyOperation, key: usize) -> Result<Outcome, ExecuteError> {
        let ProxyOperation::Drain { service, serving: Some(serving), .. } = drain else {
            return Ok(self.drained(drain, key).await);
        };
        let serving = self.id_of(serving);
        let mut stop = self.stop.subscribe();
        let outcome = tokio::select! {
            outcome = self.drained(drain, key) => outcome,
            failed = self.until_it_fails((service, &serving)) => return Err(failed),
            _ = stop.wait_for(|stop| *stop) => return Err(ExecuteError::Interrupted),
        };
        match self.failure((service, &serving)).await {
            Some(failed) => Err(failed),
            None => Ok(outcome),
        }
    }

    async fn drained(&self, drain: &ProxyOperation, key: usize) -> Outcome {
        let performed = self.perform(&Operation::Proxy(drain.clone()), key).await;
        performed.unwrap_or_else(|error| {
            let warning = format!("cannot tell whether the old container still has connections: {error}");
            Outcome { warnings: vec![warning], ..Outcome::default() }
        })
    }

    async fn until_it_fails(&self, container: (&str, &str)) -> ExecuteError {
        loop {
            if let Some(failed) = self.failure(container).await {
                return failed;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is wrong with a container that serves; an engine that does not answer says nothing about it.
    async fn failure(&self, (service, id): (&str, &str)) -> Option<ExecuteError> {
        let service = service.to_owned();
        let found = match self.runner.target.observe_instance(id).await {
            Ok(found) => found,
            Err(TargetError::NotFound { .. }) => {
                let gone = ObservedInstance { id: id.to_owned(), name: id.to_owned(), ..ObservedInstance::default() };
                let container = collect(self.runner.target, &gone).await;
                return Some(ExecuteError::Removed { service, container });
            }
            Err(_) => return None,
        };
        let (restarts, oom_killed) = (found.restarts, found.oom_killed);
        let failed: fn(String, crate::target::ContainerFacts, u64, bool) -> ExecuteError = match found.state {
            _ if restarts > 0 => {
                |service, container, restarts, _| ExecuteError::CrashLoop { service, container, restarts }
            }
            InstanceState::Exited | InstanceState::Dead => {
                |service, container, _, oom_killed| ExecuteError::Exited { service, container, oom_killed }
            }
            _ if found.health == Health::Unhealthy => {
                |service, container, _, _| ExecuteError::Unhealthy { service, container, log: None }
            }
            _ => return None,
        };
        Some(failed(service, collect(self.runner.target, &found).await, restarts, oom_killed))
    }
}
