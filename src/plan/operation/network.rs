//! Operations on networks.
//! Data and its description.
//! Never decides whether a network is needed.

use serde::Serialize;

use super::description::{Description, ENGINE_CALL};
use super::summary;
use crate::compose::model::Network;
use crate::release::OperationKind;

/// A change of the networks of an engine.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkOperation {
    /// Creates a network of the project. `name` is the name on the engine.
    Create {
        project: String,
        key: String,
        name: String,
        #[serde(serialize_with = "summary::network")]
        network: Box<Network>,
    },
    /// Removes a network.
    Remove { id: String, name: String },
}

summary::debug_as_serialised!(NetworkOperation);

impl NetworkOperation {
    pub(in crate::plan) fn describe(&self) -> Description {
        let (kind, infinitive, participle, name) = match self {
            Self::Create { name, .. } => (OperationKind::CreateNetwork, "create", "Created", name),
            Self::Remove { name, .. } => (OperationKind::RemoveNetwork, "remove", "Removed", name),
        };
        let subject = format!("network {name}");
        Description { kind, infinitive, participle, subject, service: None, deadline: ENGINE_CALL }
    }
}
