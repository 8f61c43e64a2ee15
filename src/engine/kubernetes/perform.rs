//! One function per operation on a cluster.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::KubernetesCluster;
use super::error_mapping::map;
use crate::plan::{ClusterOperation, Names, Operation, Outcome};
use crate::target::TargetError;

/// What `kubectl rollout restart` annotates the pod template with.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

impl KubernetesCluster {
    pub(super) async fn act(&self, operation: &Operation) -> Result<Outcome, TargetError> {
        let Operation::Cluster(operation) = operation else {
            let told = operation.describe(&Names::new());
            return Err(TargetError::CannotPerform {
                operation: format!("{} {}", told.infinitive, told.subject),
                reason: "it requires a Docker engine".to_owned(),
            });
        };
        match operation {
            ClusterOperation::Apply { object, release, force } => self.apply(object, release.as_deref(), *force).await,
            ClusterOperation::Delete { object, timeout } => self.delete(object, *timeout).await,
            ClusterOperation::Restore { object } => self.restore(object).await,
            ClusterOperation::Await { object, timeout } => self.await_object(object, *timeout).await,
            ClusterOperation::RunHook(hook) => self.run_hook(hook).await,
            ClusterOperation::Restart { object, at } => {
                let doing = format!("restarting {object}");
                self.may_change(&doing)?;
                let api = self.known_api(object).await?;
                let patch = json!({ "spec": { "template": { "metadata": { "annotations": { RESTARTED: at } } } } });
                let params = PatchParams { field_manager: Some("aictl".to_owned()), ..Default::default() };
                let patched = api.patch(&object.name, &params, &Patch::Merge(&patch)).await;
                patched.map(|_| Outcome::default()).map_err(|error| map(&self.address, &doing, error))
            }
        }
    }
}
