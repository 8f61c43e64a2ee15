//! A planned deploy or rollback.

use std::collections::BTreeSet;

use crate::error::ErrorKind;
use crate::plan::PullPolicy;
use crate::release::ReleaseCause;
use crate::session::deploy::configuration::Configuration;
use crate::session::one_off::NamedTask;

/// A planned deploy or rollback.
pub struct Shipment {
    /// The verb.
    pub operation: &'static str,
    /// Where the configuration comes from.
    pub cause: ReleaseCause,
    /// The operator's words.
    pub message: Option<String>,
    /// The configuration to start.
    pub configuration: Configuration,
    /// Tasks before new containers.
    pub tasks: Vec<NamedTask>,
    /// Build images first.
    pub build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// Remove containers of services that the configuration does not have.
    pub remove_orphans: bool,
    /// Services of the present release that this one does not have.
    pub dropped_services: BTreeSet<String>,
    /// Whether a bake that saw nothing fails.
    pub strict: bool,
    /// The exit code of a failure after which the old release serves.
    pub failed: ErrorKind,
}
