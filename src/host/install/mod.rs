//! Installing and starting a container engine: what is decided, what is done, what can go wrong.
//! Reads the machine's facts; the plan is pure, the doing goes through the trait `Machine`.
//! Never puts an engine beside another's, and never starts one on another machine.

mod error;
mod kernel;
mod machine;
mod perform;
mod plan;
mod step;

pub use error::{SetupError, Trouble};
pub use machine::{CommandEnd, LocalMachine, Machine, Told};
pub use perform::{SetupStepDone, perform_setup};
pub use plan::{asks_repositories, is_engine_package, plan_setup};
pub use step::{Action, EngineState, SetupFacts, SetupStep};
