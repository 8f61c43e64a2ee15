//! The lease of a project: a Lease of coordination.k8s.io beside the release.
//! Its UID is the fencing token: a lease that was taken over is another object. All times are the API server's.
//! Never overwrites a lease that somebody holds.

use std::time::Duration;

use hyper::http;
use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::client::Body;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::KubernetesCluster;
use super::error_mapping::{is_conflict, is_missing, map};
use crate::engine::owner_process;
use crate::release::{Lease, LeaseOwner, LeaseVerdict, ObservedLease};
use crate::target::TargetError;

/// Says who holds it.
const OWNER: &str = "aictl.io/owner";

/// The id of a lock that is a pending record of Helm's.
pub(super) const OF_HELM: &str = "helm/";

/// How often a lease that vanished between two requests is tried again.
const ATTEMPTS: usize = 5;

fn name_of(project: &str) -> String {
    format!("aictl-{project}")
}

fn lost(project: &str) -> TargetError {
    TargetError::LeaseLost { project: project.to_owned() }
}

impl KubernetesCluster {
    pub(super) async fn take_lease(&self, project: &str, owner: &LeaseOwner) -> Result<Lease, TargetError> {
        let doing = format!("locking {project}");
        self.may_change(&doing)?;
        self.ensure_namespace(&doing).await?;
        let mut taken_over = None;
        for _ in 0..ATTEMPTS {
            match self.here::<LeaseObject>().create(&PostParams::default(), &object(project, owner)).await {
                Ok(created) => {
                    let id = created.metadata.uid.unwrap_or_default();
                    return Ok(Lease { project: project.to_owned(), id, owner: owner.clone(), taken_over });
                }
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(map(&self.address, &doing, error)),
            }
            let Some(held) = self.found_lease(project).await? else { continue };
            if !held.looks_dead() {
                return Err(TargetError::Locked { project: project.to_owned(), holder: Box::new(held) });
            }
            self.remove_lease(&held).await?;
            taken_over = held.owner.clone();
        }
        Err(TargetError::Broken { operation: doing, message: "the lock is taken and freed all the time".to_owned() })
    }

    pub(super) async fn found_lease(&self, project: &str) -> Result<Option<ObservedLease>, TargetError> {
        let doing = format!("reading the lock of {project}");
        let leases = self.here::<LeaseObject>();
        let name = name_of(project);
        let (found, now) = tokio::join!(leases.get_opt(&name), self.server_time());
        let now = now?;
        let Some(found) = found.map_err(|error| map(&self.address, &doing, error))? else {
            return self.helms_lock(project, now).await;
        };
        let owner = found.metadata.annotations.as_ref().and_then(|all| all.get(OWNER));
        let owner: Option<LeaseOwner> = owner.and_then(|text| serde_json::from_str(text).ok());
        let since = found.metadata.creation_timestamp.as_ref().map(|time| age(now, time.0));
        // The server's own account of the last heartbeat; the holder's clock may be wrong.
        let entries = found.metadata.managed_fields.as_deref().unwrap_or_default();
        let beat = entries.iter().filter_map(|entry| Some(age(now, entry.time.as_ref()?.0))).min().or(since);
        let gone = owner.as_ref().is_some_and(owner_process::is_gone);
        Ok(Some(ObservedLease {
            project: project.to_owned(),
            id: found.metadata.uid.unwrap_or_default(),
            verdict: LeaseVerdict::judge(beat, gone),
            owner,
            other_program: None,
            held_seconds: since.map(|age| age.as_secs()),
            heartbeat_age_seconds: beat.map(|age| age.as_secs()),
        }))
    }

    /// A release that Helm itself works on, or worked on when it died.
    async fn helms_lock(&self, project: &str, now: Timestamp) -> Result<Option<ObservedLease>, TargetError> {
        let Some((revision, since)) = self.pending_by_helm(project).await? else { return Ok(None) };
        Ok(Some(ObservedLease {
            project: project.to_owned(),
            id: format!("{OF_HELM}{revision}"),
            other_program: Some(format!("Helm (revision {revision} is pending)")),
            held_seconds: since.map(|since| age(now, since).as_secs()),
            ..Default::default()
        }))
    }

    /// Proves that the lease is ours, without a heartbeat.
    pub(super) async fn still_ours(&self, lease: &Lease) -> Result<(), TargetError> {
        let doing = format!("reading the lock of {}", lease.project);
        let found = self.here::<LeaseObject>().get_metadata_opt(&name_of(&lease.project)).await;
        let found = found.map_err(|error| map(&self.address, &doing, error))?;
        let ours = found.is_some_and(|found| found.metadata.uid.as_deref() == Some(lease.id.as_str()));
        if ours { Ok(()) } else { Err(lost(&lease.project)) }
    }

    /// A heartbeat. The UID in the patch makes it fail on another lease of the same name.
    pub(super) async fn renew_lease(&self, lease: &Lease) -> Result<(), TargetError> {
        let now = MicroTime(Timestamp::now());
        let patch = json!({ "metadata": { "uid": lease.id }, "spec": { "renewTime": now } });
        let name = name_of(&lease.project);
        match self.here::<LeaseObject>().patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) || is_missing(&error) => Err(lost(&lease.project)),
            Err(error) => Err(map(&self.address, &format!("keeping the lock of {}", lease.project), error)),
        }
    }

    pub(super) async fn give_lease_back(&self, lease: &Lease) -> Result<(), TargetError> {
        let observed = ObservedLease { project: lease.project.clone(), id: lease.id.clone(), ..Default::default() };
        let removed = self.remove_lease(&observed).await?;
        if removed { Ok(()) } else { Err(lost(&lease.project)) }
    }

    /// Removes exactly this lease; false where it was gone already.
    pub(super) async fn remove_lease(&self, observed: &ObservedLease) -> Result<bool, TargetError> {
        let doing = format!("unlocking {}", observed.project);
        self.may_change(&doing)?;
        let preconditions = Preconditions { uid: Some(observed.id.clone()), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..Default::default() };
        match self.here::<LeaseObject>().delete(&name_of(&observed.project), &params).await {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(&error) || is_missing(&error) => Ok(false),
            Err(error) => Err(map(&self.address, &doing, error)),
        }
    }

    /// The API server's time, from the head of an answer.
    async fn server_time(&self) -> Result<Timestamp, TargetError> {
        let doing = "reading the time of the cluster";
        let broken = |message: String| TargetError::Broken { operation: doing.to_owned(), message };
        let request = http::Request::get("/version").body(Body::empty()).map_err(|error| broken(error.to_string()))?;
        let answer = self.client.send(request).await.map_err(|error| map(&self.address, doing, error))?;
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok()).unwrap_or_default();
        let parsed = OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822);
        let parsed = parsed.map_err(|error| broken(format!("`{date}`: {error}")))?;
        Timestamp::from_second(parsed.unix_timestamp()).map_err(|error| broken(error.to_string()))
    }
}

fn age(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(now.as_second() - then.as_second()).unwrap_or(0))
}

fn object(project: &str, owner: &LeaseOwner) -> LeaseObject {
    let now = MicroTime(Timestamp::now());
    let annotation = serde_json::to_string(owner).unwrap_or_default();
    LeaseObject {
        metadata: ObjectMeta {
            name: Some(name_of(project)),
            annotations: Some([(OWNER.to_owned(), annotation)].into()),
            ..Default::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(format!("{}@{}/{}", owner.user, owner.host, owner.pid)),
            lease_duration_seconds: i32::try_from(LeaseVerdict::TIME_TO_LIVE.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            ..Default::default()
        }),
    }
}
