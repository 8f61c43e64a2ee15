//! Why no plan can be made: what is wanted does not fit what was found.
//! Facts only.
//! Never about the engine's own failures.

use crate::error::{ErrorKind, Hint};

/// A wish that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// External networks or volumes that do not exist: kind and name of each.
    #[error("{}", missing_externals(.missing))]
    ExternalMissing { missing: Vec<(&'static str, String)> },
    /// A service was named that the files do not have.
    #[error("no such service: {name}{}", nearest.as_ref().map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default())]
    NoSuchService { name: String, nearest: Option<String>, known: Vec<String> },
    /// Services wait for each other.
    #[error("services depend on each other: {}", cycle.join(" -> "))]
    Cycle { cycle: Vec<String> },
    /// An entry of `expose` that is no port; Compose too only finds it when it makes the container.
    #[error("services.{service}.expose: invalid port `{port}`")]
    InvalidPort { service: String, port: String },
    /// A file a service uses cannot be read.
    #[error("{what} of service `{service}`: {path}: {reason}")]
    Unreadable { service: String, what: String, path: String, reason: String },
    /// The engine cannot run the image.
    #[error("image {image} of service `{service}` is for {found}, the engine runs {engine}")]
    WrongArchitecture { service: String, image: String, found: String, engine: String },
    /// A service cannot run twice, as blue-green needs it.
    #[error("service `{service}` cannot be deployed blue-green: {reason}")]
    Strategy { service: String, reason: String },
    /// The engine's API is too old for a feature in the compose files.
    #[error("{feature} needs API {needed}, but the engine has API {found}")]
    NeedsApi { feature: String, needed: &'static str, found: String },
    /// A secret or config comes from a variable that is not set.
    #[error("{what} of service `{service}` comes from the environment variable {variable}, which is not set")]
    UnsetVariable { service: String, what: String, variable: String },
    /// Objects that a cluster would not take, each with the reason.
    #[error("the cluster would refuse {}", refused.join("; "))]
    Cluster { refused: Vec<String>, hints: Vec<String> },
    /// A secret or config that only a swarm could provide.
    #[error("{what} of service `{service}` is external: the engine has no store for it outside of a swarm")]
    ExternalContent { service: String, what: String },
}

fn missing_externals(missing: &[(&str, String)]) -> String {
    let named: Vec<String> = missing.iter().map(|(kind, name)| format!("{kind} `{name}`")).collect();
    match named.as_slice() {
        [one] => format!("{one} is declared external and does not exist"),
        all => format!("{} are declared external and do not exist", all.join(", ")),
    }
}

impl Hint for PlanError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchService { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::ExternalMissing { missing } => {
                missing.iter().map(|(kind, name)| format!("`docker {kind} create {name}`")).collect()
            }
            Self::Cluster { hints, .. } => hints.clone(),
            Self::NoSuchService { known, .. } if !known.is_empty() => vec![format!("services: {}", known.join(", "))],
            Self::InvalidPort { .. } => {
                vec!["write a port or a range of ports, such as `80` or `8000-8010/udp`".to_owned()]
            }
            Self::WrongArchitecture { image, engine, .. } => vec![format!(
                "get the one for this engine: `docker pull --platform linux/{engine} {image}`; an engine that emulates it runs it \
                 with `platform` set in the compose file"
            )],
            Self::ExternalContent { .. } => {
                vec!["name its source with `file:` or `environment:` in the compose file".to_owned()]
            }
            Self::UnsetVariable { variable, .. } => vec![format!("set {variable} in the environment or in `.env`")],
            _ => Vec::new(),
        }
    }
}
