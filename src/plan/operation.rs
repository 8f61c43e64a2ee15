//! The operations a plan is made of: each one engine call or one bounded wait, with its own data.
//! Data and its words; `execute` performs them through `target::Engine`.
//! Never decides whether an operation is needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ContainerSpec;
use crate::compose::model::{Build, Network, ServiceHook, Volume};
use crate::image::Reference;

/// When an image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Always, even when present.
    Always,
    /// Only when it is not present.
    #[default]
    Missing,
    /// Never.
    Never,
}

/// What it means for a container to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// It was started.
    Started,
    /// It runs and has not ended for this long; a one-shot that exits 0 is ready too.
    Stable { millis: u64 },
    /// Its health check passes. `test` is the command as the engine runs it, tried early by exec.
    Healthy,
    /// It ended with exit code 0.
    Completed,
}

/// Where an image is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// The registry its name says.
    Registry,
    /// Another registry, under this name.
    Mirror { reference: String },
    /// A bundle file.
    Bundle { file: PathBuf },
    /// A recipe that stands for it: `builds` are made where they are absent, in this order, then `image` gets its name.
    Recipe { recipe: String, image: String, builds: Vec<RecipeBuild> },
    /// A source that is known not to have it, for the account of all sources.
    Excluded { source: String, reason: String },
}

/// An image to be built from a recipe this binary brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeBuild {
    /// Name of the recipe.
    pub recipe: String,
    /// What the image is called.
    pub image: String,
    /// Labels it gets.
    pub labels: BTreeMap<String, String>,
    /// Whether earlier builds are ignored.
    pub no_cache: bool,
}

impl ImageSource {
    /// The source of an image in words: `registry docker.io`, `mirror mirror.local:5000`.
    pub fn words(&self, image: &str) -> String {
        let domain = |name: &str| name.parse::<Reference>().map(|r| r.domain().to_owned()).unwrap_or_default();
        match self {
            Self::Registry => format!("registry {}", domain(image)).trim_end().to_owned(),
            Self::Mirror { reference } => format!("mirror {reference}"),
            Self::Bundle { file } => format!("bundle {}", file.display()),
            Self::Recipe { recipe, .. } => format!("recipe {recipe}"),
            Self::Excluded { source, .. } => source.clone(),
        }
    }
}

/// One change of the world, or one bounded wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Operation {
    /// Pulls an image from its registry.
    PullImage {
        service: String,
        image: String,
        platform: Option<String>,
        /// Where it is looked for, in this order; its registry alone when empty.
        #[serde(default)]
        sources: Vec<ImageSource>,
    },
    /// Builds the image of a recipe this binary brings.
    BuildRecipe(RecipeBuild),
    /// Builds a service's image and tags it.
    BuildImage {
        service: String,
        image: String,
        build: Box<Build>,
        platform: Option<String>,
        no_cache: bool,
        pull: bool,
    },
    /// Creates a network of the project. `name` is the name on the engine.
    CreateNetwork { project: String, key: String, name: String, network: Box<Network> },
    /// Removes a network.
    RemoveNetwork { id: String, name: String },
    /// Creates a volume of the project.
    CreateVolume { project: String, key: String, name: String, volume: Box<Volume> },
    /// Removes a volume and its data.
    RemoveVolume { name: String },
    /// Creates a container and copies its files into it.
    CreateContainer(Box<ContainerSpec>),
    /// Starts a container. `container` is an id or a name. `turn`: when the next start
    /// may follow.
    StartContainer { service: String, container: String, turn: StartTurn },
    /// Stops a container: signal, then kill after the timeout.
    StopContainer { service: String, container: String, timeout: Option<Duration> },
    /// Sends a signal.
    KillContainer { service: String, container: String, signal: String },
    /// Stops and starts a container in one call.
    RestartContainer { service: String, container: String, timeout: Option<Duration> },
    /// Lets a frozen container run on.
    UnpauseContainer { service: String, container: String },
    /// Removes a container; `volumes` removes its anonymous volumes too, `force` kills it first.
    RemoveContainer { service: String, container: String, volumes: bool, force: bool },
    /// Renames a container.
    RenameContainer { service: String, container: String, name: String },
    /// Runs a lifecycle hook inside a container and waits for it.
    RunHook { service: String, container: String, hook: Box<ServiceHook>, timeout: Duration },
    /// Waits until a container is ready. The one operation `execute` answers itself, through observations and exec.
    AwaitReady { service: String, container: String, readiness: Readiness, timeout: Duration },
    /// Removes an image.
    RemoveImage { image: String },
}

/// What performing an operation gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Id of what was created, or of the image pulled or built.
    pub id: Option<String>,
    /// Something the operator should know (a platform mismatch, a volume kept).
    pub warnings: Vec<String>,
    /// Detail for the step's line: a digest, bytes freed.
    pub detail: Option<String>,
    /// Somebody still needs what was to be removed: it is there as before.
    pub kept: bool,
}

/// How long a start keeps others waiting. The engine's allocations on a network (addresses, endpoints, host ports) are
/// not atomic: engine 20.10 miscounts a network's endpoints under parallel starts and can then never remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartTurn {
    /// It joins no network: not at all.
    Free,
    /// Until it is on so many networks.
    UntilConnected(usize),
    /// To its end, where the engine picks host ports or nothing better is known.
    UntilStarted,
}

impl Operation {
    /// The longest this operation may take before it counts as failed.
    pub fn deadline(&self) -> Duration {
        const ENGINE_CALL: Duration = Duration::from_secs(120);
        match self {
            // A pull or build of gigabytes over a slow line takes long and is still fine.
            Self::PullImage { .. } | Self::BuildImage { .. } | Self::BuildRecipe(_) => Duration::from_secs(3600),
            Self::StopContainer { timeout, .. } | Self::RestartContainer { timeout, .. } => {
                ENGINE_CALL + timeout.unwrap_or(Duration::from_secs(10))
            }
            Self::RunHook { timeout, .. } | Self::AwaitReady { timeout, .. } => *timeout + Duration::from_secs(5),
            _ => ENGINE_CALL,
        }
    }

    /// The container an operation names, for replacing a name by an id.
    pub fn container_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::StartContainer { container, .. }
            | Self::StopContainer { container, .. }
            | Self::KillContainer { container, .. }
            | Self::RestartContainer { container, .. }
            | Self::UnpauseContainer { container, .. }
            | Self::RemoveContainer { container, .. }
            | Self::RenameContainer { container, .. }
            | Self::RunHook { container, .. }
            | Self::AwaitReady { container, .. } => Some(container),
            _ => None,
        }
    }
}
