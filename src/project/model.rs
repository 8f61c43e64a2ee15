//! The project file as types: the project, its environments, tasks, proxy and secrets.
//! Plain data; the doc comments here are the descriptions in the JSON Schema.
//! Never reads a file and never checks itself: `shape` and `semantic` do.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::check::Check;
use super::command_line::CommandLine;
use super::notify::NotifyConfig;
use super::one_or_many::{OneOrMany, one_or_many};
use super::quantity::{ByteSize, Period};
use super::target::TargetConfig;
use super::trust::{BackupPolicy, WatchPolicy};

/// An aictl project: the file `aictl.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// Name of the project and prefix of everything it creates: lowercase letters, digits, `-` and `_`.
    pub name: Option<String>,
    /// The environment used by default.
    pub default_environment: Option<String>,
    /// Values for templates; an environment's values and `--set` are merged over them.
    pub values: Map<String, Value>,
    /// The environments by name.
    pub environments: IndexMap<String, Environment>,
    /// Where images are pulled from; credentials are those `docker login` stored.
    pub registry: Option<RegistryConfig>,
    /// Bundle file to load images from when no registry has them.
    pub bundle: Option<String>,
    /// Requirements of secrets, by variable name.
    pub secrets: IndexMap<String, SecretRequirement>,
    /// Commands run inside a service, by name.
    pub tasks: IndexMap<String, Task>,
    /// What `aictl quickstart` starts and runs.
    pub quickstart: QuickstartConfig,
    /// Checks of a running stack.
    pub checks: Vec<Check>,
    /// Backups: contents, repository and retention.
    pub backup: Option<BackupPolicy>,
    /// Settings of the watcher.
    pub watch: Option<WatchPolicy>,
    /// Recipients of the results of deploys and rollbacks.
    pub notify: Option<NotifyConfig>,
}

/// One way to run the project: where, from which files, with which values.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// Where it runs; default: the local Docker engine.
    pub target: Option<TargetConfig>,
    /// Compose files in the order they are merged; a name that ends in `.tera` is rendered first.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub compose: Vec<String>,
    /// Active Compose profiles.
    pub profiles: Vec<String>,
    /// Env files for interpolation, instead of `.env`.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub env_file: Vec<String>,
    /// Values of this environment, merged over the project's.
    pub values: Map<String, Value>,
    /// Requirements of the machine.
    pub requirements: Option<Requirements>,
    /// Checks of a running stack in this environment, in addition to those of the project.
    pub checks: Vec<Check>,
    /// The reverse proxy in front of the services.
    pub proxy: Option<ProxyConfig>,
    /// Additional steps of a deploy.
    pub deploy: DeployPolicy,
    /// The Kubernetes namespace.
    pub namespace: Option<String>,
    /// The Helm chart, on Kubernetes.
    pub chart: Option<ChartSource>,
}

/// A Helm chart and its values.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartSource {
    /// Directory or archive of the chart.
    pub path: String,
    /// Values files in the order they are merged; a name that ends in `.tera` is rendered first.
    #[serde(default)]
    pub values: Vec<String>,
}

/// What `aictl quickstart` starts and runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuickstartConfig {
    /// The environment to start; default: the default environment.
    pub environment: Option<String>,
    /// Tasks to run once the stack is ready, in this order; default: `migrate`, if defined.
    pub tasks: Option<Vec<String>>,
}

/// A command run inside a service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The service it runs in.
    pub service: String,
    /// Program and arguments.
    pub command: CommandLine,
    /// Description for the list of tasks.
    #[serde(default)]
    pub description: Option<String>,
    /// The user it runs as; default: the user of the service.
    #[serde(default)]
    pub user: Option<String>,
    /// The working directory; default: the one of the service.
    #[serde(default)]
    pub working_dir: Option<String>,
    /// Timeout.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// The PostgreSQL database whose schema it changes, where it is one of `deploy.migrate`: `SERVICE`,
    /// `SERVICE/DATABASE`, or `none`. Default: the only PostgreSQL service of the stack with the database of its image.
    #[serde(default)]
    pub database: Option<String>,
}

/// Requirements of the machine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requirements {
    /// Less than this is a shortfall.
    pub minimum: Resources,
    /// Less than this is a warning.
    pub recommended: Resources,
    /// Action on a shortfall.
    pub on_shortfall: OnShortfall,
}

/// CPUs, memory and disk.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// CPU cores.
    #[schemars(range(min = 0.0))]
    pub cpus: Option<f64>,
    /// Memory.
    pub memory: Option<ByteSize>,
    /// Free disk space where the engine keeps its data.
    pub disk: Option<ByteSize>,
}

/// Action on a shortfall of resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnShortfall {
    /// Warn and continue.
    #[default]
    Warn,
    /// Refuse to continue.
    Refuse,
}

