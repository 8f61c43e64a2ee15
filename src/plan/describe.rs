//! The words of operations: what is shown while one runs, when it is done, and what it is about.
//! Reads an operation, returns text.
//! Never decides anything.

use std::collections::BTreeMap;

use super::{ImageSource, Operation, Plan, Readiness, Step};

impl Operation {
    /// The infinitive for plans and the participle for finished steps: (`create`, `Created`).
    pub const fn verbs(&self) -> (&'static str, &'static str) {
        match self {
            Self::PullImage { sources, .. } => match sources.as_slice() {
                [ImageSource::Bundle { .. }] => ("load", "Loaded"),
                _ => ("pull", "Pulled"),
            },
            Self::BuildImage { .. } | Self::BuildRecipe(_) => ("build", "Built"),
            Self::CreateNetwork { .. } | Self::CreateVolume { .. } | Self::CreateContainer(_) => ("create", "Created"),
            Self::RemoveNetwork { .. }
            | Self::RemoveVolume { .. }
            | Self::RemoveContainer { .. }
            | Self::RemoveImage { .. } => ("remove", "Removed"),
            Self::StartContainer { .. } => ("start", "Started"),
            Self::StopContainer { .. } => ("stop", "Stopped"),
            Self::KillContainer { .. } => ("kill", "Killed"),
            Self::RestartContainer { .. } => ("restart", "Restarted"),
            Self::UnpauseContainer { .. } => ("unpause", "Unpaused"),
            Self::RenameContainer { .. } => ("rename", "Renamed"),
            Self::RunHook { .. } => ("run hook", "Ran hook"),
            Self::AwaitReady { readiness: Readiness::Healthy, .. } => ("await health", "Healthy"),
            Self::AwaitReady { readiness: Readiness::Completed, .. } => ("await completion", "Completed"),
            Self::AwaitReady { .. } => ("await", "Running"),
        }
    }

    /// What it is about: `container web-api-1`, `network web_default`. `names` holds the names of containers by id.
    pub fn subject(&self, names: &BTreeMap<String, String>) -> String {
        let short = |container: &str| match names.get(container) {
            Some(name) => name.clone(),
            None => shortened(container).to_owned(),
        };
        match self {
            Self::PullImage { image, .. } | Self::RemoveImage { image } => format!("image {image}"),
            Self::BuildRecipe(build) => format!("image {} from recipe {}", build.image, build.recipe),
            Self::BuildImage { service, image, .. } => format!("image {image} of {service}"),
            Self::CreateNetwork { name, .. } | Self::RemoveNetwork { name, .. } => format!("network {name}"),
            Self::CreateVolume { name, .. } | Self::RemoveVolume { name } => format!("volume {name}"),
            Self::CreateContainer(spec) => format!("container {}", spec.name),
            Self::RenameContainer { container, name, .. } => format!("container {} to {name}", short(container)),
            Self::RunHook { container, hook, .. } => {
                format!("`{}` in {}", hook.command.as_slice().unwrap_or_default().join(" "), short(container))
            }
            Self::StartContainer { container, .. }
            | Self::StopContainer { container, .. }
            | Self::KillContainer { container, .. }
            | Self::RestartContainer { container, .. }
            | Self::UnpauseContainer { container, .. }
            | Self::RemoveContainer { container, .. }
            | Self::AwaitReady { container, .. } => format!("container {}", short(container)),
        }
    }

    /// The service it belongs to, when it belongs to one.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::CreateContainer(spec) => Some(&spec.service_name),
            Self::PullImage { service, .. }
            | Self::BuildImage { service, .. }
            | Self::StartContainer { service, .. }
            | Self::StopContainer { service, .. }
            | Self::KillContainer { service, .. }
            | Self::RestartContainer { service, .. }
            | Self::UnpauseContainer { service, .. }
            | Self::RemoveContainer { service, .. }
            | Self::RenameContainer { service, .. }
            | Self::RunHook { service, .. }
            | Self::AwaitReady { service, .. } => Some(service),
            _ => None,
        }
    }
}

impl Plan {
    /// The plan as lines: `create container web-api-1: configuration changed`.
    pub fn lines(&self) -> Vec<String> {
        let line = |s: &Step| format!("{} {}: {}", s.operation.verbs().0, s.operation.subject(&self.names), s.cause);
        self.steps.iter().map(line).collect()
    }
}

/// Ids are shown as the engine's tools show them; names as they are.
fn shortened(container: &str) -> &str {
    let is_id = container.len() == 64 && container.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &container[..12] } else { container }
}
