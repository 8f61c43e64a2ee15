//! What a record keeps of a failed container: exit code, restarts, engine error, health check output and last log lines.
//! Collected before anything is undone, and redacted before it is recorded.

use serde::{Deserialize, Serialize};

/// A failed container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Service.
    pub service: String,
    /// Container name.
    pub container: String,
    /// Exit code of its last run.
    pub exit_code: Option<i64>,
    /// Killed because it ran out of memory.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub oom_killed: bool,
    /// Restarts by the restart policy since it was started.
    #[serde(skip_serializing_if = "is_zero")]
    pub restarts: u64,
    /// The engine's own error of the last start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_error: Option<String>,
    /// Last output of its health check, when that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_log: Option<String>,
    /// Attempts of a check that failed on it, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<String>,
    /// The last log lines, oldest first.
    pub logs: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Evidence {
    /// The same with every text of the container changed.
    #[must_use]
    pub fn map_texts(self, change: impl Fn(&str) -> String) -> Self {
        Self {
            engine_error: self.engine_error.as_deref().map(&change),
            health_log: self.health_log.as_deref().map(&change),
            logs: self.logs.iter().map(|line| change(line)).collect(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_of_earlier_records_is_read() {
        let text = r#"{"service":"api","container":"shop-api-1","exit_code":3,"logs":["no database"]}"#;
        let read: Evidence = serde_json::from_str(text).unwrap();
        assert_eq!((read.exit_code, read.oom_killed, read.logs.len()), (Some(3), false, 1));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn every_text_is_changed() {
        let past = Evidence {
            engine_error: Some("a".into()),
            health_log: Some("b".into()),
            logs: vec!["c".into()],
            ..Default::default()
        };
        let changed = past.map_texts(|text| format!("<{text}>"));
        assert_eq!(serde_json::to_string(&changed).unwrap().matches('<').count(), 3);
    }
}
