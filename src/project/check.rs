//! What must be true of a running stack, as the project file says it.
//! Plain data: each check has a name and exactly one way to look.
//! Never looks: `probe` does.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::CommandLine;
use super::quantity::Period;

/// One check: a name and exactly one of `http`, `tcp`, `exec`, `sql`, `redis` and `prometheus`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What is true when it passes, in words.
    pub name: String,
    /// A URL whose host is a service: `http://api:8000/health`.
    #[serde(default)]
    pub http: Option<HttpCheck>,
    /// A service and port that accept a connection: `postgres:5432`.
    #[serde(default)]
    pub tcp: Option<TcpCheck>,
    /// A command inside a service that exits 0.
    #[serde(default)]
    pub exec: Option<ExecCheck>,
    /// A query in a PostgreSQL service.
    #[serde(default)]
    pub sql: Option<SqlCheck>,
    /// A command to a Redis service.
    #[serde(default)]
    pub redis: Option<RedisCheck>,
    /// A question to Prometheus.
    #[serde(default)]
    pub prometheus: Option<PrometheusCheck>,
    /// What the answer must be.
    #[serde(default)]
    pub expect: Expectation,
    /// How long the answer may take.
    #[serde(default)]
    pub timeout: Option<Period>,
}

/// A URL whose host is a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HttpCheck {
    /// `http://SERVICE:PORT/path`.
    pub url: String,
}

/// A service and port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TcpCheck {
    /// `SERVICE:PORT`.
    pub address: String,
}

/// A command inside a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecCheck {
    /// The service it runs in.
    pub service: String,
    /// Program and arguments.
    pub command: CommandLine,
}

/// A query in a PostgreSQL service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    /// The PostgreSQL service.
    pub service: String,
    /// The database, instead of the user's own.
    #[serde(default)]
    pub database: Option<String>,
    /// The query; its first value is the answer.
    pub query: String,
}

/// A command to a Redis service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisCheck {
    /// The Redis service.
    pub service: String,
    /// The command: `PING` when not said.
    #[serde(default)]
    pub command: CommandLine,
}

/// A question to Prometheus: its targets, or a query whose result must not be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrometheusCheck {
    /// The Prometheus service; `prometheus` when not said.
    pub service: Option<String>,
    /// The state every target must be in.
    pub targets: Option<TargetsState>,
    /// Alert rules that must be loaded.
    pub rules: Vec<String>,
    /// A query in PromQL.
    pub query: Option<String>,
}

/// The state of Prometheus' targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetsState {
    /// Every target answers.
    Up,
}

/// What the answer must be; what is not said is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// HTTP status; any below 400 when not said.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// Text the answer holds.
    pub contains: Option<String>,
    /// Regular expression the answer matches.
    pub matches: Option<String>,
    /// Values of the answer's JSON by pointer: `/status: ok`.
    pub json: IndexMap<String, serde_json::Value>,
    /// Headers of the answer.
    pub headers: IndexMap<String, String>,
    /// Exit code of a command.
    pub exit_code: Option<i32>,
}
