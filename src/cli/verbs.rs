//! Every verb, one line each.
//! Reads nothing; clap derives the tree from it.
//! Never holds a flag of its own: a verb's flags live with its workflow.

use clap::Subcommand;

use super::manual::{CompletionsArgs, ManArgs};
use crate::workflow;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Quickstart(workflow::quickstart::QuickstartArgs),
    Init(workflow::init::InitArgs),
    Doctor(workflow::doctor::DoctorArgs),
    Setup(workflow::setup::SetupArgs),
    #[command(alias = "up")]
    Start(workflow::start::StartArgs),
    Stop(workflow::stop::StopArgs),
    /// Stop services and remove containers and networks: stop --remove
    #[command(hide = true)]
    Down(workflow::stop::StopArgs),
    Restart(workflow::restart::RestartArgs),
    #[command(alias = "ps")]
    Status(workflow::status::StatusArgs),
    Ls(workflow::ls::LsArgs),
    Health(workflow::health::HealthArgs),
    SmokeTest(workflow::smoke_test::SmokeTestArgs),
    Wait(workflow::wait::WaitArgs),
    Kill(workflow::kill::KillArgs),
    Logs(workflow::logs::LogsArgs),
    Exec(workflow::exec::ExecArgs),
    Shell(workflow::shell::ShellArgs),
    Run(workflow::run::RunArgs),
    Migrate(workflow::migrate::MigrateArgs),
    /// Run psql in the database's container; its exit code is passed on
    Db(workflow::client::ClientArgs),
    /// Run redis-cli in the cache's container; its exit code is passed on
    Redis(workflow::client::ClientArgs),
    Cp(workflow::cp::CpArgs),
    Port(workflow::port::PortArgs),
    Top(workflow::top::TopArgs),
    Open(workflow::open::OpenArgs),
    Diagram(workflow::diagram::DiagramArgs),
    Monitoring(workflow::monitoring::MonitoringArgs),
    Clean(workflow::clean::CleanArgs),
    #[command(flatten)]
    Files(FilesVerb),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Version(workflow::version::VersionArgs),
}

/// The verbs about images, bundles and the project's files.
#[derive(Debug, Subcommand)]
pub enum FilesVerb {
    Build(workflow::build::BuildArgs),
    Images(workflow::images::ImagesArgs),
    Bundle(workflow::bundle::BundleArgs),
    Pull(workflow::pull::PullArgs),
    Plan(workflow::plan::PlanArgs),
    Config(workflow::config::ConfigArgs),
    Lock(workflow::lock::LockArgs),
    Render(workflow::render::RenderArgs),
    Secrets(workflow::secrets::SecretsArgs),
    Schema(workflow::schema::SchemaArgs),
}
