//! The history of a release: Helm's own record of each revision, and beside it ours of each operation.
//! Both are Secrets in the namespace of the release. What Helm did by itself is read from its records.
//! The newest record is read again before each write: a record that another tool wrote meanwhile is never overwritten.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::KubernetesCluster;
use super::error_mapping::{is_conflict, is_missing, map};
use super::released::{HELM_KEY, HelmEntry, broken, record_of_helm};
use crate::release::{FORMAT, HelmRelease, HelmStatus, Lease, Record, RecordError, RecordPhase};
use crate::target::TargetError;

/// The type of Helm's records.
const HELM_TYPE: &str = "helm.sh/release.v1";
/// The type of ours.
const OUR_TYPE: &str = "aictl.io/record.v1";
/// The label with the release of our records.
const RELEASE: &str = "aictl.io/release";
/// The one key of ours.
const OUR_KEY: &str = "record";

/// A Secret takes this many bytes (k8s.io/api/core/v1, MaxSecretSize).
const MOST_BYTES: usize = 1 << 20;

fn status_of_label(word: &str) -> HelmStatus {
    serde_json::from_value(word.into()).unwrap_or_default()
}

impl KubernetesCluster {
    /// Helm's records of a release, oldest first.
    pub(super) async fn helm_entries(&self, release: &str) -> Result<Vec<HelmEntry>, TargetError> {
        let doing = format!("reading the releases of {release}");
        let params = ListParams::default().labels(&format!("owner=helm,name={release}"));
        let found = self.here::<Secret>().list(&params).await.map_err(|error| map(&self.address, &doing, error))?;
        let entry = |secret: Secret| {
            let labels = secret.metadata.labels.clone().unwrap_or_default();
            let revision = labels.get("version")?.parse().ok()?;
            let status = labels.get("status").map(|word| status_of_label(word)).unwrap_or_default();
            (secret.type_.as_deref() == Some(HELM_TYPE)).then_some(HelmEntry { revision, status, secret })
        };
        let mut entries: Vec<HelmEntry> = found.items.into_iter().filter_map(entry).collect();
        entries.sort_by_key(|entry| entry.revision);
        Ok(entries)
    }

    /// All operations: ours, and those that Helm carried out by itself.
    pub(super) async fn history(&self, project: &str) -> Result<Vec<Record>, TargetError> {
        let doing = format!("reading the history of {project}");
        let params = ListParams::default().labels(&format!("{RELEASE}={project}"));
        let secrets = self.here::<Secret>();
        let (ours, helms) = tokio::join!(secrets.list(&params), self.helm_entries(project));
        let (ours, helms) = (ours.map_err(|error| map(&self.address, &doing, error))?, helms?);
        let mut records = Vec::new();
        for secret in ours.items {
            let Some(bytes) = secret.data.as_ref().and_then(|data| data.get(OUR_KEY)) else { continue };
            match Record::decode(&bytes.0) {
                Ok(record) => records.push(record),
                Err(RecordError::Torn { .. }) => {}
                Err(RecordError::Newer { found }) => {
                    return Err(TargetError::NewerState { project: project.to_owned(), found, supported: FORMAT });
                }
            }
        }
        let of_helm: BTreeMap<u32, &HelmEntry> = helms.iter().map(|entry| (entry.revision, entry)).collect();
        for record in &mut records {
            // What Helm no longer has cannot be gone back to.
            if record.phase != RecordPhase::Pending && !of_helm.contains_key(&record.sequence) {
                record.release = None;
            }
        }
        records.retain(|record| record.release.is_some() || !of_helm.contains_key(&record.sequence));
        let known: Vec<u32> = records.iter().map(|record| record.sequence).collect();
        for entry in helms.iter().filter(|entry| !known.contains(&entry.revision)) {
            records.push(record_of_helm(entry, &self.decoded(entry)?));
        }
        // An operation begins before it ends, whatever the names of its records.
        records.sort_by_key(|record| (record.sequence, record.phase != RecordPhase::Pending));
        Ok(records)
    }

