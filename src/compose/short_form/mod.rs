//! The short forms of the compose-spec: ports, volumes, devices, commands, sizes.
//! Reads one text, returns its long form.
//! Never looks at the rest of the project.

pub(crate) mod command;
pub mod port;
pub(crate) mod size;
pub mod volume;
