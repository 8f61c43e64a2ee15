//! From a verb to its workflow, one line each.
//! Reads the parsed verb; returns what the workflow reports.
//! Never does anything itself.

use super::verbs::FilesVerb;
use super::{Verb, manual};
use crate::error::Result;
use crate::session::Context;
use crate::session::report::Report;
use crate::workflow;

/// Runs the verb.
pub async fn dispatch(context: &Context, verb: Verb) -> Result<Box<dyn Report>> {
    match verb {
        Verb::Quickstart(args) => workflow::begin::quickstart::run(context, args).await,
        Verb::Init(args) => workflow::begin::init::run(context, args).await,
        Verb::Doctor(args) => workflow::begin::doctor::run(context, args).await,
        Verb::Setup(args) => workflow::begin::setup::run(context, args).await,
        Verb::Start(args) => workflow::run::start::run(context, args).await,
        Verb::Stop(args) => workflow::run::stop::run(context, args).await,
        Verb::Down(args) => {
            workflow::run::stop::run(context, workflow::run::stop::StopArgs { remove: true, ..args }).await
        }
        Verb::Restart(args) => workflow::run::restart::run(context, args).await,
        Verb::Status(args) => workflow::run::status::run(context, args).await,
        Verb::Ls(args) => workflow::run::ls::run(context, args).await,
        Verb::Health(args) => workflow::trust::health::run(context, args).await,
        Verb::SmokeTest(args) => workflow::trust::smoke_test::run(context, args).await,
        Verb::Wait(args) => workflow::run::wait::run(context, args).await,
        Verb::Kill(args) => workflow::run::kill::run(context, args).await,
        Verb::Logs(args) => workflow::run::logs::run(context, args).await,
        Verb::Exec(args) => workflow::run::exec::run(context, args).await,
        Verb::Shell(args) => workflow::run::shell::run(context, args).await,
        Verb::Run(args) => workflow::run::run_command::run(context, args).await,
        Verb::Migrate(args) => workflow::run::migrate::run(context, args).await,
        Verb::Db(args) => workflow::run::client::run_db(context, args).await,
        Verb::Redis(args) => workflow::run::client::run_redis(context, args).await,
        Verb::Cp(args) => workflow::run::cp::run(context, args).await,
        Verb::Port(args) => workflow::run::port::run(context, args).await,
        Verb::Top(args) => workflow::run::top::run(context, args).await,
        Verb::Open(args) => workflow::run::open::run(context, args).await,
        Verb::Monitoring(args) => workflow::run::monitoring::run(context, args).await,
        Verb::Diagram(args) => workflow::run::diagram::run(context, args).await,
        Verb::Clean(args) => workflow::run::clean::run(context, args).await,
        Verb::Version(args) => workflow::version::run(context, args).await,
        Verb::Files(verb) => of_files(context, verb).await,
        Verb::Completions(args) => manual::completions(&args),
        Verb::Man(args) => manual::man(&args, &context.cwd),
    }
}

async fn of_files(context: &Context, verb: FilesVerb) -> Result<Box<dyn Report>> {
    match verb {
        FilesVerb::Build(args) => workflow::ship::build::run(context, args).await,
        FilesVerb::Images(args) => workflow::ship::images::run(context, args).await,
        FilesVerb::Bundle(args) => workflow::trust::bundle::run(context, args).await,
        FilesVerb::Pull(args) => workflow::ship::pull::run(context, args).await,
        FilesVerb::Plan(args) => workflow::ship::plan::run(context, args).await,
        FilesVerb::Config(args) => workflow::ship::config::run(context, args).await,
        FilesVerb::Lock(args) => workflow::ship::lock::run(context, args).await,
        FilesVerb::Render(args) => workflow::ship::render::run(context, args).await,
        FilesVerb::Secrets(args) => workflow::begin::secrets::run(context, args).await,
        FilesVerb::Schema(args) => workflow::schema::run(context, args).await,
    }
}
