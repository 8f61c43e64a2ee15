//! Work that blocks, on threads of its own.

use super::error::BackupError;

/// Runs blocking work on a thread of its own.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| BackupError::Repository { doing: "work on the repository", reason: error.to_string() })?
}
