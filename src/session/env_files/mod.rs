//! Env files of a project: their entries, the variables the project needs, and errors.
//! Uses the project file, env files, templates and the variables of the compose files.
//! Read-only; `secrets generate` writes them.

mod compose_secrets;
mod env_file_error;
mod env_variables;
mod setting;

pub use compose_secrets::{ComposeSecrets, Literal, SecretFile};
pub use env_file_error::{end_of_links, unwritable};
pub use env_variables::{EnvVariable, Origin, generated_names, is_stand_in, load_wanted};
pub use setting::{EnvFile, Setting, load_file, load_setting};
