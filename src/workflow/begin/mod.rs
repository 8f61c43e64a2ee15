//! From nothing to a project that can start: files, secrets, machine and engine.
//! One verb, one file or folder.
//! Shared machinery is in `session`.

pub mod doctor;
pub mod init;
pub mod quickstart;
pub mod secrets;
pub mod setup;
