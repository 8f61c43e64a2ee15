//! What is remembered between dials: helpers by network, and the ways that lead nowhere.
//! Data only.
//! Shared by all clones of an engine.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

/// A running helper.
pub(super) struct Helper {
    pub(super) id: String,
    /// While this is open the helper runs.
    pub(super) _input: std::sync::Mutex<TokioIo<Upgraded>>,
}

/// What is remembered between dials: helpers by network, and the ways that lead nowhere.
#[derive(Clone, Default)]
pub(in crate::engine::docker) struct Dialled {
    pub(super) helpers: Arc<tokio::sync::Mutex<HashMap<String, Arc<Helper>>>>,
    pub(super) dead_ends: Arc<Mutex<HashSet<String>>>,
}

impl Dialled {
    pub(super) fn is_dead_end(&self, way: &str) -> bool {
        self.dead_ends.lock().unwrap_or_else(PoisonError::into_inner).contains(way)
    }

    pub(super) fn close(&self, way: &str) {
        self.dead_ends.lock().unwrap_or_else(PoisonError::into_inner).insert(way.to_owned());
    }
}
