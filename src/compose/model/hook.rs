//! Commands run inside a service's containers.
//! Data only.
//! At a point of their life, or when a watched file changes.

use super::define::model;
use super::{MappingWithNulls, ShellCommand};

model! {
    /// A command run inside the container.
    pub struct ServiceHook {
        /// The command.
        @json command: ShellCommand,
        /// Its user.
        user: String,
        /// Full privileges.
        privileged: bool,
        /// Its working directory.
        working_dir: String,
        /// Its environment.
        environment: MappingWithNulls,
    } ext
}
