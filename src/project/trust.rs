//! What is kept safe and watched: backups, the watcher and who is told.
//! Plain data.
//! Never holds a secret's value: passwords are named by where they come from.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::CommandLine;
use super::quantity::Period;

/// What is backed up, where to, and how long it is kept.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupPolicy {
    /// A directory, or a restic repository URL: `sftp:user@host:/path`, `s3:https://host/bucket`.
    pub repository: String,
    /// What is backed up, by service; every data service found when empty.
    #[serde(default)]
    pub include: IndexMap<String, DataService>,
    /// Services and volumes that are not.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Where the repository's password comes from.
    pub password: PasswordSource,
    /// How many backups are kept.
    #[serde(default)]
    pub keep: KeepPolicy,
    /// When a backup is taken: five fields of cron.
    #[serde(default)]
    #[schemars(extend("format" = "cron"))]
    pub schedule: Option<String>,
}

/// How the data of one service is backed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataService {
    /// What kind of data it is; told from the image when not said.
    pub kind: Option<DataKind>,
    /// The databases, on PostgreSQL; all when empty.
    pub databases: Vec<String>,
    /// The collections or indices, on Qdrant and Elasticsearch; all when empty.
    pub collections: Vec<String>,
    /// The user, instead of the image's own variable.
    pub user: Option<String>,
    /// Stop the service while a volume is copied.
    pub stop: bool,
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
    /// The service's volumes as files.
    Volume,
}

/// Where a password comes from: exactly one of the three.
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

/// How many backups are kept; one that any rule keeps is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepPolicy {
    /// The last so many.
    pub last: u32,
    /// One an hour for so many hours.
    pub hourly: u32,
    /// One a day for so many days.
    pub daily: u32,
    /// One a week for so many weeks.
    pub weekly: u32,
    /// One a month for so many months.
    pub monthly: u32,
    /// One a year for so many years.
    pub yearly: u32,
}

/// What the watcher looks at and what it may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchPolicy {
    /// How often it looks; 30 seconds when not said.
    pub interval: Option<Period>,
    /// Whether it restarts what is unhealthy.
    pub restart: Option<RestartPolicy>,
}

/// How often the watcher restarts a service before it only reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartPolicy {
    /// So many times.
    #[schemars(range(min = 1))]
    pub attempts: u32,
    /// Within so long.
    pub within: Period,
}

/// Who is told. Every text may hold `${VAR}`, filled in when it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// A Slack webhook URL.
    pub slack: Option<String>,
    /// A Telegram chat.
    pub telegram: Option<TelegramNotify>,
    /// E-mail.
    pub email: Option<EmailNotify>,
    /// A URL that gets the event as JSON.
    pub webhook: Option<String>,
}

/// A Telegram chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramNotify {
    /// The bot's token.
    pub token: String,
    /// The chat's id.
    pub chat: String,
}

/// E-mail by SMTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailNotify {
    /// Receivers.
    pub to: Vec<String>,
    /// Sender.
    pub from: String,
    /// `smtp://user:password@host:port`.
    pub server: String,
}
