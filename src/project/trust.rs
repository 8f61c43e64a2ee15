//! Backups and the watcher.
//! Plain data.
//! Never holds a secret's value: passwords are named by where they come from.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::command_line::CommandLine;
use super::drill::DrillPolicy;
use super::quantity::Period;

/// Backups: contents, repository and retention.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupPolicy {
    /// A directory, or a restic repository URL: `sftp:user@host:/path`, `s3:https://host/bucket/prefix`.
    pub repository: String,
    /// Services to back up; default: all recognised data services.
    #[serde(default)]
    pub include: IndexMap<String, DataService>,
    /// Services and volumes to exclude.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Password of the repository.
    pub password: PasswordSource,
    /// Retention policy.
    #[serde(default)]
    pub keep: KeepPolicy,
    /// Allow a directory on this machine for a stack on another engine; without it such a backup is refused.
    #[serde(default)]
    pub local: bool,
    /// What a drill asks the restored data.
    #[serde(default)]
    pub drill: Option<DrillPolicy>,
    /// Cron schedule of backups, five fields.
    #[serde(default)]
    #[schemars(extend("format" = "cron"))]
    pub schedule: Option<String>,
}

/// Backup of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataService {
    /// Kind of data; default: recognised from the image.
    pub kind: Option<DataKind>,
    /// PostgreSQL databases; default: all.
    pub databases: Vec<String>,
    /// Qdrant collections or Elasticsearch indices; default: all.
    pub collections: Vec<String>,
    /// The user; default: the one set by the variables of the image.
    pub user: Option<String>,
    /// Stop the service while a volume is copied.
    pub stop: bool,
    /// Also take base backups and the WAL of a PostgreSQL server, for `backup restore --at`.
    pub physical: bool,
}

/// Kinds of data service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// Qdrant.
    Qdrant,
    /// Elasticsearch.
    Elasticsearch,
    /// Volumes of the service, as files.
    Volume,
}

/// Source of the password: exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordSource {
    /// An environment variable.
    pub env: Option<String>,
    /// A file.
    pub file: Option<String>,
    /// A command that prints it.
    pub command: Option<CommandLine>,
}

/// Retention policy; a backup kept by any rule is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepPolicy {
    /// Keep the last N backups.
    pub last: u32,
    /// Keep hourly backups for the last N hours.
    pub hourly: u32,
    /// Keep daily backups for the last N days.
    pub daily: u32,
    /// Keep weekly backups for the last N weeks.
    pub weekly: u32,
    /// Keep monthly backups for the last N months.
    pub monthly: u32,
    /// Keep yearly backups for the last N years.
    pub yearly: u32,
    /// Keep all backups that are not older than this before the newest, such as `30d`.
    pub within: Option<Period>,
}

impl KeepPolicy {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Settings of the watcher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchPolicy {
    /// Check interval; default: 30 seconds.
    pub interval: Option<Period>,
    /// Restart policy for unhealthy services.
    pub restart: Option<RestartPolicy>,
}

/// Limit of restarts of a service, after which it is only reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartPolicy {
    /// Maximum number of restarts.
    #[schemars(range(min = 1))]
    pub attempts: u32,
    /// Time window of the limit.
    pub within: Period,
}
