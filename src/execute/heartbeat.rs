//! Keeping a lease while something other than a plan runs under it.
//! Reads the lease, renews it until the work ends.
//! Never ends the work for a renewal that could not be made, only for a lease that is lost.

use std::future::Future;

use super::lease_keeper::Pulse;
use crate::release::Lease;
use crate::target::{Target, TargetError};

/// Runs the work with the lease's heartbeat kept up. When the lease is lost the work is dropped.
pub async fn with_heartbeat<T>(
    target: &dyn Target,
    lease: &Lease,
    work: impl Future<Output = T>,
) -> Result<T, TargetError> {
    let pulse = Pulse::new(target, lease);
    tokio::select! {
        result = work => Ok(result),
        lost = pulse.beat() => Err(lost),
    }
}
