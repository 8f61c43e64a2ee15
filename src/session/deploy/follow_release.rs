//! `start` where the environment has a release: starts what the release records, even if the files have changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::configuration::Configuration;
use super::releases::Releases;
use super::ship::{ShipPlanning, Shipment};
use crate::compose::model::Stack;
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
use crate::session::start_request::{StartReport, StartRequest};
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// Whether containers of a release are among what was found.
pub fn has_release(observed: &Observed) -> bool {
    observed.instances.iter().any(|c| !c.one_off && c.labels.contains_key(labels::RELEASE))
}

/// A start in an environment that may have a release.
pub struct Following<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// The project.
    pub loaded: &'a LoadedStack,
    /// The engine.
    pub target: &'a Arc<dyn Target>,
    /// The requested options.
    pub request: &'a StartRequest,
}

impl Following<'_> {
    /// Starts what the current release records; nothing where the project has no release. `stack` is what the files say.
    pub async fn start(&self, stack: &Stack) -> Result<Option<StartReport>> {
        let (context, request) = (self.context, self.request);
        let releases = Releases::load(context, &**self.target, &self.loaded.name).await?;
        let Some(current) = releases.current() else { return Ok(None) };
        refuse_changes(request)?;
        let configuration = releases.configuration(&**self.target, current).await?;
        self.say_differences(stack, &configuration, current.revision).await?;
        let selected = with_dependencies(&configuration.stack, &request.services, !request.no_deps)?;
        let shipment = self.shipment(configuration, current.revision);
        let supplies = Supplies::default();
        let planning = ShipPlanning::new(context, &shipment, &releases, &supplies)?;
        let planning = planning.selecting(selected.clone(), request.options.clone());
        let mut scope = self.loaded.scope(Some(&shipment.configuration.stack));
        planning.look_for(&mut scope);
        let mut transaction = Transaction::new(context, self.target.clone(), scope.clone(), "start");
        transaction.revision = Some(current.revision);
        let outcome = transaction.run(&|observed: &Observed| planning.plan(observed)).await?;
        let after = if outcome.executed { self.target.observe(&scope).await? } else { outcome.before };
        let stack = &shipment.configuration.stack;
        let status = StackStatus::of(&stack.name, Some(stack), &after);
        let report = StartReport::new(context, &request.options, &selected, status);
        Ok(Some(report.with_steps(&outcome.plan, outcome.executed)))
    }

    fn shipment(&self, configuration: Configuration, revision: u32) -> Shipment {
        Shipment {
            operation: "start",
            cause: ReleaseCause::Rollback { to: revision },
            message: None,
            configuration,
            tasks: Vec::new(),
            build: false,
            pull: None,
            remove_orphans: self.request.options.remove_orphans,
            dropped_services: BTreeSet::new(),
            strict: false,
            failed: ErrorKind::Failed,
        }
    }

    /// Names the services whose files differ from the release.
    async fn say_differences(&self, stack: &Stack, release: &Configuration, revision: u32) -> Result<()> {
        let local = self.target.observe_engine().await?.local;
        let selected = stack.services.keys().cloned().collect();
        let contents = load_contents(stack, &selected, local)?;
        let files = Configuration { stack: stack.clone(), contents, ..release.clone() };
        let names = stack.services.keys().chain(release.stack.services.keys());
        let differing: BTreeSet<&str> =
            names.filter(|name| files.fingerprint(name) != release.fingerprint(name)).map(String::as_str).collect();
        if !differing.is_empty() {
            let names = differing.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("the files differ from release {revision} for {names}; the release is started");
            let hint = Some("bring up what the files say with `aictl deploy`".to_owned());
            self.context.reporter.report(Event::Warning { message, hint });
        }
        Ok(())
    }
}

/// Options that would change the release.
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
