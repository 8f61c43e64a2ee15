//! Transfers of images from the engine of this machine to the environment's engine, without a registry.
//!
//! The image is read once on its engine (layers, digests, sizes), so that the plan names what is sent to the byte; a second
//! reading is filtered and streamed to the target. Nothing is kept in memory or on disk. The image gets its name only after the
//! target has shown that it is complete.

mod attempt;
mod offers;
mod sending;
mod steps;

pub use offers::{Offers, Source, Standing, source};
pub use sending::{Sent, Transfers};
pub use steps::TransferSteps;
