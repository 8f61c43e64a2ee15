//! What the verbs of backups share: settings, the parts of a stack, and the runners of dumps and restores.

mod abandon_runner;
pub mod configuration;
mod data_steps;
mod decode;
mod drill;
mod dump_plan;
mod dump_runner;
mod isolated;
mod location;
mod marking;
mod parts;
mod physical_dump;
mod point_in_time;
mod readiness;
mod receiver;
mod receiver_warning;
mod restore_runner;
mod sandbox;
mod scratch;
mod settings;

pub use abandon_runner::AbandonRunner;
pub use data_steps::DataSteps;
pub use decode::{Decoded, decode};
pub use drill::{PartFinding, drill_part};
pub use dump_plan::{DumpSource, DumpSteps, HeldWrites, new_set, only, open_to_write};
pub use dump_runner::DumpRunner;
pub use location::{address, location};
pub use marking::record;
pub use parts::{ServicePart, excluded, left_out, service_parts, what};
pub use point_in_time::{PointInTimeRunner, Recovery};
pub use readiness::check_services;
pub use receiver::receiver_steps;
pub use receiver_warning::{warn_not_receiving, warn_not_receiving_of_project};
pub use restore_runner::RestoreRunner;
pub use sandbox::Sandbox;
pub use settings::{BackupSettings, lock_owner, open_to_read};
