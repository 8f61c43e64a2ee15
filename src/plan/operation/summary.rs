//! What plans and records may hold of the things operations are made of: names, references and digests.
//! Environment values, build arguments, driver options, commands and file contents can be secrets and are left out.
//! Used by `Serialize` and, through it, by `Debug`, so that no operation can print a secret.

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::compose::model::{Build, Network, ServiceHook, Volume};

/// Where and what is built, with the names of its arguments.
pub(super) fn build<S: Serializer>(build: &Build, serializer: S) -> Result<S::Ok, S::Error> {
    json!({
        "context": build.context,
        "dockerfile": build.dockerfile,
        "target": build.target,
        "args": build.args.keys().collect::<Vec<_>>(),
        "secrets": build.secrets.len(),
    })
    .serialize(serializer)
}

/// Driver and the names of its options.
pub(super) fn network<S: Serializer>(network: &Network, serializer: S) -> Result<S::Ok, S::Error> {
    json!({ "driver": network.driver, "options": network.driver_opts.keys().collect::<Vec<_>>() }).serialize(serializer)
}

/// Driver and the names of its options.
pub(super) fn volume<S: Serializer>(volume: &Volume, serializer: S) -> Result<S::Ok, S::Error> {
    json!({ "driver": volume.driver, "options": volume.driver_opts.keys().collect::<Vec<_>>() }).serialize(serializer)
}

/// The program, without its arguments.
pub(super) fn hook<S: Serializer>(hook: &ServiceHook, serializer: S) -> Result<S::Ok, S::Error> {
    hook.command.as_slice().and_then(<[String]>::first).serialize(serializer)
}

/// `Debug` of an operation is its serialised form: there is one place that decides what may be seen.
macro_rules! debug_as_serialised {
    ($($name:ty),+) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let text = serde_json::to_string(self).map_err(|_| std::fmt::Error)?;
                write!(f, "{} {text}", stringify!($name))
            }
        })+
    };
}

pub(in crate::plan) use debug_as_serialised;
