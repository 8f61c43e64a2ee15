//! The plan: what was observed, what is wanted, and the steps between, each with its cause.
//! Pure: reads a `Stack` and an `Observed`, returns a `Plan`.
//! Never awaits, never talks to an engine.

pub mod api_socket;
pub mod cleanup;
mod container;
pub mod content;
pub mod converge;
mod describe;
mod error;
pub mod labels;
mod observed;
mod operation;
pub mod order;
mod plan;
pub mod platform;
mod readiness;
pub mod teardown;

pub use container::{ContainerSpec, CopiedFile, NetworkAttachment};
pub use error::PlanError;
pub use observed::{
    Change, ChangeKind, ContainerState, EngineFlavour, EngineHost, EngineInfo, Health, Observed, ObservedContainer,
    ObservedImage, ObservedMount, ObservedNetwork, ObservedPort, ObservedProject, ObservedVolume, Scope,
};
pub use operation::{ImageSource, Operation, Outcome, PullPolicy, Readiness, RecipeBuild, StartTurn};
pub use plan::{Phase, Plan, Step, StepId};
pub use readiness::{
    ReadinessFailure, ReadinessWatch, Sample, Verdict, health_command, interval, passes_apart, probes_early,
};
