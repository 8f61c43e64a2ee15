//! Taking, renewing, giving back and breaking the lease.
//! Reads the helper's name and `lease.json`; returns leases with the helper's id as fencing token.
//! Never takes a lease whose owner may live.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bollard::query_parameters::RenameContainerOptionsBuilder;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::helper::{self, Entry, Helper};
use super::records::{Written, lost_if_gone};
use super::{Held, free_name, held_name};
use crate::engine::docker::DockerEngine;
use crate::engine::docker::error_mapping;
use crate::engine::owner_process;
use crate::release::{Lease, LeaseOwner, LeaseVerdict, ObservedLease, Record};
use crate::target::TargetError;

const FILE: &str = "lease.json";
/// A lease that is not recorded under by then says who holds it in a write of its own.
const WRITTEN_BY: Duration = Duration::from_millis(300);
/// How often a race for the name is run again before the other side is believed to hold it.
const ROUNDS: usize = 40;
/// How often a lease of unknown owner is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(250);

/// What the holder says of itself in the volume. Times are the engine's, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseFile {
    /// The helper it was written for: a file of another lease says nothing about this one.
    id: String,
    owner: LeaseOwner,
    acquired_at: i64,
    heartbeat: i64,
    released: bool,
}

/// One attempt's end.
enum Attempt {
    Won { id: String, running: bool },
    Lost,
}

impl DockerEngine {
    pub(in crate::engine::docker) async fn take_lease(
        &self,
        project: &str,
        owner: &LeaseOwner,
    ) -> Result<Lease, TargetError> {
        let mut taken_over = None;
        for _ in 0..ROUNDS {
            let helpers = self.helpers(project).await?;
            let attempt = match helpers.iter().find(|helper| helper.held) {
                Some(held) => {
                    // Given back or broken while we looked: the next round finds out who has it.
                    let Some(observed) = self.settled(project, held).await? else { continue };
                    if observed.verdict == LeaseVerdict::Alive {
                        return Err(TargetError::Locked { project: project.to_owned(), holder: Box::new(observed) });
                    }
                    self.remove_helper(&held.id).await?;
                    taken_over = observed.owner;
                    self.create_held(project).await?
                }
                None => match helpers.first() {
                    Some(free) => self.rename_to_held(project, free).await?,
                    None => self.create_held(project).await?,
                },
            };
            if let Attempt::Won { id, running } = attempt {
                let lease = Lease { project: project.to_owned(), id, owner: owner.clone(), taken_over };
                self.won(&lease, running);
                return Ok(lease);
            }
            // The name may belong to a helper that the engine is still removing.
            tokio::time::sleep(LOOK).await;
        }
        let observed = self.found_lease(project).await?.unwrap_or_default();
        Err(TargetError::Locked { project: project.to_owned(), holder: Box::new(observed) })
    }

    async fn create_held(&self, project: &str) -> Result<Attempt, TargetError> {
        let created = self.create_helper(project, &held_name(project)).await?;
        Ok(created.map_or(Attempt::Lost, |id| Attempt::Won { id, running: false }))
    }

    async fn rename_to_held(&self, project: &str, free: &Helper) -> Result<Attempt, TargetError> {
        match self.rename_helper(&free.id, &held_name(project)).await {
            // A dead client's request may be removing it, which the engine says from the beginning of the removal on.
            Ok(()) => match self.holds(project, &free.id).await? {
                true => Ok(Attempt::Won { id: free.id.clone(), running: free.running }),
                false => {
                    self.remove_helper(&free.id).await?;
                    Ok(Attempt::Lost)
                }
            },
            // Taken by another (409, or 400 when it is this very container), or removed under our hands.
            Err(TargetError::Refused { .. } | TargetError::NotFound { .. }) => Ok(Attempt::Lost),
            Err(error) => Err(error),
        }
    }

