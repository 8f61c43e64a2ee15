//! A release as Helm records it: the payload of a Secret of type `helm.sh/release.v1`.
//! Reads and writes base64(gzip(JSON)); fields that this file does not know are kept.
//! Source of the format: helm.sh/helm, pkg/release/v1 and pkg/storage/driver/util.go.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Records of more bytes than an API server takes are not read to their end.
const MOST_BYTES: u64 = 64 << 20;

/// The status of a release, in Helm's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelmStatus {
    /// It serves.
    Deployed,
    /// It was removed and its record kept.
    Uninstalled,
    /// A later revision took its place.
    Superseded,
    /// It did not get through.
    Failed,
    /// It is being removed.
    Uninstalling,
    /// It is being installed.
    PendingInstall,
    /// It is being upgraded.
    PendingUpgrade,
    /// It is being rolled back.
    PendingRollback,
    /// Helm did not say.
    #[default]
    #[serde(other)]
    Unknown,
}

impl HelmStatus {
    /// Helm's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is Helm's lock: an operation that has not ended.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback | Self::Uninstalling)
    }
}

/// What Helm records beside the manifest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HelmInfo {
    /// RFC 3339.
    #[serde(default)]
    pub first_deployed: String,
    /// RFC 3339.
    #[serde(default)]
    pub last_deployed: String,
    /// RFC 3339; empty while it is there.
    #[serde(default)]
    pub deleted: String,
    /// In words: `Upgrade complete`.
    #[serde(default)]
    pub description: String,
    /// Status.
    #[serde(default)]
    pub status: HelmStatus,
    /// The rendered notes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Where a rollback went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_revision: Option<u32>,
    /// Whatever else was there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A hook in a record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HelmHook {
    /// Name of the object.
    pub name: String,
    /// Kind of the object.
    pub kind: String,
    /// Path of its template.
    pub path: String,
    /// The object as YAML.
    pub manifest: String,
    /// `pre-upgrade`, …
    #[serde(default)]
    pub events: Vec<String>,
    /// Place among the hooks of an event.
    #[serde(default)]
    pub weight: i64,
    /// `before-hook-creation`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
    /// Whatever else was there: the last run.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A release.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HelmRelease {
    /// Name.
    pub name: String,
    /// Times, status and words.
    pub info: HelmInfo,
    /// The chart: metadata, templates and values.
    pub chart: Value,
    /// The user's values.
    #[serde(default)]
    pub config: Value,
    /// All objects as YAML documents, hooks left out.
    pub manifest: String,
    /// The hooks.
    #[serde(default)]
    pub hooks: Vec<HelmHook>,
    /// The revision.
    pub version: u32,
    /// Namespace.
    #[serde(default)]
    pub namespace: String,
    /// `ssa` or `csa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_method: Option<String>,
    /// Whatever else was there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why bytes are not a record of Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a release record of Helm's: {reason}")]
pub struct HelmRecordError {
    reason: String,
}

fn bad(error: &dyn std::fmt::Display) -> HelmRecordError {
    HelmRecordError { reason: error.to_string() }
}

impl HelmRelease {
    /// The text of the record's one key, before the API's own base64.
    pub fn encode(&self) -> Result<String, HelmRecordError> {
        let json = serde_json::to_vec(self).map_err(|error| bad(&error))?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&json).map_err(|error| bad(&error))?;
        Ok(STANDARD.encode(packed.finish().map_err(|error| bad(&error))?))
    }

    /// The reverse. Helm before 3 wrote plain JSON below the base64.
    pub fn decode(text: &[u8]) -> Result<Self, HelmRecordError> {
        let bytes = STANDARD.decode(text).map_err(|error| bad(&error))?;
        let mut json = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(&bytes[..]).take(MOST_BYTES).read_to_end(&mut json).map_err(|error| bad(&error))?;
        } else {
            json = bytes;
        }
        serde_json::from_slice(&json).map_err(|error| bad(&error))
    }

    /// The name of the Secret of a revision.
    pub fn secret_name(name: &str, revision: u32) -> String {
        format!("sh.helm.release.v1.{name}.v{revision}")
    }

    /// The chart as `helm ls` shows it: `ai-assistant-1.2.0`.
    pub fn chart_name(&self) -> String {
        let text = |at: &str| self.chart.pointer(at).and_then(Value::as_str).unwrap_or_default();
        format!("{}-{}", text("/metadata/name"), text("/metadata/version"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_survives_a_round_trip_with_fields_that_are_not_known_here() {
        let text = json!({"name": "shop", "info": {"first_deployed": "a", "last_deployed": "b", "deleted": "",
            "description": "Install complete", "status": "pending-upgrade", "resources": {"v1/Pod": []}},
            "chart": {"metadata": {"name": "shop", "version": "1.0.0"}}, "config": {"a": 1}, "manifest": "---\n",
            "hooks": [{"name": "m", "kind": "Job", "path": "p", "manifest": "", "events": ["pre-upgrade"], "weight": -1,
            "last_run": {"phase": ""}}], "version": 3, "namespace": "web", "labels": {"team": "a"}});
        let release: HelmRelease = serde_json::from_value(text.clone()).unwrap();
        assert!(release.info.status.is_pending());
        assert_eq!(release.chart_name(), "shop-1.0.0");
        let again = HelmRelease::decode(release.encode().unwrap().as_bytes()).unwrap();
        assert_eq!(again, release);
        assert_eq!(serde_json::to_value(&again).unwrap(), text);
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        for text in [&b"!"[..], b"AAAA", b"H4sIAAAA"] {
            assert!(HelmRelease::decode(text).is_err());
        }
    }
}
