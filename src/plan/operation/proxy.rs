//! Operations on the reverse proxy of a project: an nginx container with our configuration in a volume of its own.
//! Data and its description. The configuration holds the secret of the probe header, so it is serialised as a digest.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::description::{Description, ENGINE_CALL, Names, container_name};
use super::summary;
use crate::release::{OperationKind, Side};

/// Where the proxy's volume is mounted: the directory whose `*.conf` nginx includes.
pub const PROXY_FOLDER: &str = "/etc/nginx/conf.d";
/// The service of a managed proxy, and the key of its volume.
pub const MANAGED_PROXY: &str = "aictl-proxy";
/// See `MANAGED_PROXY`.
pub const MANAGED_PROXY_VOLUME: &str = "aictl_proxy";

/// An answer may come this long after the time an operation was given.
const MARGIN: Duration = Duration::from_secs(5);

/// Services on the green side.
pub type Green = BTreeSet<String>;

/// The folder of a set of sides below the proxy's volume: equal sets have one folder.
pub fn sides_folder(green: &Green) -> String {
    let names: Vec<&str> = green.iter().map(String::as_str).collect();
    format!("sides/{}", &hex::encode(Sha256::digest(names.join("\n")))[..12])
}

/// The name by which the proxy of a project finds the gate that holds requests, and the port the gate listens on.
pub fn gate_name(project: &str) -> String {
    format!("{project}-aictl-gate")
}
/// See `gate_name`.
pub const GATE_PORT: u16 = 8080;

/// Architectures that there is a gate for, as engines name them.
pub const GATE_ARCHITECTURES: [&str; 4] = ["x86_64", "amd64", "aarch64", "arm64"];

/// Which requests are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldScope {
    /// Those that may write: all methods but GET, HEAD and OPTIONS.
    Writes,
    /// All.
    All,
}

impl HoldScope {
    /// The folder of services whose requests are held so, below that of all holds.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::All => "all",
        }
    }
}

/// A request through the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeRequest {
    /// Path to ask for.
    pub path: String,
    /// Port the proxy listens on.
    pub port: u16,
    /// The side asked for by the secret header; the one clients get when absent.
    pub side: Option<Side>,
    /// Fingerprint of the configuration that must answer: after a reload an earlier one still does for a moment.
    pub fingerprint: String,
    /// Value of the secret header.
    #[serde(skip)]
    pub secret: String,
}

/// A change of the proxy, or a bounded wait for it. `proxy` and `container` are ids or names.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyOperation {
    /// Writes the configuration into the proxy's volume: beside the one in use when `staged`, else in its place together
    /// with the sides.
    Write {
        service: String,
        proxy: String,
        #[serde(serialize_with = "digest")]
        configuration: String,
        staged: bool,
        green: Green,
    },
    /// Has nginx check the staged configuration.
    Check { service: String, proxy: String },
    /// Puts the staged configuration in place by one rename and has nginx load it.
    Reload { service: String, proxy: String },
    /// Switches to these sides, all services at once, by one rename. `services` are those that change.
    Switch { proxy: String, services: Vec<String>, green: Green },
    /// Asks for a path until a container of the service answers through the proxy.
    Probe { service: String, proxy: String, container: String, request: ProbeRequest, timeout: Duration },
    /// Waits until the proxy has no connection to a container, or the timeout.
    /// `serving` is the container that serves instead: it must go on doing so.
    Drain { service: String, proxy: String, container: String, serving: Option<String>, timeout: Duration },
    /// Holds new requests to these services back, in place of those held so far. After `deadline` they go on by
    /// themselves, whatever became of this process.
    Hold { project: String, proxy: String, services: Vec<String>, scope: HoldScope, deadline: Duration },
    /// Lets all held requests go on.
    Release { project: String, proxy: String, services: Vec<String> },
    /// Shows the maintenance page to clients, or hides it, by one rename.
    Maintenance { service: String, proxy: String, on: bool },
}

summary::debug_as_serialised!(ProxyOperation);

fn digest<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    hex::encode(Sha256::digest(text)).serialize(serializer)
}

