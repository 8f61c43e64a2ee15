//! What the container of a data service may have been made as.

use crate::plan::MadeAs;

/// What a service is wanted as, and what else its container may have been made as.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KeptContainer {
    /// What the configuration wants.
    pub(super) wanted: MadeAs,
    /// What earlier ones wanted.
    pub(super) accepted: Vec<MadeAs>,
}