    async fn rename_helper(&self, id: &str, name: &str) -> Result<(), TargetError> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        let renamed = self.connection.api.rename_container(id, options).await;
        renamed.map_err(|e| error_mapping::map(&self.connection, &format!("renaming a container to {name}"), e))
    }

    /// The name is ours. Saying so in the volume and starting a new helper go on in the background.
    fn won(&self, lease: &Lease, running: bool) {
        let (id, owner) = (lease.id.clone(), lease.owner.clone());
        let now = self.connection.engine_now().unix_timestamp();
        let file = LeaseFile { id: id.clone(), owner, acquired_at: now, heartbeat: now, released: false };
        let written = Arc::new(Notify::new());
        let task = tokio::spawn(self.clone().settle_in((id.clone(), running), Arc::clone(&written)));
        let held = Held { since: now, unwritten: Some(encode(&file)), written, task: Some(task) };
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(id, held);
    }

    /// Says who holds the lease unless the first record does, then starts a new helper: a start keeps the engine from
    /// taking files, so it comes last.
    async fn settle_in(self, (id, running): (String, bool), written: Arc<Notify>) -> Result<(), TargetError> {
        let _ = tokio::time::timeout(WRITTEN_BY, written.notified()).await;
        let written = match self.unwritten(&id) {
            Some(file) => helper::write(&self.connection, &id, &[Entry::File(FILE, &file)]).await,
            None => Ok(()),
        };
        if !running {
            helper::start(&self.connection, &id).await;
        }
        written
    }

    /// The lease's file before its holder has written it; the reader writes it then.
    fn unwritten(&self, id: &str) -> Option<Vec<u8>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get_mut(id)?.unwritten.take()
    }

    /// Writes files into the state, and with the first of them who holds the lease.
    pub(super) async fn write_held(&self, lease: &Lease, entries: &[Entry<'_>]) -> Result<(), TargetError> {
        let unwritten = self.unwritten(&lease.id);
        let mut all = entries.to_vec();
        if let Some(file) = &unwritten {
            all.push(Entry::File(FILE, file));
        }
        let written = helper::write(&self.connection, &lease.id, &all).await;
        if let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&lease.id) {
            held.written.notify_one();
        }
        written.map_err(|e| lost_if_gone(e, lease))
    }

    /// Waits for what `won` left to do.
    pub(super) async fn background_done(&self, lease: &Lease) -> Result<(), TargetError> {
        let task =
            self.held.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&lease.id).and_then(|h| h.task.take());
        match task {
            Some(task) => task.await.unwrap_or(Ok(())).map_err(|e| lost_if_gone(e, lease)),
            None => Ok(()),
        }
    }

    /// A held lease, watched while its owner is unknown: whoever just took the name says so within moments, and what
    /// stays silent for the time to live is dead.
    async fn settled(&self, project: &str, held: &Helper) -> Result<Option<ObservedLease>, TargetError> {
        let deadline = Instant::now() + LeaseVerdict::TIME_TO_LIVE;
        loop {
            let mut observed = self.lease_of(project, held).await?;
            if observed.verdict != LeaseVerdict::Unknown {
                return Ok(Some(observed));
            }
            if Instant::now() >= deadline {
                observed.verdict = LeaseVerdict::Dead;
                return Ok(Some(observed));
            }
            tokio::time::sleep(LOOK).await;
            let still = self.helpers(project).await?.into_iter().any(|now| now.held && now.id == held.id);
            if !still {
                return Ok(None);
            }
        }
    }

    async fn lease_of(&self, project: &str, held: &Helper) -> Result<ObservedLease, TargetError> {
        let unknown = ObservedLease { project: project.to_owned(), id: held.id.clone(), ..ObservedLease::default() };
        let files = match helper::read(&self.connection, &held.id, FILE).await {
            Ok(files) => files,
            Err(TargetError::NotFound { .. }) => return Ok(unknown),
            // A helper that the engine is removing answers with whatever it has already lost.
            Err(TargetError::Refused { .. } | TargetError::Broken { .. }) => return Ok(unknown),
            Err(error) => return Err(error),
        };
        let file = files.get(FILE).and_then(|bytes| serde_json::from_slice::<LeaseFile>(bytes).ok());
        let Some(file) = file.filter(|file| file.id == held.id && !file.released) else { return Ok(unknown) };
        let now = self.connection.engine_now();
        let (held_for, silent_for) = (since(now, file.acquired_at), since(now, file.heartbeat));
        Ok(ObservedLease {
            verdict: LeaseVerdict::judge(Some(silent_for), owner_process::is_gone(&file.owner)),
            owner: Some(file.owner),
            held_seconds: Some(held_for.as_secs()),
            heartbeat_age_seconds: Some(silent_for.as_secs()),
            ..unknown
        })
    }

    pub(in crate::engine::docker) async fn renew_lease(&self, lease: &Lease) -> Result<(), TargetError> {
        self.background_done(lease).await?;
        self.still_ours(lease).await?;
        self.write_lease_file(lease, false).await
    }

    pub(in crate::engine::docker) async fn still_ours(&self, lease: &Lease) -> Result<(), TargetError> {
        let held = self.holds(&lease.project, &lease.id).await?;
        if held { Ok(()) } else { Err(TargetError::LeaseLost { project: lease.project.clone() }) }
    }

    /// Whether the helper of this id holds the name and is whole.
    async fn holds(&self, project: &str, id: &str) -> Result<bool, TargetError> {
        Ok(self.helpers(project).await?.into_iter().any(|now| now.held && now.id == id))
    }

    async fn write_lease_file(&self, lease: &Lease, released: bool) -> Result<(), TargetError> {
        self.write_held(lease, &[Entry::File(FILE, &self.lease_file(lease, released))]).await
    }

    /// The lease's file as of now.
    fn lease_file(&self, lease: &Lease, released: bool) -> Vec<u8> {
        self.unwritten(&lease.id);
        let now = self.connection.engine_now().unix_timestamp();
        let acquired_at =
            self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&lease.id).map_or(now, |h| h.since);
        encode(&LeaseFile { id: lease.id.clone(), owner: lease.owner.clone(), acquired_at, heartbeat: now, released })
    }

    /// Gives the lease back, and writes the record of how it ended in the same breath.
    pub(in crate::engine::docker) async fn give_lease_back(
        &self,
        lease: Lease,
        last: Option<&Record>,
    ) -> Result<(), TargetError> {
        self.connection.moments.all_settled().await;
        let _ = self.background_done(&lease).await;
        self.still_ours(&lease).await?;
        // Written before the rename: a held name whose file says "released" has a new holder that is unknown.
        let written = self.lease_file(&lease, true);
        let written = Entry::File(FILE, &written);
        match last.map(Written::of).transpose()? {
            Some(record) => self.write_held(&lease, &[&record.entries()[..], &[written]].concat()).await?,
            None => self.write_held(&lease, &[written]).await?,
        }
        match self.rename_helper(&lease.id, &free_name(&lease.project)).await {
            Ok(()) => Ok(()),
            // There is a free helper already, from a race long ago.
            Err(TargetError::Refused { .. }) => self.remove_helper(&lease.id).await,
            Err(error) => Err(lost_if_gone(error, &lease)),
        }
    }

    pub(in crate::engine::docker) async fn found_lease(
        &self,
        project: &str,
    ) -> Result<Option<ObservedLease>, TargetError> {
        match self.helpers(project).await?.iter().find(|helper| helper.held) {
            Some(held) => self.lease_of(project, held).await.map(Some),
            None => Ok(None),
        }
    }

    /// Removes the lock that was seen and leaves a free helper behind, so that a prune finds the volume in use.
    pub(in crate::engine::docker) async fn force_lease(&self, observed: &ObservedLease) -> Result<(), TargetError> {
        self.remove_helper(&observed.id).await?;
        if let Some(id) = self.create_helper(&observed.project, &free_name(&observed.project)).await? {
            helper::start(&self.connection, &id).await;
        }
        Ok(())
    }
}

fn encode(file: &LeaseFile) -> Vec<u8> {
    serde_json::to_vec(file).unwrap_or_default()
}

fn since(now: OffsetDateTime, then: i64) -> Duration {
    Duration::from_secs(u64::try_from(now.unix_timestamp() - then).unwrap_or(0))
}
