//! What templates see as `.Release`.

use aictl_gotemplate::{Map, Value};

use super::error::ChartError;

/// Helm's longest release name.
const LONGEST_NAME: usize = 53;

/// The release that is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub name: String,
    pub namespace: String,
    pub revision: u32,
    pub is_upgrade: bool,
}

impl Release {
    /// Refuses names that Helm refuses.
    pub fn check(&self) -> Result<(), ChartError> {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let part =
            |part: &str| part.starts_with(edge) && part.ends_with(edge) && part.chars().all(|c| edge(c) || c == '-');
        if self.name.len() <= LONGEST_NAME && self.name.split('.').all(part) {
            return Ok(());
        }
        Err(ChartError::ReleaseName { name: self.name.clone() })
    }

    pub(super) fn as_map(&self) -> Map {
        let map = Map::new();
        map.set("Name", Value::str(self.name.as_str()));
        map.set("Namespace", Value::str(self.namespace.as_str()));
        map.set("IsUpgrade", Value::Bool(self.is_upgrade));
        map.set("IsInstall", Value::Bool(!self.is_upgrade));
        map.set("Revision", Value::int(i64::from(self.revision)));
        map.set("Service", Value::str("Helm"));
        map
    }
}
