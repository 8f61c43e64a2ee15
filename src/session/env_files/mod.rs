//! The env files of a project: which there are, what they say, what the project wants in them, and what keeps them from use.
//! Reads the project file, env files, templates and the variables of the compose files.
//! Never writes: `secrets generate` does.

mod env_file_error;
mod env_variables;
mod setting;

pub use env_file_error::{end_of_links, unwritable};
pub use env_variables::{EnvVariable, Origin, generated_names, load_wanted};
pub use setting::{EnvFile, Setting, load_setting};
