//! An engine inside this process: the same traits over a world of plain data, with faults and time under control.
//! Reads and changes a `World` shared by its handles; a handle can be made to fail or to die at its n-th effect.
//! Never touches a real engine; containers run a shell of a dozen words.

mod copy;
mod dial;
mod engine;
mod perform;
mod proxy;
mod server;
mod shell;
mod store;
mod streams;
mod world;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use crate::plan::{Change, Health, Operation};
use crate::target::{Capability, TargetError};
use world::World;

/// What happens at a scripted effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The effect does not happen and this error is returned.
    Refuse(TargetError),
    /// The process is killed before the effect.
    DieBefore,
    /// The process is killed after the effect and before its answer.
    DieAfter,
    /// Ctrl-C comes while the effect is under way; it happens all the same.
    Interrupt,
}

/// One process's handle on the world.
#[derive(Clone)]
pub struct MemoryEngine {
    world: Arc<Mutex<World>>,
    changes: broadcast::Sender<(String, Change)>,
    handle: Arc<Handle>,
    lacking: Vec<Capability>,
}

#[derive(Default)]
struct Handle {
    effects: AtomicUsize,
    dead: AtomicBool,
    faults: Mutex<Vec<(usize, Fault)>>,
    names: Mutex<Vec<String>>,
    pids: Mutex<Vec<u32>>,
    interrupt: watch::Sender<bool>,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryEngine {
    /// An empty world.
    pub fn new() -> Self {
        let (changes, _) = broadcast::channel(1024);
        Self { world: Arc::default(), changes, handle: Arc::default(), lacking: Vec::new() }
    }

    /// Another process's handle on the same world: alive, without faults, its count at zero.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { handle: Arc::default(), ..self.clone() }
    }

    /// An engine of its own in the same state: what happens to either is not seen by the other.
    #[must_use]
    pub fn copied(&self) -> Self {
        let world = self.world().clone();
        Self { world: Arc::new(Mutex::new(world)), lacking: self.lacking.clone(), ..Self::new() }
    }

    /// The same engine without a capability.
    #[must_use]
    pub fn without(mut self, capability: Capability) -> Self {
        self.lacking.push(capability);
        self
    }

    fn has(&self, capability: Capability) -> bool {
        !self.lacking.contains(&capability)
    }

    /// The same engine with an image in it.
    #[must_use]
    pub fn with_image(self, reference: &str) -> Self {
        self.world().add_image(reference);
        self
    }

    /// The same engine with a source that gives every image, in the words of `ImageSource`: `registry docker.io`.
    #[must_use]
    pub fn with_source(self, words: &str) -> Self {
        self.world().offers.insert(words.to_owned());
        self
    }

    /// Names of all images.
    pub fn image_names(&self) -> Vec<String> {
        self.world().images.keys().cloned().collect()
    }

    /// Removes a name of an image, as another tool would.
    pub fn forget_image(&self, name: &str) {
        self.world().images.remove(name);
    }

    /// Scripts a fault: effects are performed operations, records, and lease changes, counted from 1.
    #[must_use]
    pub fn fault_at(self, effect: usize, fault: Fault) -> Self {
        self.handle.faults.lock().unwrap_or_else(PoisonError::into_inner).push((effect, fault));
        self
    }

    /// How many effects this handle had or was refused.
    pub fn effects(&self) -> usize {
        self.handle.effects.load(Ordering::SeqCst)
    }

    /// What those effects were, in words: `create container web-api-1`, `take the lock`.
    pub fn effect_names(&self) -> Vec<String> {
        self.handle.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process behind this handle ended: leases it still holds are known to be a dead process's.
    pub fn end(&self) {
        self.die();
    }

    /// Turns true at a scripted Ctrl-C.
    pub fn interruption(&self) -> watch::Receiver<bool> {
        self.handle.interrupt.subscribe()
    }

    /// Whether a scripted fault has killed this handle.
    pub fn is_dead(&self) -> bool {
        self.handle.dead.load(Ordering::SeqCst)
    }

    /// Every operation that had its effect, by any handle.
    pub fn performed(&self) -> Vec<Operation> {
        self.world().performed.clone()
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        self.world().now += time;
    }

    /// The verdict of the health check of every container of a service from its next start on.
    pub fn set_health(&self, service: &str, health: Health) {
        self.world().health.insert(service.to_owned(), health);
    }

    /// Replaces the stored configuration of a release; an empty one is as good as removed.
    pub fn set_configuration(&self, project: &str, revision: u32, bytes: &[u8]) {
        self.world().configurations.insert((project.to_owned(), revision), bytes.to_vec());
    }

    /// How containers of a service end right after every start: with this code.
    pub fn set_exit(&self, service: &str, code: i64) {
        self.world().exits.insert(service.to_owned(), code);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names of the containers by id.
    fn names(&self) -> std::collections::BTreeMap<String, String> {
        self.world().containers.iter().map(|(id, c)| (id.clone(), c.seen.name.clone())).collect()
    }

    fn alive(&self) -> Result<(), TargetError> {
        if self.is_dead() { Err(killed()) } else { Ok(()) }
    }

    /// Runs one effect under the script.
    fn effect<T>(
        &self,
        name: String,
        act: impl FnOnce(&mut World) -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        self.alive()?;
        self.handle.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        let number = self.handle.effects.fetch_add(1, Ordering::SeqCst) + 1;
        let faults = self.handle.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| fault.clone());
        drop(faults);
        match fault {
            Some(Fault::Refuse(error)) => Err(error),
            Some(Fault::DieBefore) => Err(self.die()),
            Some(Fault::DieAfter) => {
                let _ = self.told(act);
                Err(self.die())
            }
            Some(Fault::Interrupt) => {
                self.handle.interrupt.send_replace(true);
                self.told(act)
            }
            None => self.told(act),
        }
    }

    /// Runs a change and notifies watchers.
    fn told<T>(&self, act: impl FnOnce(&mut World) -> Result<T, TargetError>) -> Result<T, TargetError> {
        let mut world = self.world();
        let answer = act(&mut world);
        for (project, id, kind) in world.told.drain(..) {
            // Nobody watching is no failure.
            let _ = self.changes.send((project, Change { id, kind }));
        }
        answer
    }

    fn die(&self) -> TargetError {
        self.handle.dead.store(true, Ordering::SeqCst);
        let pids = self.handle.pids.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.world().dead.extend(pids);
        killed()
    }
}

fn killed() -> TargetError {
    TargetError::Broken { operation: "calling the engine".to_owned(), message: "the process was killed".to_owned() }
}
