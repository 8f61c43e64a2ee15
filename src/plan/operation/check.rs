//! Operations that run a check of the stack, such as a request that a new container must answer.
//! Data and its description; the session runs it, because only it knows what the check by that name asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::description::{Description, Names, container_name};
use crate::release::OperationKind;

/// Time beyond the timeout for an attempt that is under way.
const MARGIN: Duration = Duration::from_secs(5);

/// The run of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOperation {
    /// Runs the check until it passes, at most until the timeout.
    Run {
        /// Name of the check.
        check: String,
        /// The service it is about, if any.
        service: Option<String>,
        /// The only containers that are checked of these services, by name or id.
        containers: BTreeMap<String, String>,
        /// How long it is repeated.
        timeout: Duration,
    },
}

impl CheckOperation {
    pub(in crate::plan) fn describe(&self, names: &Names) -> Description {
        match self {
            Self::Run { check, service, containers, timeout } => {
                let container = service.as_ref().and_then(|service| containers.get(service));
                let container = container.map(|container| format!(" on {}", container_name(container, names)));
                Description {
                    kind: OperationKind::RunCheck,
                    infinitive: "check",
                    participle: "Checked",
                    subject: format!("`{check}`{}", container.unwrap_or_default()),
                    service: service.clone(),
                    deadline: *timeout + MARGIN,
                }
            }
        }
    }

    /// The containers it names, for replacing names by ids.
    pub fn containers_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Run { containers, .. } => containers.values_mut().collect(),
        }
    }
}
