//! Go's text/template with the functions of Sprig and Helm, over maps that are shared as in Go: `set` is seen by every holder.
//! Takes templates as text and data as [`Value`]; returns text, or Go's error with its name, line and column.
//! Never reads a file, a clock or random bytes: those come through [`World`].

mod error;
mod exec;
mod format;
mod funcs;
mod lexer;
mod limits;
mod parser;
mod scope;
mod signature;
mod text;
mod tree;
mod value;
mod world;
mod yaml;

pub use error::{ExecError, ParseError};
pub use exec::Executor;
pub use funcs::strval;
pub use limits::{Budget, Limits};
pub use scope::Templates;
pub use text::json::{from_json, to_json, to_pretty_json, value_of as json_value};
pub use text::version::{Constraint, Version};
pub use value::{IntKind, List, ListKind, Map, MapKind, Object, Value};
pub use world::{Certificate, CertificateRequest, Lookup, World};
pub use yaml::read::{YamlError, from_yaml};
pub use yaml::write::to_yaml;

#[cfg(test)]
mod tests;
