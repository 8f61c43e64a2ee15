//! Backups: a repository in restic's format, sets of snapshots in it, and the data services that are dumped and restored.
//! Data flows as streams that are pulled; the repository works on threads of its own.

mod address;
mod altered;
mod blocking;
mod comparing;
mod damage;
#[cfg(test)]
mod damage_tests;
mod database_settings;
pub mod elasticsearch;
mod error;
mod file_check;
mod http_api;
mod inside;
mod lock;
pub mod migration_watch;
mod needed;
mod pack;
pub mod physical;
mod plain_file;
pub mod postgres;
mod prune;
mod psql;
pub mod qdrant;
pub mod queries;
mod read;
pub mod redis;
pub mod references;
mod repository;
mod retention;
pub mod schema;
mod sealed;
mod set;
mod set_check;
mod shrinkage;
mod sql_text;
mod state;
mod store;
pub mod table_counts;
#[cfg(test)]
mod tests;
mod verify;
pub mod volume;
mod write;

pub use address::Address;
pub use altered::damaged_packs;
pub use damage::Damage;
pub use error::BackupError;
pub use http_api::HttpApi;
pub use inside::Inside;
pub use lock::{HeldLock, LockKind, LockOwner, is_alive};
pub use needed::{AffectedSet, LostFiles};
pub use plain_file::{FileFormat, PlainFile};
pub use prune::Freed;
pub use read::{FoundSets, LoadedSet, StoredPart};
pub use repository::{Access, Location, Repository};
pub use retention::reasons;
pub use set::{
    CONFIGURATION, FORMAT, FoundSet, MANIFEST, Manifest, Part, PartFile, PartKind, SAFETY, SetId, SnapshotFacts, skew,
};
pub use set_check::{Finding, SetCheck};
pub use shrinkage::shrinkage;
pub use state::{SetState, preferred};
pub use store::S3Credentials;
pub use verify::FileCheck;
pub use write::{PartSnapshot, StoredFile};
