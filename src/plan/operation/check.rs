//! Operations that run a check of the stack, such as a request that a new container must answer.
//! Data and its description; the session runs it, because only it knows what the check by that name asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::description::{Description, Names, container_name};
use crate::release::OperationKind;

/// Time beyond the timeout for an attempt that is under way.
const MARGIN: Duration = Duration::from_secs(5);
/// The same for the last look of a bake, which repeats every check.
const BAKE_MARGIN: Duration = Duration::from_secs(60);

/// How the new containers of a deploy are watched after the switch, while the old ones stay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bake {
    /// Names of the checks that are repeated.
    pub checks: Vec<String>,
    /// The new containers by service, by name or id.
    pub containers: BTreeMap<String, String>,
    /// The proxy whose responses are counted, if any.
    pub proxy: Option<String>,
    /// How long.
    pub window: Duration,
    /// When requests were switched, RFC 3339 by the engine's clock; none where the switch is a step of the same plan.
    pub since: Option<String>,
}

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
    /// Repeats the checks and watches containers, responses and alerts for a while.
    Bake(Bake),
}

impl CheckOperation {
    /// The operation in words.
    pub fn describe(&self, names: &Names) -> Description {
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
            Self::Bake(Bake { containers, window, .. }) => {
                let new: Vec<String> = containers.values().map(|c| container_name(c, names)).collect();
                Description {
                    kind: OperationKind::Bake,
                    infinitive: "bake",
                    participle: "Baked",
                    subject: format!("{} for {}s", new.join(", "), window.as_secs()),
                    service: None,
                    deadline: *window + BAKE_MARGIN,
                }
            }
        }
    }

    /// The containers it names, for replacing names by ids.
    pub fn containers_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Run { containers, .. } | Self::Bake(Bake { containers, .. }) => containers.values_mut().collect(),
        }
    }
}
