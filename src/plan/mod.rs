//! The plan: what was observed, what is wanted, and the steps between, each with its cause.
//! Pure: reads a `Stack` and an `Observed`, returns a `Plan`.
//! Never awaits, never talks to an engine.

pub mod api_socket;
pub mod blue_green;
pub mod cleanup;
pub mod cluster;
mod container;
pub mod content;
pub mod converge;
mod describe;
pub mod difference;
pub mod drift;
mod error;
pub mod host_requirements;
mod instance;
pub mod labels;
mod made_as;
mod observed;
mod operation;
pub mod order;
#[expect(clippy::module_inception, reason = "the type `Plan` lives in a file of its name")]
mod plan;
pub mod platform;
mod readiness;
mod restarts;
pub mod saved;
pub mod teardown;
pub mod transfer;

pub use container::{ContainerSpec, CopiedFile, NetworkAttachment};
pub use error::PlanError;
pub use instance::{
    Change, ChangeKind, DockerContainer, Health, HealthCheck, InstanceState, ObservedInstance, ObservedMount,
    ObservedPort,
};
pub use made_as::{AcceptedAs, MadeAs};
pub use observed::{
    EngineFlavour, EngineHost, EngineInfo, ImageStore, Observed, ObservedImage, ObservedNetwork, ObservedProject,
    ObservedProxy, ObservedVolume, Scope,
};
pub use operation::{
    AcceptedPasswords, Bake, BundleImage, CheckOperation, ClusterOperation, ContainerOperation, DataOperation,
    Description, GATE_ARCHITECTURES, GATE_PORT, Green, HoldScope, ImageOperation, ImageSource, ImageTransfer, Login,
    MANAGED_PROXY, MANAGED_PROXY_VOLUME, Names, NetworkOperation, Operation, Outcome, PROXY_FOLDER, PasswordChange,
    ProbeRequest, ProxyOperation, PullPolicy, Readiness, RecipeBuild, StartTurn, TaskOperation, VolumeOperation,
    WaitOperation, container_name, gate_name, is_release_tag, release_repository, release_tag, sides_folder,
};
pub use plan::{Allowance, Guard, KnownImage, Phase, Plan, Step, StepId};
pub use readiness::{ReadinessFailure, ReadinessWatch, Sample, Verdict, early_probe, passes_apart};
pub use restarts::{may_restart_again, restarts_in_words, settles_after, uptime};
