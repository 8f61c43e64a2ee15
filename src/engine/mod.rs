//! The engines: implementations of the traits of `target`, one folder each.
//! `docker` uses a real engine, `kubernetes` a cluster, `memory` is one in this process for tests of failures at every step.
//! Never decides what should be done: that is `plan`.

pub mod docker;
pub mod kubernetes;
pub mod memory;
mod owner_process;
