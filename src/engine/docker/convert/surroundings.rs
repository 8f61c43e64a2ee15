//! Context for translating a container spec, and the error when the engine does not support it.

use crate::plan::{ContainerSpec, EngineInfo};
use crate::target::TargetError;

/// What is known besides the spec.
pub(in crate::engine::docker) struct Surroundings<'a> {
    /// The engine, for its API version.
    pub(in crate::engine::docker) engine: &'a EngineInfo,
    /// `container:alias`, resolved from the service's links.
    pub(in crate::engine::docker) links: &'a [String],
}

/// The engine does not support this spec.
pub(super) fn refused(spec: &ContainerSpec, message: String) -> TargetError {
    TargetError::Refused { operation: format!("creating container {}", spec.name), status: 0, message }
}
