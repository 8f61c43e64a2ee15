//! Operations on volumes.
//! Data and its description.
//! Never decides whether data may go.

use serde::Serialize;

use super::description::{Description, ENGINE_CALL};
use super::summary;
use crate::compose::model::Volume;
use crate::release::OperationKind;

/// A change of the volumes of an engine.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeOperation {
    /// Creates a volume of the project.
    Create {
        project: String,
        key: String,
        name: String,
        #[serde(serialize_with = "summary::volume")]
        volume: Box<Volume>,
    },
    /// Removes a volume and its data.
    Remove { name: String },
}

summary::debug_as_serialised!(VolumeOperation);

impl VolumeOperation {
    pub(in crate::plan) fn describe(&self) -> Description {
        let (kind, infinitive, participle, name) = match self {
            Self::Create { name, .. } => (OperationKind::CreateVolume, "create", "Created", name),
            Self::Remove { name } => (OperationKind::RemoveVolume, "remove", "Removed", name),
        };
        let subject = format!("volume {name}");
        Description { kind, infinitive, participle, subject, service: None, deadline: ENGINE_CALL }
    }
}