impl ProxyOperation {
    /// The containers it names, for replacing names by ids.
    pub fn containers_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Write { proxy, .. }
            | Self::Check { proxy, .. }
            | Self::Reload { proxy, .. }
            | Self::Switch { proxy, .. }
            | Self::Hold { proxy, .. }
            | Self::Release { proxy, .. }
            | Self::Maintenance { proxy, .. } => vec![proxy],
            Self::Probe { proxy, container, .. } => vec![proxy, container],
            Self::Drain { proxy, container, serving, .. } => [proxy, container].into_iter().chain(serving).collect(),
        }
    }

    pub(in crate::plan) fn describe(&self, names: &Names) -> Description {
        let (kind, infinitive, participle) = self.words();
        let (service, deadline) = (self.service().cloned(), self.deadline());
        Description { kind, infinitive, participle, subject: self.subject(names), service, deadline }
    }

    const fn words(&self) -> (OperationKind, &'static str, &'static str) {
        match self {
            Self::Write { .. } => (OperationKind::WriteProxyConfig, "write", "Wrote"),
            Self::Check { .. } => (OperationKind::CheckProxyConfig, "check", "Checked"),
            Self::Reload { .. } => (OperationKind::ReloadProxy, "reload", "Reloaded"),
            Self::Switch { .. } => (OperationKind::SwitchProxy, "switch", "Switched"),
            Self::Probe { .. } => (OperationKind::ProbeProxy, "probe", "Probed"),
            Self::Drain { .. } => (OperationKind::DrainProxy, "drain", "Drained"),
            Self::Hold { .. } => (OperationKind::HoldRequests, "hold", "Held"),
            Self::Release { .. } => (OperationKind::ReleaseRequests, "release", "Released"),
            Self::Maintenance { on: true, .. } => (OperationKind::EnableMaintenance, "enable", "Enabled"),
            Self::Maintenance { on: false, .. } => (OperationKind::DisableMaintenance, "disable", "Disabled"),
        }
    }

    fn subject(&self, names: &Names) -> String {
        match self {
            Self::Write { proxy, .. } | Self::Check { proxy, .. } | Self::Reload { proxy, .. } => {
                format!("configuration of proxy {}", container_name(proxy, names))
            }
            Self::Switch { services, green, .. } => switch_subject(services, green),
            Self::Probe { container, request, .. } => {
                let by = if request.side.is_some() { "the probe header" } else { "a plain request" };
                format!("{} at {} by {by}", container_name(container, names), request.path)
            }
            Self::Drain { container, .. } => format!("connections to {}", container_name(container, names)),
            Self::Hold { services, scope, deadline, .. } => {
                let requests = match scope {
                    HoldScope::Writes => "writing requests",
                    HoldScope::All => "requests",
                };
                format!("{requests} to {} for at most {}s", services.join(", "), deadline.as_secs())
            }
            Self::Release { services, .. } => format!("requests to {}", services.join(", ")),
            Self::Maintenance { proxy, .. } => format!("maintenance page of proxy {}", container_name(proxy, names)),
        }
    }

    fn service(&self) -> Option<&String> {
        match self {
            Self::Write { service, .. }
            | Self::Check { service, .. }
            | Self::Reload { service, .. }
            | Self::Probe { service, .. }
            | Self::Drain { service, .. }
            | Self::Maintenance { service, .. } => Some(service),
            Self::Hold { services, .. } | Self::Release { services, .. } => only(services),
            Self::Switch { .. } => None,
        }
    }

    fn deadline(&self) -> Duration {
        match self {
            Self::Probe { timeout, .. } | Self::Drain { timeout, .. } => *timeout + MARGIN,
            Self::Write { .. }
            | Self::Check { .. }
            | Self::Reload { .. }
            | Self::Switch { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Maintenance { .. } => ENGINE_CALL,
        }
    }
}

/// The service, where it is one.
fn only(services: &[String]) -> Option<&String> {
    services.first().filter(|_| services.len() == 1)
}

fn switch_subject(services: &[String], green: &Green) -> String {
    let sides = services.iter().map(|name| {
        let side = if green.contains(name) { Side::Green } else { Side::Blue };
        format!("{name} to {}", side.word())
    });
    format!("traffic of {}", sides.collect::<Vec<_>>().join(", "))
}
