//! The heartbeat of a lease: renewed in the background, and proven young before each operation.
//! Reads the lease, writes its heartbeat through `Leases`.
//! Never takes or gives back a lease.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::release::Lease;
use crate::target::{Target, TargetError};

/// How often the heartbeat is written while operations run: a start that watches services for five seconds needs none.
const EVERY: Duration = Duration::from_secs(8);

/// A proof of the lease younger than this needs no new one: an operation takes about as long.
const FRESH: Duration = Duration::from_secs(1);

/// How long one renewal may take before the engine counts as gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// The lease and when it was last proven ours.
pub(super) struct LeaseKeeper<'a> {
    target: &'a dyn Target,
    lease: Result<&'a Lease, &'a str>,
    proven: Mutex<Instant>,
}

impl<'a> LeaseKeeper<'a> {
    /// A pulse for a lease that was just acquired.
    pub(super) fn new(target: &'a dyn Target, lease: &'a Lease) -> Self {
        Self { target, lease: Ok(lease), proven: Mutex::new(Instant::now()) }
    }

    /// No lease of this project: nothing may be changed.
    pub(super) fn without_lease(target: &'a dyn Target, project: &'a str) -> Self {
        Self { target, lease: Err(project), proven: Mutex::new(Instant::now()) }
    }

    fn lease(&self) -> Result<&'a Lease, TargetError> {
        self.lease.map_err(|project| TargetError::LeaseLost { project: project.to_owned() })
    }

    /// Proves that the lease is ours, from memory when that is fresh, else by asking.
    pub(super) async fn prove(&self) -> Result<(), TargetError> {
        let lease = self.lease()?;
        let age = self.proven.lock().map(|at| at.elapsed()).unwrap_or(Duration::MAX);
        if age < FRESH {
            return Ok(());
        }
        self.within_patience(self.target.prove(lease)).await
    }

    /// Proves that the lease is ours by asking, however recent the last proof is: before undoing steps.
    pub(super) async fn prove_now(&self) -> Result<(), TargetError> {
        self.within_patience(self.target.prove(self.lease()?)).await
    }

    async fn within_patience(&self, request: impl Future<Output = Result<(), TargetError>>) -> Result<(), TargetError> {
        let answer = tokio::time::timeout(PATIENCE, request).await;
        answer.map_err(|_| TargetError::TimedOut { what: "renewing the lock".into(), after: PATIENCE })??;
        if let Ok(mut at) = self.proven.lock() {
            *at = Instant::now();
        }
        Ok(())
    }

    /// Renews for ever; ends only with the error that the lease is lost. Other failures are tried again.
    pub(super) async fn beat(&self) -> TargetError {
        let Ok(lease) = self.lease() else { return std::future::pending().await };
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(lost @ TargetError::LeaseLost { .. }) = self.within_patience(self.target.renew(lease)).await {
                return lost;
            }
        }
    }
}
