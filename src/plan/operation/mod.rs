//! The operations a plan is made of, in groups: each one engine call or one bounded wait, with its own data.
//! A new operation is a variant of its group, or a new group; `describe`, the executor and every engine then fail to
//! compile until they know it.
//! Never decides whether an operation is needed.

mod container;
mod image;
mod network;
mod summary;
mod task;
mod volume;
mod wait;

use serde::{Deserialize, Serialize};

pub use container::{ContainerOperation, StartTurn};
pub use image::{BundleImage, ImageOperation, ImageSource, RecipeBuild};
pub use network::NetworkOperation;
pub(super) use summary::debug_as_serialised;
pub use task::{TaskOperation, task_subject};
pub use volume::VolumeOperation;
pub use wait::{Readiness, WaitOperation};

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

/// One change of the world, or one bounded wait.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// On an image.
    Image(ImageOperation),
    /// On a network.
    Network(NetworkOperation),
    /// On a volume.
    Volume(VolumeOperation),
    /// On a container.
    Container(ContainerOperation),
    /// A wait.
    Wait(WaitOperation),
    /// A task.
    Task(TaskOperation),
}

impl Operation {
    /// Whether it only waits.
    pub const fn is_wait(&self) -> bool {
        matches!(self, Self::Wait(_))
    }
}

macro_rules! into_operation {
    ($($group:ident($type:ty)),+) => {
        $(impl From<$type> for Operation {
            fn from(operation: $type) -> Self {
                Self::$group(operation)
            }
        })+
    };
}

into_operation!(
    Image(ImageOperation),
    Network(NetworkOperation),
    Volume(VolumeOperation),
    Container(ContainerOperation),
    Wait(WaitOperation),
    Task(TaskOperation)
);

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
