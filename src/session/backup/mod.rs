//! What the verbs of backups share: settings, the parts of a stack, and the runners of dumps and restores.

pub mod configuration;
mod decode;
mod dump_runner;
mod parts;
mod restore_runner;
mod scratch;
mod settings;

pub use decode::decode;
pub use dump_runner::DumpRunner;
pub use parts::{ServicePart, excluded, left_out, service_parts, what};
pub use restore_runner::RestoreRunner;
pub use settings::{BackupSettings, lock_owner};
