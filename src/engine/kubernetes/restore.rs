//! Giving an object back that a release which failed took over: its content and who manages which of its fields.

use kube::api::{DynamicObject, PostParams};

use super::KubernetesCluster;
use super::error_mapping::map;
use super::managed_fields::MANAGER;
use crate::plan::Outcome;
use crate::plan::cluster::ClusterObject;
use crate::target::TargetError;

impl KubernetesCluster {
    /// Writes an object as it was found. One that is gone meanwhile stays away.
    pub(super) async fn restore(&self, object: &ClusterObject) -> Result<Outcome, TargetError> {
        let doing = format!("restoring {}", object.reference);
        self.may_change(&doing)?;
        let api = self.known_api(&object.reference).await?;
        let name = &object.reference.name;
        let live = api.get_opt(name).await.map_err(|error| map(&self.address, &doing, error))?;
        let Some(live) = live else { return Ok(Outcome::default()) };
        let mut before: DynamicObject = serde_json::from_value(object.body.clone())
            .map_err(|error| TargetError::Broken { operation: doing.clone(), message: error.to_string() })?;
        let fields = object.body.pointer("/metadata/managedFields").cloned();
        before.metadata.resource_version = live.metadata.resource_version;
        before.metadata.managed_fields = None;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..Default::default() };
        let written = api.replace(name, &params, &before).await.map_err(|error| map(&self.address, &doing, error))?;
        if let Some(fields) = fields {
            self.write_managed_fields((&api, &written), fields, &doing).await?;
        }
        Ok(Outcome::default())
    }
}
