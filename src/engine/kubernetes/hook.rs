//! Running a hook: its object is created, run to its end and deleted as its policy says.
//! The log of a hook that failed is kept before the policy deletes it.

use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::KubernetesCluster;
use super::error_mapping::map;
use crate::plan::Outcome;
use crate::plan::cluster::{DeletePolicy, HookRun, ObjectRef};
use crate::target::TargetError;

impl KubernetesCluster {
    /// Runs a hook to its end.
    pub(super) async fn run_hook(&self, hook: &HookRun) -> Result<Outcome, TargetError> {
        let reference = &hook.object.reference;
        if hook.deletes(DeletePolicy::BeforeHookCreation) {
            self.delete(reference, hook.timeout).await?;
        }
        self.create(&hook.object.body, hook).await?;
        let ended = if matches!(reference.kind.as_str(), "Job" | "Pod") {
            self.run_to_end(hook).await
        } else {
            Ok(Outcome::default())
        };
        if ended.is_err() && !hook.deletes(DeletePolicy::HookFailed) {
            self.end_run(reference).await;
        }
        let policy = if ended.is_ok() { DeletePolicy::HookSucceeded } else { DeletePolicy::HookFailed };
        if hook.deletes(policy)
            && let Err(error) = self.delete(reference, hook.timeout).await
            && ended.is_ok()
        {
            return Err(error);
        }
        ended
    }

    /// Ends the run of a Job or pod that failed or took too long, and keeps the object: nothing may go on changing data
    /// after the command said that it failed. The failure itself is the one to be told.
    async fn end_run(&self, reference: &ObjectRef) {
        if !reference.is_workload() || self.may_change(&format!("ending {reference}")).is_err() {
            return;
        }
        let Ok(Some(api)) = self.api_of(reference).await else { return };
        let patch = json!({ "spec": { "activeDeadlineSeconds": 1 } });
        let _ = api.patch(&reference.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
    }

    async fn create(&self, body: &Value, hook: &HookRun) -> Result<(), TargetError> {
        let reference = &hook.object.reference;
        let doing = format!("creating {reference}");
        self.may_change(&doing)?;
        self.learn([body]);
        let api = self.known_api(reference).await?;
        let object = serde_json::from_value(body.clone())
            .map_err(|error| TargetError::Broken { operation: doing.clone(), message: error.to_string() })?;
        let params =
            PostParams { field_manager: Some(super::managed_fields::MANAGER.to_owned()), ..Default::default() };
        api.create(&params, &object).await.map_err(|error| map(&self.address, &doing, error))?;
        Ok(())
    }

    /// A pod of a hook is done when it succeeded, not when it is ready.
    async fn run_to_end(&self, hook: &HookRun) -> Result<Outcome, TargetError> {
        let reference = &hook.object.reference;
        if reference.kind == "Job" {
            return self.await_object(reference, hook.timeout).await;
        }
        let began = std::time::Instant::now();
        loop {
            let live = self.live(reference).await?;
            let phase = live.as_ref().and_then(|pod| pod.pointer("/status/phase")).and_then(Value::as_str);
            match phase {
                Some("Succeeded") => return Ok(Outcome::default()),
                Some("Running") if began.elapsed() < hook.timeout => {
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                }
                // Not started yet, failed, or too long: the general wait tells these apart.
                _ => return self.await_object(reference, hook.timeout.saturating_sub(began.elapsed())).await,
            }
        }
    }
}
