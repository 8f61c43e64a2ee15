//! The compose-spec: files in, one validated and normalised `Stack` out.
//! Reads compose files, env files and the environment it is handed; returns data and findings.
//! Never talks to an engine, never prints.

mod canonical;
mod config;
mod consistency;
mod decode;
mod dotenv;
mod dotenv_escapes;
pub mod emit;
pub mod env_file;
mod environment;
mod error;
pub mod go;
pub mod hash;
mod interpolate;
pub mod json;
mod loader;
mod merge;
pub mod model;
mod normalize;
mod observer;
mod order;
mod paths;
mod schema;
pub mod short_form;
mod validation;
pub mod value;
mod yaml;

pub use error::{ComposeError, Diagnostic, Finding};
pub use interpolate::{Variable, fill};
pub use loader::{
    FileSource, LoadArgs, LoadOptions, Loaded, LoadedModel, Located, Written, load, load_environment, load_model,
    load_or_warn, load_variables, load_written, locate,
};
pub use model::{Service, Stack};
pub use observer::{Observer, SeenVariable};
pub use yaml::plain_value;
