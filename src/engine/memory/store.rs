//! Leases and records in memory.
//! Reads and changes the world under one lock, so that exactly one contender wins.
//! Never takes a lease whose owner may live.

use async_trait::async_trait;

use super::MemoryEngine;
use super::world::{HeldLease, World, refused};
use crate::plan::ObservedImage;
use crate::release::{Lease, LeaseOwner, LeaseVerdict, ObservedLease, Record, StateDocument};
use crate::target::{ByteStream, Images, Journal, Leases, ProjectState, TargetError};

fn observed(world: &World, held: &HeldLease) -> ObservedLease {
    let silent = world.now.saturating_sub(held.heartbeat);
    ObservedLease {
        project: held.lease.project.clone(),
        id: held.lease.id.clone(),
        owner: Some(held.lease.owner.clone()),
        other_program: None,
        held_seconds: Some(world.now.saturating_sub(held.since).as_secs()),
        heartbeat_age_seconds: Some(silent.as_secs()),
        verdict: LeaseVerdict::judge(Some(silent), world.dead.contains(&held.lease.owner.pid)),
    }
}

fn ours(world: &World, lease: &Lease) -> Result<(), TargetError> {
    match world.leases.get(&lease.project) {
        Some(held) if held.lease.id == lease.id => Ok(()),
        _ => Err(TargetError::LeaseLost { project: lease.project.clone() }),
    }
}

#[async_trait]
impl Images for MemoryEngine {
    async fn observe_images(&self) -> Result<Vec<ObservedImage>, TargetError> {
        self.alive()?;
        let named = |(name, image): (&String, &ObservedImage)| ObservedImage {
            references: vec![name.clone()],
            ..image.clone()
        };
        Ok(self.world().images.iter().map(named).collect())
    }

    async fn export_images(&self, _: &[String]) -> Result<ByteStream, TargetError> {
        Err(refused("exporting images", 0, "images in memory have no layers"))
    }

    async fn import_images(&self, _: ByteStream) -> Result<(), TargetError> {
        Err(refused("loading images", 0, "images in memory have no layers"))
    }

    async fn observe_layers(&self) -> Result<Vec<ObservedImage>, TargetError> {
        self.observe_images().await
    }

    async fn check_image(&self, id: &str, _: &[String]) -> Result<(), TargetError> {
        let found = self.world().image(id).map(drop);
        found.ok_or_else(|| TargetError::NotFound { kind: "image", name: id.to_owned() })
    }

    async fn registry_digest(&self, reference: &str) -> Result<String, TargetError> {
        Err(refused(format!("resolving the digest of {reference}"), 0, "an engine in memory asks no registry"))
    }
}

#[async_trait]
impl Leases for MemoryEngine {
    async fn acquire(&self, project: &str, owner: &LeaseOwner) -> Result<Lease, TargetError> {
        self.handle.pids.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(owner.pid);
        self.effect("take the lock".to_owned(), |world| {
            let mut taken_over = None;
            if let Some(held) = world.leases.get(project) {
                let found = observed(world, held);
                if found.verdict != LeaseVerdict::Dead {
                    return Err(TargetError::Locked { project: project.to_owned(), holder: Box::new(found) });
                }
                taken_over = found.owner;
            }
            let lease = Lease { project: project.to_owned(), id: world.id(), owner: owner.clone(), taken_over };
            let held = HeldLease { lease: lease.clone(), since: world.now, heartbeat: world.now };
            world.leases.insert(project.to_owned(), held);
            world.helpers.insert(project.to_owned());
            Ok(lease)
        })
    }

    async fn renew(&self, lease: &Lease) -> Result<(), TargetError> {
        self.alive()?;
        let mut world = self.world();
        ours(&world, lease)?;
        let now = world.now;
        if let Some(held) = world.leases.get_mut(&lease.project) {
            held.heartbeat = now;
        }
        Ok(())
    }

    async fn release(&self, lease: Lease) -> Result<(), TargetError> {
        self.effect("give the lock back".to_owned(), |world| {
            ours(world, &lease)?;
            world.leases.remove(&lease.project);
            Ok(())
        })
    }

    async fn observe_lease(&self, project: &str) -> Result<Option<ObservedLease>, TargetError> {
        self.alive()?;
        let world = self.world();
        Ok(world.leases.get(project).map(|held| observed(&world, held)))
    }

    async fn break_lease(&self, broken: &ObservedLease) -> Result<(), TargetError> {
        self.effect("break the lock".to_owned(), |world| {
            if world.leases.get(&broken.project).is_some_and(|held| held.lease.id == broken.id) {
                world.leases.remove(&broken.project);
            }
            Ok(())
        })
    }
}

#[async_trait]
impl Journal for MemoryEngine {
    async fn record(&self, lease: &Lease, record: &Record) -> Result<(), TargetError> {
        self.effect(format!("record {} {}", record.operation, record.phase.word()), |world| {
            ours(world, lease)?;
            let records = world.records.entry(lease.project.clone()).or_default();
            // A record of the same name is one file.
            match records.iter_mut().find(|r| r.file_name() == record.file_name()) {
                Some(earlier) => *earlier = record.clone(),
                None => records.push(record.clone()),
            }
            Ok(())
        })
    }

    async fn store_configuration(&self, lease: &Lease, revision: u32, bytes: &[u8]) -> Result<(), TargetError> {
        self.effect(format!("record configuration {revision}"), |world| {
            ours(world, lease)?;
            world.configurations.insert((lease.project.clone(), revision), bytes.to_vec());
            Ok(())
        })
    }

    async fn load_configuration(&self, project: &str, revision: u32) -> Result<Option<Vec<u8>>, TargetError> {
        self.alive()?;
        let found = self.world().configurations.get(&(project.to_owned(), revision)).cloned();
        Ok(found.filter(|bytes| !bytes.is_empty()))
    }

    async fn store_document(&self, lease: &Lease, document: StateDocument, bytes: &[u8]) -> Result<(), TargetError> {
        self.effect(format!("record {}", document.words()), |world| {
            ours(world, lease)?;
            world.documents.insert((lease.project.clone(), document), bytes.to_vec());
            Ok(())
        })
    }

    async fn load_document(&self, project: &str, document: StateDocument) -> Result<Option<Vec<u8>>, TargetError> {
        self.alive()?;
        Ok(self.world().documents.get(&(project.to_owned(), document)).cloned())
    }

    async fn load_records(&self, project: &str) -> Result<Vec<Record>, TargetError> {
        self.alive()?;
        Ok(self.world().records.get(project).cloned().unwrap_or_default())
    }
}

#[async_trait]
impl ProjectState for MemoryEngine {
    async fn has_state(&self, project: &str, history: bool) -> Result<bool, TargetError> {
        self.alive()?;
        let world = self.world();
        Ok(world.helpers.contains(project) || (history && world.records.contains_key(project)))
    }

    async fn retire(&self, lease: Lease, forget: bool) -> Result<(), TargetError> {
        self.effect("retire the state".to_owned(), |world| {
            ours(world, &lease)?;
            world.leases.remove(&lease.project);
            world.helpers.remove(&lease.project);
            if forget {
                world.records.remove(&lease.project);
                world.documents.retain(|(project, _), _| *project != lease.project);
                world.configurations.retain(|(project, _), _| *project != lease.project);
            }
            Ok(())
        })
    }
}
