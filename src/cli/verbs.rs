//! Every verb, one line each, in the groups that the help shows and `workflow` has folders for.
//! Reads nothing; clap derives the tree from it.
//! Never holds a flag of its own: a verb's flags live with its workflow.

use clap::Subcommand;

use super::manual_args::{CompletionsArgs, ManArgs};
use crate::workflow::{begin, run, schema, ship, trust, version};

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    #[command(flatten)]
    Begin(BeginVerb),
    #[command(flatten)]
    Run(RunVerb),
    #[command(flatten)]
    Ship(ShipVerb),
    #[command(flatten)]
    Trust(TrustVerb),
    #[command(flatten)]
    Other(OtherVerb),
}

/// Sets up machine and project.
#[derive(Debug, Subcommand)]
pub enum BeginVerb {
    Quickstart(begin::quickstart::QuickstartArgs),
    Init(begin::init::InitArgs),
    Doctor(begin::doctor::DoctorArgs),
    Setup(begin::setup::SetupArgs),
    Secrets(begin::secrets::SecretsArgs),
}

/// Runs the stack.
#[derive(Debug, Subcommand)]
pub enum RunVerb {
    #[command(alias = "up")]
    Start(run::start::StartArgs),
    Stop(run::stop::StopArgs),
    /// Stop services and remove containers and networks; same as `stop --remove`
    #[command(hide = true)]
    Down(run::stop::StopArgs),
    Restart(run::restart::RestartArgs),
    #[command(alias = "ps")]
    Status(run::status::StatusArgs),
    Logs(run::logs::LogsArgs),
    Exec(run::exec::ExecArgs),
    Shell(run::shell::ShellArgs),
    Run(run::run_command::RunArgs),
    Migrate(run::migrate::MigrateArgs),
    /// Run psql in the database container
    ///
    /// Exits with the exit code of psql.
    Db(run::client::ClientArgs),
    /// Run redis-cli in the Redis container
    ///
    /// Exits with the exit code of redis-cli.
    Redis(run::client::ClientArgs),
    Ls(run::ls::LsArgs),
    Wait(run::wait::WaitArgs),
    Kill(run::kill::KillArgs),
    Cp(run::cp::CpArgs),
    Port(run::port::PortArgs),
    Top(run::top::TopArgs),
    Open(run::open::OpenArgs),
    Diagram(run::diagram::DiagramArgs),
    Monitoring(run::monitoring::MonitoringArgs),
    Clean(run::clean::CleanArgs),
}

/// Makes images and configuration.
#[derive(Debug, Subcommand)]
pub enum ShipVerb {
    Build(ship::build::BuildArgs),
    Plan(ship::plan::PlanArgs),
    Deploy(ship::deploy::DeployArgs),
    Rollback(ship::rollback::RollbackArgs),
    History(ship::history::HistoryArgs),
    Show(ship::show::ShowArgs),
    Explain(ship::explain::ExplainArgs),
    Pull(ship::pull::PullArgs),
    Push(ship::push::PushArgs),
    Images(ship::images::ImagesArgs),
    Config(ship::config::ConfigArgs),
    Render(Box<ship::render::RenderArgs>),
    Lock(ship::lock::LockArgs),
}

/// Checks the stack and keeps it safe.
#[derive(Debug, Subcommand)]
pub enum TrustVerb {
    Health(trust::health::HealthArgs),
    SmokeTest(trust::smoke_test::SmokeTestArgs),
    Notify(trust::notify::NotifyArgs),
    Bundle(trust::bundle::BundleArgs),
    Backup(trust::backup::BackupArgs),
    /// Restore a backup set; same as `backup restore`
    #[command(hide = true)]
    Restore(trust::backup::RestoreArgs),
}

/// About aictl itself.
#[derive(Debug, Subcommand)]
pub enum OtherVerb {
    Schema(schema::SchemaArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Version(version::VersionArgs),
}
