//! What Helm's records say of a release: its objects, and the operations that Helm carried out by itself.
//! Every record is read here, so that no text shows a secret of it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;

use super::KubernetesCluster;
use super::error_mapping::map;
use crate::chart::objects;
use crate::plan::ObservedProject;
use crate::plan::cluster::{ObjectRef, released_services};
use crate::release::{
    HelmRelease, HelmStatus, LeaseOwner, Record, RecordPhase, Release, ReleaseCause, ReleasedService, StepRecord,
};
use crate::target::TargetError;

/// The one key of Helm's records.
pub(super) const HELM_KEY: &str = "release";

/// A record of Helm's, without its payload.
pub(super) struct HelmEntry {
    pub revision: u32,
    pub status: HelmStatus,
    pub secret: Secret,
}

impl KubernetesCluster {
    /// The content of a record; what must not be shown of it is known from then on.
    pub(super) fn decoded(&self, entry: &HelmEntry) -> Result<HelmRelease, TargetError> {
        let name = entry.secret.metadata.name.clone().unwrap_or_default();
        let doing = format!("reading {name}");
        let bytes = entry.secret.data.as_ref().and_then(|data| data.get(HELM_KEY));
        let bytes = bytes.ok_or_else(|| broken(&doing, &"it has no release"))?;
        let release = HelmRelease::decode(&bytes.0)
            .map_err(|error| broken(&doing, &format!("the record is damaged: {error}")))?;
        self.redactor.publish([release.name.clone()]);
        let hooks = release.hooks.iter().map(|hook| &hook.manifest);
        for text in std::iter::once(&release.manifest).chain(hooks) {
            // What Helm could apply is read by whoever needs its objects, who says what is wrong with it.
            self.learn(&objects(&name, text).unwrap_or_default());
        }
        Ok(release)
    }

    /// The releases in the namespace with the states of their pods; one without pods has the status that Helm records.
    pub(super) async fn releases(&self) -> Result<Vec<ObservedProject>, TargetError> {
        let params = ListParams::default().labels("owner=helm");
        let found = self.here::<Secret>().list_metadata(&params).await;
        let found = found.map_err(|error| map(&self.address, "listing the releases", error))?;
        let mut newest: BTreeMap<String, (u32, String)> = BTreeMap::new();
        for metadata in found.items.into_iter().map(|secret| secret.metadata) {
            let labels = metadata.labels.unwrap_or_default();
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let revision = (label("version").parse().unwrap_or(0), label("status"));
            let entry = newest.entry(label("name")).or_default();
            *entry = revision.max(entry.clone());
        }
        let mut releases = Vec::new();
        for (name, (_, status)) in newest {
            let mut states: BTreeMap<String, usize> = BTreeMap::new();
            for instance in self.instances(&name).await? {
                *states.entry(instance.state.word().to_owned()).or_default() += 1;
            }
            if states.is_empty() {
                states.insert(status, 1);
            }
            releases.push(ObservedProject { name, states, config_files: Vec::new() });
        }
        Ok(releases)
    }

    /// The objects of the newest revision and of the one that serves, without hooks.
    pub(super) async fn released_objects(&self, release: &str) -> Result<BTreeSet<ObjectRef>, TargetError> {
        let entries = self.helm_entries(release).await?;
        let serving = entries.iter().rposition(|entry| entry.status == HelmStatus::Deployed);
        let newest = entries.len().checked_sub(1);
        let mut found = BTreeSet::new();
        for at in serving.into_iter().chain(newest.filter(|newest| Some(*newest) != serving)) {
            let record = self.decoded(&entries[at])?;
            let doing = format!("reading revision {} of {release}", entries[at].revision);
            let bodies = objects("the release record", &record.manifest).map_err(|error| broken(&doing, &error))?;
            found.extend(bodies.iter().filter_map(ObjectRef::of));
        }
        Ok(found)
    }
}

pub(super) fn broken(doing: &str, error: &dyn std::fmt::Display) -> TargetError {
    TargetError::Broken { operation: doing.to_owned(), message: error.to_string() }
}

/// An operation that Helm carried out.
pub(super) fn record_of_helm(entry: &HelmEntry, release: &HelmRelease) -> Record {
    let cause = match release.info.rollback_revision {
        Some(to) => ReleaseCause::Rollback { to },
        None => ReleaseCause::Deploy,
    };
    let phase = match release.info.status {
        HelmStatus::Deployed | HelmStatus::Superseded => RecordPhase::Done,
        status if status.is_pending() => RecordPhase::Pending,
        _ => RecordPhase::Failed,
    };
    // One that cannot be read is named by its chart, and is the same as no other.
    let services = released_services(release).unwrap_or_else(|_| {
        let fingerprint = format!("revision {}", entry.revision);
        let service = ReleasedService { image: release.chart_name(), fingerprint, ..Default::default() };
        BTreeMap::from([(release.name.clone(), service)])
    });
    Record {
        sequence: entry.revision,
        phase,
        operation: match cause {
            ReleaseCause::Rollback { .. } => "helm rollback",
            _ if entry.revision == 1 => "helm install",
            _ => "helm upgrade",
        }
        .to_owned(),
        environment: None,
        time: release.info.last_deployed.clone(),
        owner: LeaseOwner { user: "helm".to_owned(), ..Default::default() },
        steps: Vec::<StepRecord>::new(),
        error: if phase == RecordPhase::Failed { vec![release.info.description.clone()] } else { Vec::new() },
        evidence: Vec::new(),
        release: Some(Box::new(Release::new(
            cause,
            Some(release.info.description.clone()).filter(|text| !text.is_empty()),
            services,
        ))),
        restore_unfinished: Default::default(),
    }
}
