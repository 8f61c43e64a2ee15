//! Deleting an object, and waiting until it is gone.

use std::time::{Duration, Instant};

use kube::api::{DeleteParams, PropagationPolicy};

use super::KubernetesCluster;
use super::error_mapping::{is_missing, map};
use crate::plan::Outcome;
use crate::plan::cluster::ObjectRef;
use crate::target::TargetError;

const LOOK: Duration = Duration::from_millis(200);

impl KubernetesCluster {
    /// Deletes an object. One that is gone already is no failure. Pods get their grace, claims wait for their pods, and
    /// finalizers may hold any object: after `timeout` that is a failure.
    pub(super) async fn delete(&self, object: &ObjectRef, timeout: Duration) -> Result<Outcome, TargetError> {
        let doing = format!("deleting {object}");
        self.may_change(&doing)?;
        let Some(api) = self.api_of(object).await? else { return Ok(Outcome::default()) };
        let params = DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..Default::default() };
        match api.delete(&object.name, &params).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => return Ok(Outcome::default()),
            Err(error) => return Err(map(&self.address, &doing, error)),
        }
        let began = Instant::now();
        loop {
            let found = api.get_metadata_opt(&object.name).await.map_err(|error| map(&self.address, &doing, error))?;
            let Some(found) = found else { return Ok(Outcome::default()) };
            if began.elapsed() >= timeout {
                let held = found.metadata.finalizers.unwrap_or_default().join(", ");
                let what = if held.is_empty() { doing } else { format!("{doing} (finalizers: {held})") };
                return Err(TargetError::TimedOut { what, after: timeout });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
