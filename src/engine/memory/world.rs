//! The world of the engine in memory: containers, networks, volumes, images, leases, records, and the time.
//! Plain data with the questions asked of it.
//! Never decides what an operation means: `perform` does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::server::Server;
use crate::event::Channel;
use crate::plan::{
    ChangeKind, ContainerSpec, Green, Health, InstanceState, ObservedImage, ObservedInstance, ObservedNetwork,
    ObservedVolume, Operation,
};
use crate::release::{Lease, Record, StateDocument};
use crate::target::TargetError;

/// A change on its way to those who watch: project, container id, what.
type Told = (String, String, ChangeKind);

/// A file inside a container.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredFile {
    pub(super) content: Vec<u8>,
    pub(super) owner: (u64, u64),
    pub(super) mode: u32,
}

/// A container: what is seen of it and what it was created from.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) seen: ObservedInstance,
    pub(super) spec: ContainerSpec,
    pub(super) files: BTreeMap<String, StoredFile>,
    pub(super) log: Vec<(Channel, String)>,
    /// What clients inside it sent to its server.
    pub(super) sent: Vec<String>,
}

/// What the volume of a proxy holds.
#[derive(Debug, Clone, Default)]
pub(super) struct ProxyVolume {
    pub(super) in_use: Option<String>,
    pub(super) staged: Option<String>,
    pub(super) green: Green,
    /// Services whose requests are held.
    pub(super) held: BTreeSet<String>,
    /// Whether clients get the maintenance page.
    pub(super) maintenance: bool,
}

/// A held lease.
#[derive(Debug, Clone)]
pub(super) struct HeldLease {
    pub(super) lease: Lease,
    pub(super) since: Duration,
    pub(super) heartbeat: Duration,
}

#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) containers: BTreeMap<String, Container>,
    pub(super) networks: Vec<ObservedNetwork>,
    pub(super) volumes: Vec<ObservedVolume>,
    pub(super) images: BTreeMap<String, ObservedImage>,
    /// Sources that give images, in words.
    pub(super) offers: BTreeSet<String>,
    pub(super) leases: BTreeMap<String, HeldLease>,
    /// Projects whose state something runs for.
    pub(super) helpers: BTreeSet<String>,
    pub(super) records: BTreeMap<String, Vec<Record>>,
    /// Configurations of releases, by project and revision.
    pub(super) configurations: BTreeMap<(String, u32), Vec<u8>>,
    /// Documents of the state, by project.
    pub(super) documents: BTreeMap<(String, StateDocument), Vec<u8>>,
    /// Volumes of proxies.
    pub(super) proxies: BTreeMap<String, ProxyVolume>,
    pub(super) performed: Vec<Operation>,
    pub(super) health: BTreeMap<String, Health>,
    pub(super) exits: BTreeMap<String, i64>,
    pub(super) servers: BTreeMap<(String, u16), Server>,
    pub(super) dead: BTreeSet<u32>,
    pub(super) told: Vec<Told>,
    counter: u64,
}

impl World {
    /// A fresh id, 64 digits as an engine's, identified by its first twelve as those are.
    pub(super) fn id(&mut self) -> String {
        self.counter += 1;
        format!("{:012x}{:052x}", self.counter, self.counter)
    }

    /// The time as containers see it.
    pub(super) fn time(&self) -> String {
        let stamp = time::OffsetDateTime::UNIX_EPOCH + self.now;
        stamp.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
    }

    pub(super) fn add_image(&mut self, reference: &str) -> String {
        let id = format!("sha256:{}", self.id());
        let image = ObservedImage { id: id.clone(), size: 1, ..ObservedImage::default() };
        self.images.insert(reference.to_owned(), image);
        id
    }

    /// An image by reference or id.
    pub(super) fn image(&self, name: &str) -> Option<&ObservedImage> {
        self.images.get(name).or_else(|| self.images.values().find(|image| image.id == name))
    }

    /// The same; one that is not there is an error.
    pub(super) fn image_or_missing(&self, name: &str) -> Result<ObservedImage, TargetError> {
        self.image(name).cloned().ok_or_else(|| TargetError::NotFound { kind: "image", name: name.to_owned() })
    }

    /// The id behind an id or a name.
    pub(super) fn find(&self, container: &str) -> Result<String, TargetError> {
        let named = |(id, found): &(&String, &Container)| *id == container || found.seen.name == container;
        let found = self.containers.iter().find(named).map(|(id, _)| id.clone());
        found.ok_or_else(|| TargetError::NotFound { kind: "container", name: container.to_owned() })
    }

    pub(super) fn get(&mut self, container: &str) -> Result<&mut Container, TargetError> {
        let id = self.find(container)?;
        let missing = TargetError::NotFound { kind: "container", name: container.to_owned() };
        self.containers.get_mut(&id).ok_or(missing)
    }

    pub(super) fn tell(&mut self, container: &str, kind: ChangeKind) {
        if let Ok(id) = self.find(container) {
            let project = self.containers[&id].spec.project.clone();
            self.told.push((project, id, kind));
        }
    }

    /// The running container that publishes a host port.
    pub(super) fn publisher(&self, port: u16) -> Option<String> {
        let running = self.containers.values().filter(|c| c.seen.state == InstanceState::Running);
        let holder = running.into_iter().find(|c| c.seen.ports.iter().any(|p| p.published == port));
        holder.map(|c| c.seen.name.clone())
    }

    /// A container's process ended.
    pub(super) fn end(&mut self, container: &str, code: i64) -> Result<(), TargetError> {
        let time = self.time();
        let found = self.get(container)?;
        found.seen.state = InstanceState::Exited;
        found.seen.exit_code = Some(code);
        found.seen.finished_at = Some(time);
        found.seen.health = Health::None;
        found.seen.ports.retain_mut(|port| std::mem::take(&mut port.published) == 0);
        self.tell(container, ChangeKind::Died);
        let auto_remove = self.get(container)?.spec.auto_remove;
        if auto_remove {
            self.tell(container, ChangeKind::Removed);
            let id = self.find(container)?;
            self.containers.remove(&id);
        }
        Ok(())
    }
}

pub(super) fn refused(operation: impl Into<String>, status: u16, message: impl Into<String>) -> TargetError {
    TargetError::Refused { operation: operation.into(), status, message: message.into() }
}
