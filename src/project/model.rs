//! The project file as types: the project, its environments, tasks, proxy and secrets.
//! Plain data; the doc comments here are the descriptions in the JSON Schema.
//! Never reads a file and never checks itself: `shape` and `semantic` do.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::check::Check;
use super::quantity::{ByteSize, Period};
use super::target::TargetConfig;
use super::trust::{BackupPolicy, NotifyConfig, WatchPolicy};

/// A project of aictl: the file `aictl.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// Name of the project and prefix of everything it creates: lower case letters, digits, `-` and `_`.
    pub name: Option<String>,
    /// The environment used when none is named.
    pub default_environment: Option<String>,
    /// Values for templates; an environment's values and `--set` are merged over them.
    pub values: Map<String, Value>,
    /// The environments by name.
    pub environments: IndexMap<String, Environment>,
    /// Where images are pulled from; credentials are those `docker login` stored.
    pub registry: Option<RegistryConfig>,
    /// A bundle file images come from when no registry gives them.
    pub bundle: Option<String>,
    /// What the project's secrets must be, by name of the variable.
    pub secrets: IndexMap<String, SecretRequirement>,
    /// Commands run inside a service, by name.
    pub tasks: IndexMap<String, Task>,
    /// What `aictl quickstart` starts and runs.
    pub quickstart: QuickstartConfig,
    /// What must be true of a running stack.
    pub checks: Vec<Check>,
    /// What is backed up, where to, and how long it is kept.
    pub backup: Option<BackupPolicy>,
    /// What the watcher looks at and what it may do.
    pub watch: Option<WatchPolicy>,
    /// Who is told when something happens.
    pub notify: Option<NotifyConfig>,
}

/// One way to run the project: where, from which files, with which values.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// Where it runs; the local Docker engine when absent.
    pub target: Option<TargetConfig>,
    /// Compose files in the order they are merged; a name that ends in `.tera` is rendered first.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub compose: Vec<String>,
    /// Compose profiles that are on.
    pub profiles: Vec<String>,
    /// Files of variables for interpolation, instead of `.env`.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub env_file: Vec<String>,
    /// Values of this environment, merged over the project's.
    pub values: Map<String, Value>,
    /// What the machine must have.
    pub requirements: Option<Requirements>,
    /// What must be true of a running stack here, besides the project's own checks.
    pub checks: Vec<Check>,
    /// The reverse proxy in front of the services.
    pub proxy: Option<ProxyConfig>,
    /// What a deploy does besides replacing containers.
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
    /// The environment a newcomer starts; the default one when absent.
    pub environment: Option<String>,
    /// Tasks that are run once the stack is ready, in this order; `migrate`, where there is one, when absent.
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
    /// What it does, for the list of tasks.
    #[serde(default)]
    pub description: Option<String>,
    /// The user it runs as, instead of the service's own.
    #[serde(default)]
    pub user: Option<String>,
    /// The directory it runs in, instead of the service's own.
    #[serde(default)]
    pub working_dir: Option<String>,
    /// How long it may take.
    #[serde(default)]
    pub timeout: Option<Period>,
}

/// A program and its arguments, written as a list or as one line that is split at spaces as a shell does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine(pub Vec<String>);

/// What a machine must have.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requirements {
    /// Less than this is a shortfall.
    pub minimum: Resources,
    /// Less than this is worth a warning.
    pub recommended: Resources,
    /// What a shortfall means.
    pub on_shortfall: OnShortfall,
}

/// Processors, memory and disk.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Processor cores.
    #[schemars(range(min = 0.0))]
    pub cpus: Option<f64>,
    /// Memory.
    pub memory: Option<ByteSize>,
    /// Free disk space where the engine keeps its data.
    pub disk: Option<ByteSize>,
}

/// What a shortfall of resources means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnShortfall {
    /// Say it and go on.
    #[default]
    Warn,
    /// Stop before anything is done.
    Refuse,
}

/// The reverse proxy in front of the services.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// The service that is the proxy.
    pub service: String,
    /// Where its certificate comes from; plain HTTP when absent.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// What goes where, the longest path first.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// Where a certificate comes from: exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Let's Encrypt, by HTTP challenge.
    pub letsencrypt: Option<LetsEncrypt>,
    /// Files that are there already.
    pub files: Option<CertificateFiles>,
}

/// An account at Let's Encrypt.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LetsEncrypt {
    /// Where warnings about expiry go.
    pub email: String,
}

/// A certificate and its key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate chain, PEM.
    pub certificate: String,
    /// The private key, PEM.
    pub key: String,
}

/// Requests under one path go to one service.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The path prefix, beginning with `/`.
    pub path: String,
    /// The service that answers.
    pub service: String,
    /// The port it listens on inside its container.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How a new version of the service takes over.
    #[serde(default)]
    pub strategy: Strategy,
}

/// How a new version of a service takes over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The old one stops, then the new one starts: for what must not run twice.
    #[default]
    Recreate,
    /// The new one starts beside the old one and traffic is switched when it is healthy.
    BlueGreen,
}

/// What a deploy does besides replacing containers.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeployPolicy {
    /// Take a backup first.
    pub backup: bool,
    /// Rehearse the release on the newest proven backup first: `required`, or `when-possible`.
    pub rehearse: Option<Rehearsal>,
    /// Run the task `migrate` before the switch.
    pub migrate: bool,
    /// Ask before anything is done.
    pub confirm: bool,
    /// How long the old side stays warm after the switch.
    pub bake: Option<Period>,
    /// How long old connections may take to end.
    pub drain: Option<Period>,
    /// How long a new side may take to become healthy.
    pub timeout: Option<Period>,
    /// How many releases are kept to go back to.
    #[schemars(range(min = 1))]
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
    /// Registries that are asked when an image's own does not give it, in this order.
    #[serde(default)]
    pub mirrors: Vec<String>,
}

/// What a secret must be, and how it comes into being.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretRequirement {
    /// Made by `aictl secrets generate`, in this alphabet.
    pub generate: Option<GenerateKind>,
    /// Random bytes of a generated one; 32 when not said.
    #[schemars(range(min = 8, max = 1024))]
    pub bytes: Option<u32>,
    /// Must be given by the operator.
    pub required: bool,
    /// Fewer characters than this are refused.
    pub min_length: Option<u32>,
    /// What it is for and where to get it.
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

/// One word or a list of words.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema of fields read by `one_or_many`")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::One(one) => vec![one],
        Given::Many(many) => many,
    })
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Line(String),
            Words(Vec<String>),
        }
        match Given::deserialize(deserializer)? {
            Given::Words(words) => Ok(Self(words)),
            Given::Line(line) => shlex::split(&line)
                .map(Self)
                .ok_or_else(|| serde::de::Error::custom("a quote in the command does not end")),
        }
    }
}

impl JsonSchema for CommandLine {
    fn schema_name() -> Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Program and arguments: a list, or one line that is split as a shell does.",
            "anyOf": [
                { "type": "string", "format": "command-line" },
                { "type": "array", "items": { "type": "string" } },
            ],
        })
    }
}
