//! The project file `aictl.yaml`: what it may hold, where it is found, and what is wrong with it, all at once.
//! Reads the file, the chosen environment and `--set`; returns a `LoadedProject`. A bare compose directory is one too.
//! Never reads compose files, charts or the process environment.

mod backup_check;
mod check;
mod check_rules;
mod command_line;
mod document;
mod drill;
mod error;
mod findings;
mod load;
mod managed_proxy;
mod model;
mod no_effect;
mod notify;
mod one_or_many;
mod quantity;
mod scalar;
mod schema;
mod schema_rules;
mod schema_width;
mod semantic;
mod shape;
mod ssh_address;
mod target;
mod trust;
mod values;

pub use backup_check::{BackupCheck, RequiredState};
pub use check::{
    Check, ExecCheck, Expectation, ExpectedState, HttpCheck, HttpParts, LogCheck, PrometheusCheck, RedisCheck,
    RulesState, RulesWord, SqlCheck, StateCheck, TargetsState, TcpCheck, TlsCheck, host_and_port, is_public,
};
pub use command_line::CommandLine;
pub use drill::{DrillPolicy, DrillQuery, DrillReference, ReferenceSource, ReferenceTarget};
pub use error::{Problem, ProjectError};
pub use load::{LoadedProject, PROJECT_FILE, ProjectArgs, load_project, parse_project};
pub use managed_proxy::{Listener, ManagedProxy};
pub use model::{
    ChartSource, DeployPolicy, Environment, GenerateKind, OnShortfall, Project, ProxyConfig, QuickstartConfig,
    RegistryConfig, Rehearsal, Requirements, Resources, Route, SecretRequirement, Strategy, Task, Tls,
};
pub use notify::{EmailNotify, NotifyConfig, NotifyOn, TelegramNotify, WebhookNotify, WebhookSettings};
pub use quantity::{ByteSize, Period};
pub use schema::schema;
pub use ssh_address::{SshAddress, after_ssh_scheme};
pub use target::{DockerTarget, DockerTls, DockerTlsFiles, KubernetesTarget, TargetConfig};
pub use trust::{BackupPolicy, DataKind, DataService, KeepPolicy, PasswordSource, RestartPolicy, WatchPolicy};
pub use values::{merge_values, set_value};
