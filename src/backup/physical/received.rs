//! A server whose WAL is received, and what a set says of it.

use super::wal::Physical;
use crate::backup::inside::Inside;
use crate::backup::set::{Manifest, Part, PartKind};

/// Where the volume of the receiver is mounted.
pub const SPOOL: &str = "/var/lib/aictl-wal";
/// The replication slot of the receiver.
pub const SLOT: &str = "aictl_wal";
/// The file with the base backup.
pub const BASE: &str = "base.tar";
/// The file with the received WAL.
pub const WAL: &str = "wal.tar";
/// The name of the fact that says what they hold.
pub const FACT: &str = "physical";

/// A server and its receiver.
pub struct Received<'a> {
    /// The server's container.
    pub server: Inside<'a>,
    /// The receiver.
    pub receiver: Inside<'a>,
    /// The newest complete set with a base backup, and what it has.
    pub previous: Option<(String, Physical)>,
}

/// What a part has for a recovery to a point in time.
fn physical_of(part: &Part) -> Option<Physical> {
    let fact = part.facts.get(FACT).filter(|_| part.kind == PartKind::Postgres)?;
    serde_json::from_str(fact).ok()
}

/// What a service of a set has for a recovery to a point in time.
pub fn physical_in(manifest: &Manifest, service: &str) -> Option<Physical> {
    manifest.part(service).and_then(physical_of)
}
