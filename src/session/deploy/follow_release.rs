//! `start` where the environment has a release: what the release records is brought up, whatever the files say now.

use std::sync::Arc;

use super::ship::{ShipPlanning, Shipment};
use super::{Configuration, Releases};
use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::plan::converge::Recreate;
use crate::plan::order::with_dependencies;
use crate::plan::{Observed, PullPolicy, labels};
use crate::release::ReleaseCause;
use crate::session::convergence::load_contents;
use crate::session::image_catalog::Supplies;
use crate::session::load::LoadedStack;
use crate::session::stack_status::StackStatus;
use crate::session::start_stack::{StartReport, StartRequest};
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Whether containers of a release are among what was found.
pub fn has_release(observed: &Observed) -> bool {
    observed.instances.iter().any(|c| !c.one_off && c.labels.contains_key(labels::RELEASE))
}

/// Starts what the current release records; nothing where the project has no release.
pub async fn follow_release(
    context: &Context,
    loaded: &LoadedStack,
    target: &Arc<dyn Target>,
    (stack, request): (&crate::compose::Stack, &StartRequest),
) -> Result<Option<StartReport>> {
    let releases = Releases::load(context, &**target, &loaded.name).await?;
    let Some(current) = releases.current() else { return Ok(None) };
    refuse_changes(request)?;
    let mut configuration = releases.configuration(&**target, current).await?;
    configuration.settings.confirm = false;
    let local = target.observe_engine().await?.local;
    say_differences(context, (stack, &configuration), (local, current.revision))?;
    let (revision, cause) = (current.revision, ReleaseCause::Rollback { to: current.revision });
    let selected = with_dependencies(&configuration.stack, &request.services, !request.no_deps)?;
    let shipment = Shipment {
        operation: "start",
        cause,
        message: None,
        configuration,
        tasks: Vec::new(),
        build: false,
        pull: None,
        remove_orphans: request.options.remove_orphans,
        failed: ErrorKind::Failed,
    };
    let supplies = Supplies::default();
    let planning = ShipPlanning::new(context, &shipment, (&releases, &supplies))?;
    let planning = planning.selecting(selected.clone(), request.options.clone());
    let mut scope = loaded.scope(Some(&shipment.configuration.stack));
    planning.look_for(&mut scope);
    let mut transaction = Transaction::new(context, target.clone(), scope.clone(), "start");
    transaction.revision = Some(revision);
    let outcome = transaction.run(&|observed: &Observed| planning.plan(observed)).await?;
    let after = if outcome.executed { target.observe(&scope).await? } else { outcome.before };
    let stack = &shipment.configuration.stack;
    let mut status = StackStatus::of(&stack.name, Some(stack), &after);
    if request.options.wait && !context.options.dry_run {
        status.count_early_health(&selected);
    }
    let (steps, dry_run) = (outcome.plan.lines(), context.options.dry_run);
    Ok(Some(StartReport { steps, dry_run, changed: outcome.executed, status }))
}

/// Options that would make something else than the release.
fn refuse_changes(request: &StartRequest) -> Result<()> {
    let given = [
        ("--build", request.build),
        ("--scale", !request.scale.is_empty()),
        ("--force-recreate", request.options.recreate == Recreate::Always),
        ("--pull always", request.pull == Some(PullPolicy::Always)),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(WorkflowError::Unsupported {
            what: format!("{option} where the environment has a release: start brings up what the release records"),
            hint: "bring up what the files say with `aictl deploy`".to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Names the services whose files say something else than the release.
fn say_differences(
    context: &Context,
    (stack, release): (&crate::compose::Stack, &Configuration),
    (local, revision): (bool, u32),
) -> Result<()> {
    let selected = stack.services.keys().cloned().collect();
    let contents = load_contents(stack, &selected, local)?;
    let files = Configuration { stack: stack.clone(), contents, ..release.clone() };
    let names = stack.services.keys().chain(release.stack.services.keys());
    let mut differing: Vec<&str> =
        names.filter(|name| files.fingerprint(name) != release.fingerprint(name)).map(String::as_str).collect();
    differing.sort_unstable();
    differing.dedup();
    if !differing.is_empty() {
        let message =
            format!("the files differ from release {revision} for {}; the release is started", differing.join(", "));
        let hint = Some("bring up what the files say with `aictl deploy`".to_owned());
        context.reporter.report(Event::Warning { message, hint });
    }
    Ok(())
}
