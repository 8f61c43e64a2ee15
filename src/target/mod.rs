//! The traits through which everything to the right of this module speaks to an engine or a cluster.
//! Signatures and their data only; `engine/docker` and `engine/memory` implement them.
//! Never holds an implementation, never decides.

mod attempts;
pub mod bridge;
mod error;
mod state;
mod stream;
mod traits;

pub use attempts::{Attempt, Attempts};
pub use error::{AddressPart, Capability, ContainerFacts, TargetError};
pub use state::{Journal, Leases, ProjectState};
pub use stream::{BoxDuplex, BoxRead, ByteStream, Duplex, ExecArgs, ExecInput, LogArgs, LogStream, TerminalSize};
pub use traits::{Copy, Dial, Exec, Images, Logs, Observe, Perform, Processes, Target};
