//! Helm charts: the chart's files and the user's values to manifests, hooks, custom resource definitions and notes.
//! Takes files as bytes; returns the exact rendered text of each document, in the order in which Helm installs them.
//! What is not a function of the input (clock, random bytes, live objects) comes through `aictl_gotemplate::World`.

mod archive;
mod capabilities;
mod coalesce;
mod dependencies;
mod differences;
mod engine;
mod error;
mod files;
mod glob;
mod ignore;
mod load;
mod manifests;
mod metadata;
mod objects;
mod order;
mod record;
mod release;
mod render;
mod schema;
mod set;
mod values;
mod yaml;

pub use archive::{MOST_BYTES, unpacked};
pub use capabilities::{Capabilities, KubeVersion};
pub use differences::{DIFFERENCES, Difference, FOLLOWED};
pub use error::ChartError;
pub use files::ChartFile;
pub use glob::path_pattern;
pub use ignore::IgnoreRules;
pub use load::{Chart, load};
pub use manifests::{CrdFile, Hook, Manifest, Manifests};
pub use metadata::{Dependency, Metadata};
pub use order::install_rank;
pub use record::{ChartRecord, objects, record};
pub use release::Release;
pub use render::{Request, render};
pub use values::{UserValues, user_values};

#[cfg(test)]
mod tests;
