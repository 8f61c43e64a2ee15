//! The release and the lease as data: records with a format version, who holds the lock and whether it looks alive.
//! Reads and returns values; an older binary refuses newer state.
//! Never talks to an engine: `target::Leases` and `target::Journal` are the traits, `engine/*` the stores.

mod backup_summary;
mod catalogue;
mod evidence;
mod explanation;
mod helm;
mod history;
mod lease;
mod left_stopped;
mod migration;
mod operation_status;
mod past_release;
mod record;
mod release_name;
mod revision;
mod state_document;
mod step;
mod unfinished_restore;

pub use backup_summary::{BackupSummary, KnownSet, ProvenSet};
pub use catalogue::{Catalogue, SchemaChange};
pub use evidence::Evidence;
pub use explanation::{Section, explanation};
pub use helm::{HelmHook, HelmInfo, HelmRecordError, HelmRelease, HelmStatus};
pub use history::{PastOperation, history, releases};
pub use lease::{Lease, LeaseOwner, LeaseVerdict, ObservedLease};
pub use left_stopped::left_stopped;
pub use migration::{Migration, SchemaHead};
pub use operation_status::OperationStatus;
pub use past_release::{Fallback, PastRelease, Skipped, dropped, fallback, gone};
pub use record::{FORMAT, Record, RecordError, RecordPhase};
pub use release_name::ReleaseName;
pub use revision::{Release, ReleaseBackup, ReleaseCause, ReleaseStatus, ReleasedService, SecretVersion, Side};
pub use state_document::StateDocument;
pub use step::{OperationKind, StepOutcome, StepRecord};
pub use unfinished_restore::{UnfinishedRestore, settled, unfinished_restore};