/// The reverse proxy in front of the services.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// The proxy service of the compose files.
    #[serde(default)]
    pub service: String,
    /// Instead of `service`: add an nginx to the stack that publishes the ports of the routed services in their place.
    #[serde(default)]
    pub managed: bool,
    /// Source of the certificate; default: plain HTTP.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Routes; the longest matching path wins. Default with `managed`: one for each published HTTP port of a service that
    /// can run twice.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// Source of the certificate: exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Let's Encrypt, by HTTP challenge.
    pub letsencrypt: Option<LetsEncrypt>,
    /// Existing files.
    pub files: Option<CertificateFiles>,
}

/// A Let's Encrypt account.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LetsEncrypt {
    /// Address for expiry warnings.
    pub email: String,
}

/// A certificate and its key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate chain, PEM; an absolute path inside the container of the proxy.
    pub certificate: String,
    /// The private key, PEM; an absolute path inside the container of the proxy.
    pub key: String,
}

/// Route from a path to a service.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The path prefix, starting with `/`.
    pub path: String,
    /// The target service.
    pub service: String,
    /// The port it listens on inside its container.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How a new version of the service takes over; default: `blue-green` where two containers of it can run.
    #[serde(default)]
    pub strategy: Option<Strategy>,
}

/// How a new version of a service takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Stop the old container, then start the new one.
    Recreate,
    /// Start the new container beside the old one and switch traffic when it is healthy.
    BlueGreen,
}

/// Additional steps of a deploy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeployPolicy {
    /// Take a backup first.
    pub backup: bool,
    /// Rehearse the release on the newest proven backup first: `required`, or `when-possible`.
    pub rehearse: Option<Rehearsal>,
    /// Tasks to run before the new containers of their service start; `true` for the task `migrate`.
    #[serde(deserialize_with = "migrations")]
    #[schemars(with = "Migrations")]
    pub migrate: Vec<String>,
    /// How long a task of `migrate` may wait for a lock in PostgreSQL, so that it fails instead of blocking the queries behind
    /// it; passed with the timeout of the task as PGOPTIONS, unless the service sets that. Default: 10s; 0s sets nothing.
    pub lock_timeout: Option<Period>,
    /// Ask for confirmation first.
    pub confirm: bool,
    /// How long the new side is watched after the switch while the old one stays; a failing check, a rise of 5xx
    /// responses or a new alert switches back. Default: 0s.
    pub bake: Option<Period>,
    /// Time for old connections to finish.
    pub drain: Option<Period>,
    /// Timeout for the new containers to become healthy.
    pub timeout: Option<Period>,
    /// Number of releases kept for rollback; default: 5, minimum: 2.
    #[schemars(range(min = 2))]
    pub keep_releases: Option<u32>,
}

/// Whether a release is rehearsed before it is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rehearsal {
    /// No deploy without one.
    Required,
    /// Where there is a proven backup.
    WhenPossible,
}

/// Where images are pulled from; credentials are those `docker login` stored.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// Host, port and path prefix: `registry.example.com/team`.
    pub url: String,
    /// Mirrors, tried in this order when the registry of an image does not have it.
    #[serde(default)]
    pub mirrors: Vec<String>,
}

/// Requirements of a secret and how it is generated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretRequirement {
    /// Generated by `aictl secrets generate`, with this alphabet.
    pub generate: Option<GenerateKind>,
    /// Number of random bytes if generated; default: 32.
    #[schemars(range(min = 8, max = 1024))]
    pub bytes: Option<u32>,
    /// Must be set by the operator.
    pub required: bool,
    /// Minimum number of characters.
    pub min_length: Option<u32>,
    /// Purpose of the secret and where to get it.
    pub description: Option<String>,
}

/// The alphabet of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GenerateKind {
    /// Letters, digits, `-` and `_`.
    UrlSafe,
    /// Hexadecimal digits.
    Hex,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits and `-_.~`, at least one of each kind.
    Password,
}

/// A word, `true` or `false`, or a list of words.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema of a field read by `migrations`")]
enum Migrations {
    One(String),
    Flag(bool),
    Many(Vec<String>),
}

fn migrations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Flag(bool),
        One(String),
        Many(Vec<String>),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::Flag(false) => Vec::new(),
        Given::Flag(true) => vec![MIGRATE.to_owned()],
        // A plain `true` is read as the first kind of scalar the schema takes.
        Given::One(one) if one == "true" => vec![MIGRATE.to_owned()],
        Given::One(one) if one == "false" => Vec::new(),
        Given::One(one) => vec![one],
        Given::Many(many) => many,
    })
}

/// The task that migrates where no other is named.
const MIGRATE: &str = "migrate";
