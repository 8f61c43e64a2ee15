//! From a verb to its workflow, one line each.
//! Reads the parsed verb; returns what the workflow reports.
//! Never does anything itself.

use super::verbs::FilesVerb;
use super::{Verb, manual};
use crate::error::Result;
use crate::workflow::report::Report;
use crate::workflow::{self, Context};

/// Runs the verb.
pub async fn dispatch(context: &Context, verb: Verb) -> Result<Box<dyn Report>> {
    match verb {
        Verb::Quickstart(args) => workflow::quickstart::run(context, args).await,
        Verb::Init(args) => workflow::init::run(context, args).await,
        Verb::Doctor(args) => workflow::doctor::run(context, args).await,
        Verb::Setup(args) => workflow::setup::run(context, args).await,
        Verb::Start(args) => workflow::start::run(context, args).await,
        Verb::Stop(args) => workflow::stop::run(context, args).await,
        Verb::Down(args) => workflow::stop::run(context, workflow::stop::StopArgs { remove: true, ..args }).await,
        Verb::Restart(args) => workflow::restart::run(context, args).await,
        Verb::Status(args) => workflow::status::run(context, args).await,
        Verb::Ls(args) => workflow::ls::run(context, args).await,
        Verb::Health(args) => workflow::health::run(context, args).await,
        Verb::SmokeTest(args) => workflow::smoke_test::run(context, args).await,
        Verb::Wait(args) => workflow::wait::run(context, args).await,
        Verb::Kill(args) => workflow::kill::run(context, args).await,
        Verb::Logs(args) => workflow::logs::run(context, args).await,
        Verb::Exec(args) => workflow::exec::run(context, args).await,
        Verb::Shell(args) => workflow::shell::run(context, args).await,
        Verb::Run(args) => workflow::run::run(context, args).await,
        Verb::Migrate(args) => workflow::migrate::run(context, args).await,
        Verb::Db(args) => workflow::client::run_db(context, args).await,
        Verb::Redis(args) => workflow::client::run_redis(context, args).await,
        Verb::Cp(args) => workflow::cp::run(context, args).await,
        Verb::Port(args) => workflow::port::run(context, args).await,
        Verb::Top(args) => workflow::top::run(context, args).await,
        Verb::Open(args) => workflow::open::run(context, args).await,
        Verb::Monitoring(args) => workflow::monitoring::run(context, args).await,
        Verb::Diagram(args) => workflow::diagram::run(context, args).await,
        Verb::Clean(args) => workflow::clean::run(context, args).await,
        Verb::Version(args) => workflow::version::run(context, args).await,
        Verb::Files(verb) => of_files(context, verb).await,
        Verb::Completions(args) => manual::completions(&args),
        Verb::Man(args) => manual::man(&args, &context.cwd),
    }
}

async fn of_files(context: &Context, verb: FilesVerb) -> Result<Box<dyn Report>> {
    match verb {
        FilesVerb::Build(args) => workflow::build::run(context, args).await,
        FilesVerb::Images(args) => workflow::images::run(context, args).await,
        FilesVerb::Bundle(args) => workflow::bundle::run(context, args).await,
        FilesVerb::Pull(args) => workflow::pull::run(context, args).await,
        FilesVerb::Plan(args) => workflow::plan::run(context, args).await,
        FilesVerb::Config(args) => workflow::config::run(context, args).await,
        FilesVerb::Lock(args) => workflow::lock::run(context, args).await,
        FilesVerb::Render(args) => workflow::render::run(context, args).await,
        FilesVerb::Secrets(args) => workflow::secrets::run(context, args).await,
        FilesVerb::Schema(args) => workflow::schema::run(context, args).await,
    }
}
