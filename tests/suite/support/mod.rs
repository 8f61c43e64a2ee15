//! What scenarios share: a project on the real engine and the questions asked of it.

pub mod both_engines;
pub mod command_tree;
pub mod engine_api;
pub mod http_head;
pub mod http_server;
pub mod mail_server;
pub mod memory;
pub mod project;
pub mod recorder;
pub mod repository_server;
