//! From a verb to its workflow, one line each.
//! Reads the parsed verb; returns what the workflow reports.
//! Never does anything itself.

use super::verbs::{BeginVerb, OtherVerb, RunVerb, ShipVerb, TrustVerb};
use super::{Verb, manual};
use crate::error::Result;
use crate::session::Context;
use crate::session::report::Report;
use crate::workflow::ship::deploy::DeployArgs;
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
        BeginVerb::Quickstart(args) => boxed(begin::quickstart::run(context, args).await),
        BeginVerb::Init(args) => boxed(begin::init::run(context, args).await),
        BeginVerb::Doctor(args) => boxed(begin::doctor::run(context, args).await),
        BeginVerb::Setup(args) => boxed(begin::setup::run(context, args).await),
        BeginVerb::Secrets(args) => boxed(begin::secrets::run(context, args).await),
    }
}

async fn of_run(context: &Context, verb: RunVerb) -> Result<Box<dyn Report>> {
    match verb {
        RunVerb::Start(args) => boxed(run::start::run(context, args).await),
        RunVerb::Stop(args) => boxed(run::stop::run(context, args).await),
        RunVerb::Down(args) => boxed(run::stop::run(context, run::stop::StopArgs { remove: true, ..args }).await),
        RunVerb::Restart(args) => boxed(run::restart::run(context, args).await),
        RunVerb::Status(args) => boxed(run::status::run(context, args).await),
        RunVerb::Logs(args) => boxed(run::logs::run(context, args).await),
        RunVerb::Exec(args) => boxed(run::exec::run(context, args).await),
        RunVerb::Shell(args) => boxed(run::shell::run(context, args).await),
        RunVerb::Run(args) => boxed(run::run_command::run(context, args).await),
        RunVerb::Migrate(args) => boxed(run::migrate::run(context, args).await),
        RunVerb::Db(args) => boxed(run::client::run_db(context, args).await),
        RunVerb::Redis(args) => boxed(run::client::run_redis(context, args).await),
        RunVerb::Ls(args) => boxed(run::ls::run(context, args).await),
        RunVerb::Wait(args) => boxed(run::wait::run(context, args).await),
        RunVerb::Kill(args) => boxed(run::kill::run(context, args).await),
        RunVerb::Cp(args) => boxed(run::cp::run(context, args).await),
        RunVerb::Port(args) => boxed(run::port::run(context, args).await),
        RunVerb::Top(args) => boxed(run::top::run(context, args).await),
        RunVerb::Open(args) => boxed(run::open::run(context, args).await),
        RunVerb::Diagram(args) => boxed(run::diagram::run(context, args).await),
        RunVerb::Monitoring(args) => boxed(run::monitoring::run(context, args).await),
        RunVerb::Clean(args) => boxed(run::clean::run(context, args).await),
    }
}

async fn of_ship(context: &Context, verb: ShipVerb) -> Result<Box<dyn Report>> {
    match verb {
        ShipVerb::Build(args) => boxed(ship::build::run(context, args).await),
        ShipVerb::Plan(args) => boxed(ship::plan::run(context, args).await),
        ShipVerb::Deploy(DeployArgs { maintenance: Some(when), .. }) => {
            boxed(ship::deploy::maintenance(context, when).await)
        }
        ShipVerb::Deploy(args) => boxed(ship::deploy::run(context, args).await),
        ShipVerb::Rollback(args) => boxed(ship::rollback::run(context, args).await),
        ShipVerb::History(args) => boxed(ship::history::run(context, args).await),
        ShipVerb::Show(args) => boxed(ship::show::run(context, args).await),
        ShipVerb::Explain(args) => boxed(ship::explain::run(context, args).await),
        ShipVerb::Pull(args) => boxed(ship::pull::run(context, args).await),
        ShipVerb::Push(args) => boxed(ship::push::run(context, args).await),
        ShipVerb::Images(args) => boxed(ship::images::run(context, args).await),
        ShipVerb::Config(args) => boxed(ship::config::run(context, args).await),
        ShipVerb::Render(args) => boxed(ship::render::run(context, *args).await),
        ShipVerb::Lock(args) => boxed(ship::lock::run(context, args).await),
    }
}

async fn of_trust(context: &Context, verb: TrustVerb) -> Result<Box<dyn Report>> {
    match verb {
        TrustVerb::Health(args) => boxed(trust::health::run(context, args).await),
        TrustVerb::SmokeTest(args) => boxed(trust::smoke_test::run(context, args).await),
        TrustVerb::Notify(args) => boxed(trust::notify::run(context, args).await),
        TrustVerb::Backup(args) => boxed(trust::backup::run(context, args).await),
        TrustVerb::Restore(args) => boxed(trust::backup::restore(context, args).await),
        TrustVerb::Bundle(args) => boxed(trust::bundle::run(context, args).await),
    }
}

async fn of_aictl(context: &Context, verb: OtherVerb) -> Result<Box<dyn Report>> {
    match verb {
        OtherVerb::Schema(args) => boxed(schema::run(context, args).await),
        OtherVerb::Completions(args) => boxed(manual::completions(&args)),
        OtherVerb::Man(args) => boxed(manual::man(&args, &context.cwd, context.options.dry_run)),
        OtherVerb::Version(args) => boxed(version::run(context, args).await),
    }
}

/// Boxes the report of a verb, so that dispatch returns one type.
fn boxed<R: Report + 'static>(report: Result<R>) -> Result<Box<dyn Report>> {
    report.map(|report| Box::new(report) as Box<dyn Report>)
}
