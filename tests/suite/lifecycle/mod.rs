//! The lifecycle on the real engine, driven through the binary as an operator types it.
//! Each test has a project of its own and leaves nothing behind; without an engine it says that it is skipped.

mod changes;
mod failures;
mod handover;
mod hints;
mod history;
mod interop;
mod interrupts;
mod kills;
mod locking;
mod other_folder;
mod privacy;
mod project;
mod recorded;
mod refused;
mod relay;
mod start_stop;
mod truth;
