//! From files to images, plans and rendered configuration.
//! One verb, one file or folder.
//! Shared machinery is in `session`.

pub mod build;
pub mod config;
pub mod deploy;
pub mod explain;
pub mod history;
pub mod images;
pub mod lock;
pub mod plan;
pub mod pull;
pub mod push;
pub mod render;
pub mod rollback;
pub mod show;
