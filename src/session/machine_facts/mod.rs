//! The facts `doctor` judges and `setup` plans from: of the machine, its engine and the project's stack.
//! Reads through the context and the modules of the world outside; what cannot be read becomes a reason.
//! Never judges.

mod engine_location;
mod gather;
mod ports;
mod stack;

pub use gather::observe_facts;
