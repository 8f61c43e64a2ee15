//! Waiting for the connections of an old side while the new one is watched: the old one is there to go back to only
//! until it is removed.

use std::collections::BTreeMap;

use super::ExecuteError;
use super::walk::Walk;
use crate::plan::{Operation, Outcome, ProxyOperation};

impl Walk<'_> {
    /// Drains; a new side that does not go on serving is a failure, a drain that cannot be observed a warning.
    pub(super) async fn drain(&self, drain: &ProxyOperation, key: usize) -> Result<Outcome, ExecuteError> {
        let ProxyOperation::Drain { service, serving: Some(serving), .. } = drain else {
            return Ok(self.drained(drain, key).await);
        };
        let serving = BTreeMap::from([(service.clone(), self.id_of(serving))]);
        let mut stop = self.stop.subscribe();
        let outcome = tokio::select! {
            outcome = self.drained(drain, key) => outcome,
            failed = self.until_one_fails(&serving) => return Err(failed),
            _ = stop.wait_for(|stop| *stop) => return Err(ExecuteError::Interrupted),
        };
        match self.failure_of_one(&serving).await {
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
}
