//! Input and steps of the setup plan.

use std::time::Duration;

use crate::host::facts::KernelFacts;
use crate::host::{OsRelease, Presence};

/// What the plan is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetupFacts {
    /// The distribution; none where it is no Linux.
    pub os: Option<OsRelease>,
    /// What is installed.
    pub presence: Presence,
    /// Whether commands have root's rights.
    pub is_root: bool,
    /// Login name.
    pub user: String,
    /// Whether an engine answers.
    pub engine: EngineState,
    /// The kernel confines programs by profiles, and the program that loads them is missing.
    pub lacks_profiles: bool,
    /// Engine packages the repositories offer, where they had to be asked.
    pub offered: Vec<String>,
    /// How long to wait for the engine, if set.
    pub timeout: Option<Duration>,
    /// An image that is built from the distribution's packages, where no program to do that is installed.
    pub built_image: Option<String>,
    /// Kernel settings of the machine the containers run on; empty where it is another one.
    pub kernel: KernelFacts,
    /// The service that needs many memory maps (Elasticsearch).
    pub map_count_for: Option<String>,
    /// The service that needs memory to be overcommitted (Redis).
    pub overcommit_for: Option<String>,
}

/// Whether an engine answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EngineState {
    /// It answers; nothing has to be installed.
    Answers,
    /// Nothing answers on this machine's socket.
    #[default]
    Silent,
    /// It is there and does not let this user in.
    Forbidden,
    /// It answers, but its API is older than what is needed.
    TooOld { found: String },
    /// It answers, but it is not Docker's and lacks required features.
    Unsupported { engine: String, missing: &'static str },
    /// The engine that is meant is elsewhere and does not answer.
    Elsewhere { address: String, reason: String },
}

/// One step of setting a machine up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupStep {
    /// Infinitive and participle: `install`, `Installed`.
    pub verbs: (&'static str, &'static str),
    /// What it is about: `docker.io`.
    pub subject: String,
    /// Why.
    pub cause: String,
    /// What is done.
    pub action: Action,
    /// The machine works without it: failing is a warning.
    pub optional: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Runs the first of these commands that ends well; later ones are for machines where the earlier cannot work.
    Run { commands: Vec<Vec<String>>, limit: Duration },
    /// Writes a file.
    Write { path: String, text: String },
    /// Starts a program that outlives this one, unless the engine answers by itself within the grace.
    Launch { command: Vec<String>, log: String, grace: Duration },
    /// Waits until the engine answers.
    AwaitEngine { limit: Duration, log: Option<String> },
}
