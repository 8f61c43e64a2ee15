//! What is known besides the spec of a container, and the refusal of a spec.
//! Data only.
//! Looked up by whoever asks for the translation.

use crate::plan::{ContainerSpec, EngineInfo};
use crate::target::TargetError;

/// What is known besides the spec.
pub(in crate::engine::docker) struct Surroundings<'a> {
    /// The engine, for its API version.
    pub(in crate::engine::docker) engine: &'a EngineInfo,
    /// `container:alias`, resolved from the service's links.
    pub(in crate::engine::docker) links: &'a [String],
}

/// The engine would refuse this spec.
pub(super) fn refused(spec: &ContainerSpec, message: String) -> TargetError {
    TargetError::Refused { operation: format!("creating container {}", spec.name), status: 0, message }
}
