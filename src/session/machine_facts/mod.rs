//! Facts used by `doctor` and `setup`: machine, engine and stack.
//! Facts that cannot be read hold the reason.

mod engine_location;
mod gather;
mod ports;
mod stack;

pub use gather::observe_facts;