    /// Appends one of our records, and brings Helm's record of the same revision to its status.
    pub(super) async fn append(&self, lease: &Lease, record: &Record) -> Result<(), TargetError> {
        let doing = format!("recording {}", record.operation);
        self.may_change(&doing)?;
        self.still_ours(lease).await?;
        let bytes = record.encode().map_err(|error| broken(&doing, &error))?;
        let name = record_name(&lease.project, record.sequence, record.phase);
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some([(RELEASE.to_owned(), lease.project.clone())].into()),
                ..Default::default()
            },
            type_: Some(OUR_TYPE.to_owned()),
            data: Some([(OUR_KEY.to_owned(), ByteString(bytes))].into()),
            ..Default::default()
        };
        match self.here::<Secret>().create(&PostParams::default(), &secret).await {
            Ok(_) => {}
            Err(error) if is_conflict(&error) => {
                let replaced = self.here::<Secret>().replace(&name, &PostParams::default(), &secret).await;
                replaced.map_err(|error| map(&self.address, &doing, error))?;
            }
            Err(error) => return Err(map(&self.address, &doing, error)),
        }
        if record.phase == RecordPhase::Pending || record.release.is_none() {
            return Ok(());
        }
        self.settle(lease, record).await
    }

    /// The status of Helm's record once the operation ended; the revision that served before is superseded.
    async fn settle(&self, lease: &Lease, record: &Record) -> Result<(), TargetError> {
        let well = record.phase == RecordPhase::Done;
        for entry in self.helm_entries(&lease.project).await? {
            let status = match entry.revision.cmp(&record.sequence) {
                std::cmp::Ordering::Equal if well => HelmStatus::Deployed,
                std::cmp::Ordering::Equal => HelmStatus::Failed,
                std::cmp::Ordering::Less if well && entry.status == HelmStatus::Deployed => HelmStatus::Superseded,
                std::cmp::Ordering::Less | std::cmp::Ordering::Greater => continue,
            };
            self.mark(&entry, status, record).await?;
        }
        Ok(())
    }

    async fn mark(&self, entry: &HelmEntry, status: HelmStatus, record: &Record) -> Result<(), TargetError> {
        let mut release = self.decoded(entry)?;
        release.info.status = status;
        if entry.revision == record.sequence {
            release.info.description = match status {
                HelmStatus::Deployed => release.info.description.replace("in progress", "complete"),
                _ => format!("{} failed: {}", record.operation, record.error.join(": ")),
            };
        }
        self.write_helm(&release, Some(&entry.secret)).await
    }

    /// Writes a release record; `over` is the one that was read, which must still be as it was.
    async fn write_helm(&self, release: &HelmRelease, over: Option<&Secret>) -> Result<(), TargetError> {
        let name = HelmRelease::secret_name(&release.name, release.version);
        let doing = format!("recording revision {} of {}", release.version, release.name);
        let text = release.encode().map_err(|error| broken(&doing, &error))?;
        if text.len() > MOST_BYTES {
            let message = format!(
                "the release record takes {} bytes, a Secret takes at most {MOST_BYTES}: leave large files out of the chart by .helmignore",
                text.len()
            );
            return Err(TargetError::Refused { operation: doing, status: 413, message });
        }
        let labels = [
            ("name", release.name.clone()),
            ("owner", "helm".to_owned()),
            ("status", release.info.status.word().to_owned()),
            ("version", release.version.to_string()),
        ];
        let mut metadata = over.map(|secret| secret.metadata.clone()).unwrap_or_default();
        metadata.name = Some(name.clone());
        metadata.managed_fields = None;
        metadata.labels.get_or_insert_default().extend(labels.map(|(key, value)| (key.to_owned(), value)));
        let secret = Secret {
            metadata,
            type_: Some(HELM_TYPE.to_owned()),
            data: Some([(HELM_KEY.to_owned(), ByteString(text.into_bytes()))].into()),
            ..Default::default()
        };
        let secrets = self.here::<Secret>();
        let written = match over {
            Some(_) => secrets.replace(&name, &PostParams::default(), &secret).await,
            None => secrets.create(&PostParams::default(), &secret).await,
        };
        written.map(|_| ()).map_err(|error| {
            if is_conflict(&error) {
                let message = "another tool wrote this revision meanwhile".to_owned();
                return TargetError::Refused { operation: doing.clone(), status: 409, message };
            }
            map(&self.address, &doing, error)
        })
    }

    /// Stores the Helm record of a revision; empty bytes remove it.
    pub(super) async fn keep_configuration(
        &self,
        lease: &Lease,
        revision: u32,
        bytes: &[u8],
    ) -> Result<(), TargetError> {
        let doing = format!("recording revision {revision} of {}", lease.project);
        self.may_change(&doing)?;
        self.still_ours(lease).await?;
        if bytes.is_empty() {
            let name = HelmRelease::secret_name(&lease.project, revision);
            return match self.here::<Secret>().delete(&name, &DeleteParams::default()).await {
                Ok(_) => Ok(()),
                Err(error) if is_missing(&error) => Ok(()),
                Err(error) => Err(map(&self.address, &doing, error)),
            };
        }
        let mut release: HelmRelease = serde_json::from_slice(bytes).map_err(|error| broken(&doing, &error))?;
        release.version = revision;
        self.write_helm(&release, None).await
    }

    /// The Helm record of a revision as JSON.
    pub(super) async fn configuration_of(&self, project: &str, revision: u32) -> Result<Option<Vec<u8>>, TargetError> {
        let doing = format!("reading revision {revision} of {project}");
        let name = HelmRelease::secret_name(project, revision);
        let found = self.here::<Secret>().get_opt(&name).await.map_err(|error| map(&self.address, &doing, error))?;
        let Some(secret) = found else { return Ok(None) };
        let release = self.decoded(&HelmEntry { revision, status: HelmStatus::Unknown, secret })?;
        serde_json::to_vec(&release).map(Some).map_err(|error| broken(&doing, &error))
    }

    /// The revision that Helm itself is at work on, and since when: its newest record is pending, and none of our
    /// operations made it.
    pub(super) async fn pending_by_helm(&self, project: &str) -> Result<Option<(u32, Option<Timestamp>)>, TargetError> {
        let entries = self.helm_entries(project).await?;
        let Some(last) = entries.last().filter(|entry| entry.status.is_pending()) else { return Ok(None) };
        let ours = record_name(project, last.revision, RecordPhase::Pending);
        let doing = format!("reading the history of {project}");
        let found = self.here::<Secret>().get_metadata_opt(&ours).await;
        let is_ours = found.map_err(|error| map(&self.address, &doing, error))?.is_some();
        let since = last.secret.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Ok((!is_ours).then_some((last.revision, since)))
    }

    /// Fails while Helm itself is at work on the release.
    pub(super) async fn refuse_while_helm_works(&self, project: &str) -> Result<(), TargetError> {
        match self.pending_by_helm(project).await? {
            Some((revision, since)) => {
                let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
                let reason = format!("helm is at work on revision {revision}{since}");
                Err(TargetError::HeldByHelm { project: project.to_owned(), revision, reason })
            }
            None => Ok(()),
        }
    }

    /// Marks a pending record of Helm's as failed, which frees the release.
    pub(super) async fn break_helm(&self, project: &str) -> Result<(), TargetError> {
        let entries = self.helm_entries(project).await?;
        let Some(last) = entries.last().filter(|entry| entry.status.is_pending()) else { return Ok(()) };
        let mut release = self.decoded(last)?;
        release.info.status = HelmStatus::Failed;
        release.info.description = "interrupted; its lock was broken by aictl".to_owned();
        self.write_helm(&release, Some(&last.secret)).await
    }

    /// Removes all records of a release.
    pub(super) async fn forget(&self, project: &str) -> Result<(), TargetError> {
        let doing = format!("removing the history of {project}");
        for labels in [format!("owner=helm,name={project}"), format!("{RELEASE}={project}")] {
            let params = ListParams::default().labels(&labels);
            let removed = self.here::<Secret>().delete_collection(&DeleteParams::default(), &params).await;
            removed.map_err(|error| map(&self.address, &doing, error))?;
        }
        Ok(())
    }

    /// Creates the namespace of the release where it does not exist: the lock and the records lie in it.
    pub(super) async fn ensure_namespace(&self, doing: &str) -> Result<(), TargetError> {
        use k8s_openapi::api::core::v1::Namespace;
        let namespaces: kube::Api<Namespace> = kube::Api::all(self.client.clone());
        // Who may not read namespaces may still use one.
        if !matches!(namespaces.get_metadata_opt(&self.namespace).await, Ok(None)) {
            return Ok(());
        }
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        let params = PatchParams::apply(super::managed_fields::MANAGER);
        let created = namespaces.patch(&self.namespace, &params, &Patch::Apply(&body)).await;
        created.map(|_| ()).map_err(|error| map(&self.address, doing, error))
    }
}

fn record_name(project: &str, sequence: u32, phase: RecordPhase) -> String {
    format!("aictl.v1.{project}.{sequence:06}-{}", phase.word())
}
