//! The Docker engine behind the traits of `target`, over bollard.
//! Reads where the engine is and what is asked of it; returns observations and outcomes, one function per operation.
//! Never decides what should be done, never prints.

mod address;
mod confined;
mod connection;
mod context_store;
mod convert;
mod copy;
mod credentials;
mod dial;
mod engine;
mod error_mapping;
mod exec;
mod frames;
mod host_port;
mod image_check;
mod images;
mod inspect;
mod json_lines;
mod listing;
mod locate;
mod logs;
mod moments;
mod observe;
mod perform;
mod proxy;
mod query;
mod state;
mod static_image;
mod tls;
mod traits;
mod transport;

pub use address::{Address, Environment, Route, SshHost, TlsFiles};
pub use engine::{DockerEngine, FoundEngine};
pub use locate::{config_folder, locate, resolve};
