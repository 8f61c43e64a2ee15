//! State of a project on the target: lease, journal and their retirement.
//! Every change requires the lease; only its holder writes to the journal.
//! Retiring with the history leaves no state behind.

use async_trait::async_trait;

use super::TargetError;
use crate::release::{Lease, LeaseOwner, ObservedLease, Record, StateDocument};

/// The lease of a project, which excludes concurrent changes.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the lease or says who holds it. A lease whose owner is dead is taken over; `taken_over` then says whose.
    async fn acquire(&self, project: &str, owner: &LeaseOwner) -> Result<Lease, TargetError>;

    /// Proves that the lease is still ours and renews its heartbeat; `LeaseLost` otherwise.
    async fn renew(&self, lease: &Lease) -> Result<(), TargetError>;

    /// Proves that the lease is still ours, without a heartbeat; `LeaseLost` otherwise.
    async fn prove(&self, lease: &Lease) -> Result<(), TargetError> {
        self.renew(lease).await
    }

    /// Gives the lease back. Releasing a lost lease is an error and does not affect its new holder.
    async fn release(&self, lease: Lease) -> Result<(), TargetError>;

    /// Who holds the lease, if anybody.
    async fn observe_lease(&self, project: &str) -> Result<Option<ObservedLease>, TargetError>;

    /// Removes exactly the lease that was observed.
    async fn break_lease(&self, observed: &ObservedLease) -> Result<(), TargetError>;
}

/// Records of the operations on a project.
#[async_trait]
pub trait Journal: Leases {
    /// Appends one record.
    async fn record(&self, lease: &Lease, record: &Record) -> Result<(), TargetError>;

    /// All records, oldest first; torn ones are left out.
    async fn load_records(&self, project: &str) -> Result<Vec<Record>, TargetError>;

    /// Stores the configuration of a release, readable by the owner of the state alone: it holds the values of secrets.
    /// Empty bytes drop it.
    async fn store_configuration(&self, lease: &Lease, revision: u32, bytes: &[u8]) -> Result<(), TargetError>;

    /// The configuration of a release; none where it was never stored or was dropped.
    async fn load_configuration(&self, project: &str, revision: u32) -> Result<Option<Vec<u8>>, TargetError>;

    /// Replaces a document of the project's state.
    async fn store_document(&self, _lease: &Lease, document: StateDocument, _bytes: &[u8]) -> Result<(), TargetError> {
        let reason = "it keeps no such document".to_owned();
        Err(TargetError::CannotPerform { operation: format!("record {}", document.words()), reason })
    }

    /// A document of the project's state; none where it was never stored.
    async fn load_document(&self, _project: &str, _document: StateDocument) -> Result<Option<Vec<u8>>, TargetError> {
        Ok(None)
    }

    /// The number of the last operation when the target can say, faster than by all records, that it ended; else `None`.
    async fn last_ended(&self, _lease: &Lease) -> Result<Option<u32>, TargetError> {
        Ok(None)
    }

    /// Appends the record of how it ended and gives the lease back; one request where the target can.
    async fn finish(&self, lease: Lease, last: &Record) -> Result<(), TargetError> {
        self.record(&lease, last).await?;
        self.release(lease).await
    }
}

/// Existence and removal of a project's state.
#[async_trait]
pub trait ProjectState: Send + Sync {
    /// Whether the target holds state of the project: what runs for it there, and with `history` its records too.
    async fn has_state(&self, project: &str, history: bool) -> Result<bool, TargetError>;

    /// Whatever of `retire` can be done while the last resources of the stack are still going away.
    async fn prepare_to_retire(&self, _lease: &Lease) {}

    /// Ends the lease where the whole stack went away: what the state needs on the engine besides its data is removed,
    /// and with `forget` the data, so that nothing of the project is left.
    async fn retire(&self, lease: Lease, forget: bool) -> Result<(), TargetError>;
}
