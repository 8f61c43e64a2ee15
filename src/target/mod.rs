//! The traits through which the modules to the right use an engine or a cluster.
//! Signatures and their data only; `engine/docker` and `engine/memory` implement them.
//! Never holds an implementation, never decides.

mod attempts;
pub mod bridge;
mod error;
mod exec_stream;
mod state;
mod stream;
mod traits;

pub use attempts::Attempts;
pub use error::{
    AddressPart, Attempt, Capability, ContainerFacts, PortOwner, ProgramFault, TargetError, WorkloadFailure,
};
pub use exec_stream::{ExecEnd, ExecOutcome, OutputPieces, RunningExec};
pub use state::{Journal, Leases, ProjectState};
pub use stream::{BoxDuplex, BoxRead, ByteStream, Duplex, ExecArgs, ExecInput, LogArgs, LogStream, TerminalSize};
pub use traits::{ClusterFacts, ClusterObjects, Copy, Dial, Exec, Images, Logs, Observe, Perform, Processes, Target};
