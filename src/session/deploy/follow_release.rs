//! `start` where the environment has a release: starts what the release records, even if the files have changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::beside_release::Beside;
use super::configuration::Configuration;
use super::releases::Releases;
use super::ship::{ShipPlanning, Shipment};
use crate::compose::model::Stack;
use crate::error::{ErrorKind, Result};
use crate::event::Event;
use crate::plan::blue_green::OtherSide;
use crate::plan::converge::Recreate;
use crate::plan::order::with_dependencies;
use crate::plan::{Observed, PullPolicy, labels};
use crate::release::{PastRelease, ReleaseStatus};
use crate::session::convergence::load_contents;
use crate::session::image_catalog::Supplies;
use crate::session::load::LoadedStack;
use crate::session::stack_status::StackStatus;
use crate::session::start_request::{StartReport, StartRequest};
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError, managed_proxy};
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

/// A start of what a release records.
pub struct Followed {
    /// The report; none where no service of the release was requested.
    pub report: Option<StartReport>,
    /// Requested services of profiles that the release does not have.
    pub beside: BTreeSet<String>,
    /// The stack of the release with these services of the files.
    pub stack: Stack,
}

impl Following<'_> {
    /// Starts what the current release records; nothing where the project has no release. `stack` is what the files say.
    pub async fn start(&self, stack: &Stack) -> Result<Option<Followed>> {
        let releases = Releases::load(&**self.target, &self.loaded.name).await?;
        let Some(current) = releases.current() else { return Ok(None) };
        let configuration = releases.configuration(&**self.target, current).await?;
        let wanted = Beside { files: stack, release: &configuration.stack, revision: current.revision };
        let beside = wanted.services(self.request)?;
        let followed = Followed { report: None, stack: wanted.merged(&beside), beside };
        let named = self.of_release(&followed, &configuration.stack);
        if named.is_empty() && !self.request.services.is_empty() {
            return Ok(Some(followed));
        }
        refuse_changes(self.request)?;
        self.say_differences((stack, &followed.beside), &configuration, current.revision).await?;
        let selected = with_dependencies(&configuration.stack, &named, !self.request.no_deps)?;
        let baking = current.status == ReleaseStatus::Baking;
        if baking {
            let message = format!("release {} is still baking; the previous release is kept", current.revision);
            let hint = Some("continue with `aictl deploy --resume`".to_owned());
            self.context.reporter.report(Event::Warning { message, hint });
        }
        let report = self.ship((&releases, current), configuration, selected).await?;
        Ok(Some(Followed { report: Some(report), ..followed }))
    }

    /// Requested services that the release has, and those that the services beside it wait for.
    fn of_release(&self, followed: &Followed, release: &Stack) -> Vec<String> {
        let request = self.request;
        if request.services.is_empty() {
            return Vec::new();
        }
        let wanted = managed_proxy::with_proxy(&self.loaded.project, request);
        let beside = followed.beside.iter().filter(|_| !request.no_deps);
        let waited = beside.filter_map(|name| followed.stack.services.get(name)).flat_map(|s| s.depends_on.keys());
        let named: BTreeSet<&String> = wanted.iter().chain(waited).collect();
        named.into_iter().filter(|name| release.services.contains_key(*name)).cloned().collect()
    }

    async fn ship(
        &self,
        (releases, current): (&Releases, &PastRelease),
        configuration: Configuration,
        selected: BTreeSet<String>,
    ) -> Result<StartReport> {
        let (context, request) = (self.context, self.request);
        let shipment = self.shipment(configuration, current);
        let supplies = Supplies::default();
        let planning = ShipPlanning::new(context, &shipment, releases, &supplies)?;
        let planning = planning.selecting(selected.clone(), request.options.clone());
        let mut scope = self.loaded.scope(Some(&shipment.configuration.stack));
        planning.look_for(&mut scope);
        let mut transaction = Transaction::new(context, self.target.clone(), scope.clone(), "start");
        transaction.revision = Some(current.revision);
        transaction.beside_unfinished_restore = request.for_restore;
        let outcome = transaction.run(&|observed: &Observed| planning.plan(observed)).await?;
        let after = if outcome.executed { self.target.observe(&scope).await? } else { outcome.before };
        let stack = &shipment.configuration.stack;
        let status = StackStatus::of(&stack.name, Some(stack), &after);
        let report = StartReport::new(context, &request.options, &selected, status);
        Ok(report.with_steps(&outcome.plan, outcome.executed))
    }

    fn shipment(&self, configuration: Configuration, current: &PastRelease) -> Shipment {
        let baking = current.status == ReleaseStatus::Baking;
        Shipment {
            operation: "start",
            remove_orphans: self.request.options.remove_orphans,
            other_side: if baking { OtherSide::Keep } else { OtherSide::Remove },
            failed: ErrorKind::Failed,
            ..Shipment::restore(configuration, current.revision)
        }
    }

    /// Names the services whose files differ from the release.
    async fn say_differences(
        &self,
        (stack, beside): (&Stack, &BTreeSet<String>),
        release: &Configuration,
        revision: u32,
    ) -> Result<()> {
        let local = self.target.observe_engine().await?.local;
        let selected = stack.services.keys().cloned().collect();
        let contents = load_contents(stack, &selected, local)?;
        let files = Configuration { stack: stack.clone(), contents, ..release.clone() };
        let names = stack.services.keys().chain(release.stack.services.keys()).filter(|name| !beside.contains(*name));
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
