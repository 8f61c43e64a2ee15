//! What a managed proxy does for the services of a stack: the ports it takes over, and why it leaves others alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A port of the proxy that leads to one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The port the proxy listens on, which is that of the host.
    pub listen: u16,
    /// The service.
    pub service: String,
    /// The port it listens on inside its container.
    pub port: u16,
}

/// What a managed proxy does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedProxy {
    /// Without routes in the project file: a listener for each port.
    pub listeners: Vec<Listener>,
    /// Services that keep their ports, with the reason.
    pub kept: BTreeMap<String, String>,
}
