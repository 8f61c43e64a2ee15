//! Whether new containers go on serving: while the old side drains, while a release bakes, and while a rolling update
//! monitors them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ExecuteError;
use super::evidence::collect;
use super::walk::Walk;
use crate::plan::{Health, InstanceState, Names, ObservedInstance, Outcome, container_name};
use crate::target::{ContainerFacts, TargetError};

/// The time between two looks at a new side.
const PAUSE: Duration = Duration::from_millis(500);

impl Walk<'_> {
    /// Nothing for a while, unless the run stops.
    pub(super) async fn rest(&self, time: Duration) -> Result<Outcome, ExecuteError> {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(Outcome::default()),
            _ = stop.wait_for(|stop| *stop) => Err(ExecuteError::Interrupted),
        }
    }

    /// A container that is ready must go on serving for a while.
    pub(super) async fn monitor(&self, (service, id): (&str, &str), time: Duration) -> Result<(), ExecuteError> {
        let container = BTreeMap::from([(service.to_owned(), id.to_owned())]);
        tokio::select! {
            rested = self.rest(time) => rested.map(drop)?,
            failed = self.until_one_fails(&container) => return Err(failed),
        }
        self.failure_of_one(&container).await.map_or(Ok(()), Err)
    }

    /// Looks at containers by service until one of them does not go on serving.
    pub(super) async fn until_one_fails(&self, containers: &BTreeMap<String, String>) -> ExecuteError {
        loop {
            if let Some(failed) = self.failure_of_one(containers).await {
                return failed;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is wrong with the first container that does not go on serving.
    pub(super) async fn failure_of_one(&self, containers: &BTreeMap<String, String>) -> Option<ExecuteError> {
        for (service, id) in containers {
            if let Some(failed) = self.failure(service, id).await {
                return Some(failed);
            }
        }
        None
    }

    /// What is wrong with a container that serves; an engine that does not answer says nothing about it.
    async fn failure(&self, service: &str, id: &str) -> Option<ExecuteError> {
        let service = service.to_owned();
        let found = match self.runner.target.observe_instance(id).await {
            Ok(found) => found,
            Err(TargetError::NotFound { .. }) => {
                let name = container_name(id, &Names::new());
                let gone = ObservedInstance { id: id.to_owned(), name, ..ObservedInstance::default() };
                let container = collect(self.runner.target, &gone).await;
                return Some(ExecuteError::Removed { service, container });
            }
            Err(_) => return None,
        };
        let (restarts, oom_killed) = (found.restarts, found.oom_killed);
        let failed: fn(String, ContainerFacts, u64, bool) -> ExecuteError = match found.state {
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
