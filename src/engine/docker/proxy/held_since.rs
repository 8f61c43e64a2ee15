//! When this process began to hold requests. Shared by all clones of the engine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// When this process began to hold requests.
#[derive(Clone, Default)]
pub(in crate::engine::docker) struct HeldSince(Arc<Mutex<Option<Instant>>>);

impl HeldSince {
    /// Remembers it, and returns what was remembered.
    pub(super) fn set(&self, since: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), since)
    }
}
