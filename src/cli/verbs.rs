//! Every verb, one line each.
//! Reads nothing; clap derives the tree from it.
//! Never holds a flag of its own: a verb's flags live with its workflow.

use clap::Subcommand;

use super::manual::{CompletionsArgs, ManArgs};
use crate::workflow;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Quickstart(workflow::begin::quickstart::QuickstartArgs),
    Init(workflow::begin::init::InitArgs),
    Doctor(workflow::begin::doctor::DoctorArgs),
    Setup(workflow::begin::setup::SetupArgs),
    #[command(alias = "up")]
    Start(workflow::run::start::StartArgs),
    Stop(workflow::run::stop::StopArgs),
    /// Stop services and remove containers and networks: stop --remove
    #[command(hide = true)]
    Down(workflow::run::stop::StopArgs),
    Restart(workflow::run::restart::RestartArgs),
    #[command(alias = "ps")]
    Status(workflow::run::status::StatusArgs),
    Ls(workflow::run::ls::LsArgs),
    Health(workflow::trust::health::HealthArgs),
    SmokeTest(workflow::trust::smoke_test::SmokeTestArgs),
    Wait(workflow::run::wait::WaitArgs),
    Kill(workflow::run::kill::KillArgs),
    Logs(workflow::run::logs::LogsArgs),
    Exec(workflow::run::exec::ExecArgs),
    Shell(workflow::run::shell::ShellArgs),
    Run(workflow::run::run_command::RunArgs),
    Migrate(workflow::run::migrate::MigrateArgs),
    /// Run psql in the database's container; its exit code is passed on
    Db(workflow::run::client::ClientArgs),
    /// Run redis-cli in the cache's container; its exit code is passed on
    Redis(workflow::run::client::ClientArgs),
    Cp(workflow::run::cp::CpArgs),
    Port(workflow::run::port::PortArgs),
    Top(workflow::run::top::TopArgs),
    Open(workflow::run::open::OpenArgs),
    Diagram(workflow::run::diagram::DiagramArgs),
    Monitoring(workflow::run::monitoring::MonitoringArgs),
    Clean(workflow::run::clean::CleanArgs),
    #[command(flatten)]
    Files(FilesVerb),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Version(workflow::version::VersionArgs),
}

/// The verbs about images, bundles and the project's files.
#[derive(Debug, Subcommand)]
pub enum FilesVerb {
    Build(workflow::ship::build::BuildArgs),
    Images(workflow::ship::images::ImagesArgs),
    Bundle(workflow::trust::bundle::BundleArgs),
    Pull(workflow::ship::pull::PullArgs),
    Plan(workflow::ship::plan::PlanArgs),
    Config(workflow::ship::config::ConfigArgs),
    Lock(workflow::ship::lock::LockArgs),
    Render(workflow::ship::render::RenderArgs),
    Secrets(workflow::begin::secrets::SecretsArgs),
    Schema(workflow::schema::SchemaArgs),
}
