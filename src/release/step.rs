//! One step of an operation as the project's history keeps it: kind, subject, cause and outcome.
//! Data that decisions may be taken from: the kind is a word of this list, never text to be searched.
//! Holds no value of a secret: subjects and causes are redacted before they are recorded.

use serde::{Deserialize, Serialize};

/// The kind of an operation, as records and plans write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// Makes an image present from the first of its sources that has it.
    PullImage,
    /// Builds an image from a recipe this binary brings.
    BuildRecipe,
    /// Builds the image of a service.
    BuildImage,
    /// Loads an image from a bundle file.
    LoadImage,
    /// Sends an image of another engine.
    TransferImage,
    /// Sends an image to its registry.
    PushImage,
    /// Gives an image another name.
    TagImage,
    /// Removes an image.
    RemoveImage,
    /// Creates a network.
    CreateNetwork,
    /// Removes a network.
    RemoveNetwork,
    /// Creates a volume.
    CreateVolume,
    /// Removes a volume and its data.
    RemoveVolume,
    /// Creates a container.
    CreateContainer,
    /// Starts a container.
    StartContainer,
    /// Stops a container.
    StopContainer,
    /// Sends a signal to a container.
    KillContainer,
    /// Restarts a container.
    RestartContainer,
    /// Unpauses a container.
    UnpauseContainer,
    /// Removes a container.
    RemoveContainer,
    /// Renames a container.
    RenameContainer,
    /// Runs a lifecycle hook in a container.
    RunHook,
    /// Waits until a container is ready.
    AwaitReady,
    /// Pauses between two replacements of a service.
    Pause,
    /// Runs a task in a container of its own.
    RunTask,
    /// Runs a check.
    RunCheck,
    /// Watches new containers after the switch.
    Bake,
    /// Writes the configuration of the proxy.
    WriteProxyConfig,
    /// Has the proxy check its configuration.
    CheckProxyConfig,
    /// Has the proxy use the written configuration.
    ReloadProxy,
    /// Switches traffic between the sides.
    SwitchProxy,
    /// Sends a request through the proxy.
    ProbeProxy,
    /// Waits until the proxy has no connection to a container.
    DrainProxy,
    /// Holds requests back in the proxy.
    HoldRequests,
    /// Lets held requests go on.
    ReleaseRequests,
    /// Shows the maintenance page.
    EnableMaintenance,
    /// Hides the maintenance page.
    DisableMaintenance,
    /// Stores a part of the stack in a backup set.
    DumpData,
    /// Waits until all dumps have begun.
    AwaitDumps,
    /// Makes a backup set complete.
    CompleteBackup,
    /// Restores a part of a backup set.
    RestoreData,
    /// Applies an object of a cluster.
    ApplyObject,
    /// Deletes an object of a cluster.
    DeleteObject,
    /// Waits until an object of a cluster is ready.
    AwaitObject,
    /// Runs a hook of a chart.
    RunChartHook,
    /// Replaces the pods of a workload.
    RestartWorkload,
    /// Keeps the data of a service as an interrupted restore left it.
    AbandonRestore,
    /// Changes which passwords a data service accepts.
    ChangePassword,
    /// Recorded by an aictl that kept only the text of a step.
    Unknown,
}

impl OperationKind {
    /// The verb for output; empty for steps of the first record format.
    pub fn verb(self) -> &'static str {
        match self {
            Self::PullImage => "pull",
            Self::BuildRecipe | Self::BuildImage => "build",
            Self::LoadImage => "load",
            Self::TransferImage => "transfer",
            Self::PushImage => "push",
            Self::TagImage => "tag",
            Self::CreateNetwork | Self::CreateVolume | Self::CreateContainer => "create",
            Self::StartContainer => "start",
            Self::StopContainer => "stop",
            Self::KillContainer => "kill",
            Self::ApplyObject => "apply",
            Self::DeleteObject => "delete",
            Self::RestartContainer | Self::RestartWorkload => "restart",
            Self::UnpauseContainer => "unpause",
            Self::RemoveImage | Self::RemoveNetwork | Self::RemoveVolume | Self::RemoveContainer => "remove",
            Self::RenameContainer => "rename",
            Self::RunHook => "run hook",
            Self::AwaitReady | Self::AwaitDumps | Self::AwaitObject => "await",
            Self::Pause => "pause",
            Self::RunTask | Self::RunChartHook => "run",
            Self::WriteProxyConfig => "write",
            Self::Bake => "bake",
            Self::RunCheck | Self::CheckProxyConfig => "check",
            Self::ReloadProxy => "reload",
            Self::SwitchProxy => "switch",
            Self::ProbeProxy => "probe",
            Self::DrainProxy => "drain",
            Self::HoldRequests => "hold",
            Self::ReleaseRequests => "release",
            Self::EnableMaintenance => "enable",
            Self::DisableMaintenance => "disable",
            Self::DumpData | Self::CompleteBackup | Self::RestoreData | Self::AbandonRestore | Self::ChangePassword => {
                self.verb_of_data().unwrap_or_default()
            }
            Self::Unknown => "",
        }
    }

    /// The verb of a step on the data of services; none for others.
    fn verb_of_data(self) -> Option<&'static str> {
        let verbs = [
            (Self::DumpData, "dump"),
            (Self::CompleteBackup, "complete"),
            (Self::RestoreData, "restore"),
            (Self::AbandonRestore, "abandon"),
            (Self::ChangePassword, "set"),
        ];
        verbs.into_iter().find(|(kind, _)| *kind == self).map(|(_, verb)| verb)
    }

    /// Whether it only waits and changes nothing.
    pub const fn is_wait(self) -> bool {
        matches!(self, Self::AwaitReady | Self::AwaitDumps | Self::AwaitObject | Self::Pause)
    }
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// Not started: planned only, or an earlier step failed.
    #[default]
    Planned,
    /// Ended well.
    Done,
    /// Its condition did not hold, so it was left out.
    Skipped,
    /// It failed; where its failure is tolerated the operation went on with a warning.
    Failed,
    /// It was under way when the operation stopped, and was not waited for.
    Cancelled,
    /// Completed, then undone after a later failure.
    Undone,
}

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What kind of operation.
    pub operation: OperationKind,
    /// What it is about: `container shop-web-1`, `task migrate`.
    pub subject: String,
    /// The service it belongs to, when it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Name of the task in aictl.yaml that it runs; none in records before this field was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Why it is done.
    pub cause: String,
    /// Its status.
    pub outcome: StepOutcome,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

impl StepOutcome {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "not started",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        }
    }
}

impl StepRecord {
    /// The same step as it was planned: without outcome and duration.
    #[must_use]
    pub fn planned(&self) -> Self {
        Self { outcome: StepOutcome::Planned, duration_ms: None, ..self.clone() }
    }
}

/// Steps as records of any format hold them: text alone in format 1.
pub(super) mod any_format {
    use serde::{Deserialize, Deserializer};

    use super::{OperationKind, StepOutcome, StepRecord};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(String),
        Step(StepRecord),
    }

    /// Reads both.
    pub(in crate::release) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<StepRecord>, D::Error> {
        let stored = Vec::<Stored>::deserialize(deserializer)?;
        let step = |stored| match stored {
            Stored::Step(step) => step,
            Stored::Text(subject) => StepRecord {
                operation: OperationKind::Unknown,
                subject,
                service: None,
                task: None,
                cause: String::new(),
                outcome: StepOutcome::Planned,
                duration_ms: None,
            },
        };
        Ok(stored.into_iter().map(step).collect())
    }
}
