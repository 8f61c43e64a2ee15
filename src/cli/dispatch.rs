//! From a verb to its workflow, one line each.
//! Reads the parsed verb; returns what the workflow reports.
//! Never does anything itself.

use super::verbs::{BeginVerb, OtherVerb, RunVerb, ShipVerb, TrustVerb};
use super::{Verb, manual};
use crate::error::Result;
use crate::session::Context;
use crate::session::report::Report;
use crate::workflow::{begin, run, schema, ship, trust, version};

/// Runs the verb.
pub async fn dispatch(context: &Context, verb: Verb) -> Result<Box<dyn Report>> {
    match verb {
        Verb::Begin(verb) => of_begin(context, verb).await,
        Verb::Run(verb) => of_run(context, verb).await,
        Verb::Ship(verb) => of_ship(context, verb).await,
        Verb::Trust(verb) => of_trust(context, verb).await,
        Verb::Other(verb) => of_aictl(context, verb).await,
    }
}

async fn of_begin(context: &Context, verb: BeginVerb) -> Result<Box<dyn Report>> {
    match verb {
        BeginVerb::Quickstart(args) => begin::quickstart::run(context, args).await,
        BeginVerb::Init(args) => begin::init::run(context, args).await,
        BeginVerb::Doctor(args) => begin::doctor::run(context, args).await,
        BeginVerb::Setup(args) => begin::setup::run(context, args).await,
        BeginVerb::Secrets(args) => begin::secrets::run(context, args).await,
    }
}

async fn of_run(context: &Context, verb: RunVerb) -> Result<Box<dyn Report>> {
    match verb {
        RunVerb::Start(args) => run::start::run(context, args).await,
        RunVerb::Stop(args) => run::stop::run(context, args).await,
        RunVerb::Down(args) => run::stop::run(context, run::stop::StopArgs { remove: true, ..args }).await,
        RunVerb::Restart(args) => run::restart::run(context, args).await,
        RunVerb::Status(args) => run::status::run(context, args).await,
        RunVerb::Logs(args) => run::logs::run(context, args).await,
        RunVerb::Exec(args) => run::exec::run(context, args).await,
        RunVerb::Shell(args) => run::shell::run(context, args).await,
        RunVerb::Run(args) => run::run_command::run(context, args).await,
        RunVerb::Migrate(args) => run::migrate::run(context, args).await,
        RunVerb::Db(args) => run::client::run_db(context, args).await,
        RunVerb::Redis(args) => run::client::run_redis(context, args).await,
        RunVerb::Ls(args) => run::ls::run(context, args).await,
        RunVerb::Wait(args) => run::wait::run(context, args).await,
        RunVerb::Kill(args) => run::kill::run(context, args).await,
        RunVerb::Cp(args) => run::cp::run(context, args).await,
        RunVerb::Port(args) => run::port::run(context, args).await,
        RunVerb::Top(args) => run::top::run(context, args).await,
        RunVerb::Open(args) => run::open::run(context, args).await,
        RunVerb::Diagram(args) => run::diagram::run(context, args).await,
        RunVerb::Monitoring(args) => run::monitoring::run(context, args).await,
        RunVerb::Clean(args) => run::clean::run(context, args).await,
    }
}

async fn of_ship(context: &Context, verb: ShipVerb) -> Result<Box<dyn Report>> {
    match verb {
        ShipVerb::Build(args) => ship::build::run(context, args).await,
        ShipVerb::Plan(args) => ship::plan::run(context, args).await,
        ShipVerb::History(args) => ship::history::run(context, args).await,
        ShipVerb::Show(args) => ship::show::run(context, args).await,
        ShipVerb::Explain(args) => ship::explain::run(context, args).await,
        ShipVerb::Pull(args) => ship::pull::run(context, args).await,
        ShipVerb::Images(args) => ship::images::run(context, args).await,
        ShipVerb::Config(args) => ship::config::run(context, args).await,
        ShipVerb::Render(args) => ship::render::run(context, args).await,
        ShipVerb::Lock(args) => ship::lock::run(context, args).await,
    }
}

async fn of_trust(context: &Context, verb: TrustVerb) -> Result<Box<dyn Report>> {
    match verb {
        TrustVerb::Health(args) => trust::health::run(context, args).await,
        TrustVerb::SmokeTest(args) => trust::smoke_test::run(context, args).await,
        TrustVerb::Bundle(args) => trust::bundle::run(context, args).await,
    }
}

async fn of_aictl(context: &Context, verb: OtherVerb) -> Result<Box<dyn Report>> {
    match verb {
        OtherVerb::Schema(args) => schema::run(context, args).await,
        OtherVerb::Completions(args) => manual::completions(&args),
        OtherVerb::Man(args) => manual::man(&args, &context.cwd),
        OtherVerb::Version(args) => version::run(context, args).await,
    }
}
