//! Dumps and restores of data, and passwords of services: the executor hands them to the session, which has the backup
//! repository and knows the clients of the services.

use async_trait::async_trait;
use tokio::sync::watch;

use crate::event::Reporter;
use crate::plan::{DataOperation, Outcome};
use crate::target::TargetError;

/// Dumps and restores the data of services.
#[async_trait]
pub trait DataRunner: Send + Sync {
    /// Carries out one operation. The number ties progress events to the caller's step. `None`: it was stopped.
    async fn run_data(
        &self,
        operation: &DataOperation,
        progress: (usize, &dyn Reporter),
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError>;
}
