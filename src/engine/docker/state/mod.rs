//! The project's state on the engine: one helper container holds the volume with the records, and its name is the lock.
//! Reads and writes small files in the volume through the archive API; returns leases and records.
//! Never needs a shell, a registry or a bind mount, and never carries a label Compose would look at.
//!
//! `PROJECT-aictl-state` is free, `PROJECT-aictl-lock` is held: the engine makes names unique, so of two renames or
//! creations one wins. The container's id is the fencing token: a lease taken over has another id, and writes through
//! the old one fail. It runs, so that `docker system prune -af --volumes` removes neither it nor the volume.

mod helper;
mod image;
mod lease;
mod records;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::target::TargetError;

/// The leases this process holds, by id.
pub(super) type HeldLeases = Arc<Mutex<HashMap<String, Held>>>;

/// What is remembered of a lease while it is held.
pub(super) struct Held {
    /// When it was taken, engine time in seconds since 1970.
    since: i64,
    /// The file that says who holds it, until it is written.
    unwritten: Option<Vec<u8>>,
    /// Told when it is.
    written: Arc<Notify>,
    /// What is still to be done while the lease is already in use.
    task: Option<JoinHandle<Result<(), TargetError>>>,
}

/// The label that says what a helper of ours is for.
pub(super) const ROLE: &str = "io.aictl.role";
/// Where the volume is mounted in the helper container.
const FOLDER: &str = "/state";

fn volume_name(project: &str) -> String {
    format!("{project}_aictl")
}

fn free_name(project: &str) -> String {
    format!("{project}-aictl-state")
}

fn held_name(project: &str) -> String {
    format!("{project}-aictl-lock")
}
