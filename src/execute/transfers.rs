//! Transfers of images: the executor hands them to the session, which is connected to both engines.

use async_trait::async_trait;
use tokio::sync::watch;

use crate::event::Reporter;
use crate::plan::{ImageTransfer, Outcome};
use crate::target::TargetError;

/// Sends images of another engine.
#[async_trait]
pub trait TransferRunner: Send + Sync {
    /// Sends an image and verifies it before it gets its name. The number ties progress events to the caller's step. `None`: it
    /// was stopped.
    async fn transfer(
        &self,
        transfer: &ImageTransfer,
        progress: (usize, &dyn Reporter),
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError>;
}
