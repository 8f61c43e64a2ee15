//! Base backups and the WAL of a PostgreSQL server, for a recovery to a point in time. A receiver, a container in the network
//! of the server, streams the WAL into a volume; each set stores a base backup and what was received.

mod base;
mod received;
mod recovery;
mod spool;
mod wal;

pub use base::{StoredBase, base, wal};
pub use received::{BASE, FACT, Received, SLOT, SPOOL, WAL, physical_in};
pub use recovery::{Archives, Target, recover};
pub use spool::{RECEIVE, prepare, release, tidy, user};
pub use wal::{Physical, Reach, Segment, missing, reach};
