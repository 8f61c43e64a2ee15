//! The checks of a deploy: which there are, and running one by its name.

use std::sync::Arc;
use std::time::Duration;

use crate::compose::model::Stack;
use crate::execute::CheckFailure;
use crate::plan::Observed;
use crate::plan::blue_green::DeployCheck;
use crate::probe::{CheckOutcome, Planned, ProbeContext, plan_checks, prometheus_service};
use crate::project::LoadedProject;
use crate::session::Context;
use crate::target::Target;

/// A check is repeated this long where the environment has no timeout.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the checks of a deploy are taken from.
pub struct CheckSource<'a> {
    /// Its project file.
    pub project: &'a LoadedProject,
    /// The stack to deploy.
    pub stack: &'a Stack,
    /// The state before.
    pub observed: &'a Observed,
    /// How long new containers may take.
    pub timeout: Option<Duration>,
    /// Whether an earlier release is deployed.
    pub is_rollback: bool,
    /// Whether a bake that saw nothing fails.
    pub strict: bool,
}

/// The checks of a deploy.
pub struct DeployChecks<'a> {
    pub(super) context: &'a Context,
    pub(super) target: Arc<dyn Target>,
    project: String,
    pub(super) planned: Vec<Planned>,
    timeout: Duration,
    /// The service with Prometheus, where there is exactly one.
    pub(super) prometheus: Option<String>,
    pub(super) strict: bool,
}

impl<'a> DeployChecks<'a> {
    /// The checks of aictl.yaml and of the images of the stack; those of services that the stack does not have are
    /// left out. That a service runs is no check here: the deploy waits for it anyway; nor is
    /// the age of the backups, on which no release has a bearing. A rollback has only those of the
    /// images: a check of aictl.yaml may not fit the earlier release, which passed its own.
    pub fn of(context: &'a Context, target: Arc<dyn Target>, from: CheckSource<'_>) -> Self {
        let CheckSource { project, stack, observed, timeout, is_rollback, strict } = from;
        let mut planned = plan_checks(Some(stack), observed, project.checks().filter(|_| !is_rollback));
        let is_known =
            |planned: &Planned| planned.service.as_ref().is_none_or(|name| stack.services.contains_key(name));
        planned.retain(|planned| planned.check.backup.is_none());
        planned.retain(|planned| is_known(planned) && !(planned.recognised && planned.check.state.is_some()));
        let prometheus = prometheus_service(Some(stack), observed).filter(|name| stack.services.contains_key(name));
        let (project, timeout) =
            (stack.name.clone(), context.options.timeout.or(timeout).unwrap_or(TIMEOUT).min(TIMEOUT));
        Self { context, target, project, planned, timeout, prometheus, strict }
    }

    /// What checks look at, as it is now.
    pub(super) async fn probes(&self) -> std::result::Result<ProbeContext<'_>, CheckFailure> {
        let (context, now) = (self.context, self.context.unix_time());
        let probes = ProbeContext::now(&*self.target, &self.project, now, &context.redactor);
        probes.await.map_err(CheckFailure::Target)
    }

    /// The failure of a check with each of its attempts.
    pub(super) fn failure(&self, outcome: CheckOutcome) -> CheckFailure {
        let outcome = outcome.redacted(&self.context.redactor);
        // The message of a request names it, those of other checks do not.
        let planned = self.planned.iter().find(|planned| planned.check.name == outcome.name);
        let names_itself = planned.is_some_and(|planned| planned.check.http.is_some());
        let mut groups: Vec<Vec<String>> = Vec::new();
        for attempt in &outcome.attempts {
            let first =
                if names_itself { attempt.message.clone() } else { format!("{}: {}", outcome.asked, attempt.message) };
            let details = attempt.details.iter().map(|line| format!("  {line}"));
            groups.push(std::iter::once(first).chain(details).collect());
        }
        groups.dedup();
        let attempts = groups.concat();
        CheckFailure::Failed { service: outcome.service.clone(), message: outcome.message(), attempts }
    }

    /// The same for the plan.
    pub fn steps(&self) -> Vec<DeployCheck> {
        let step = |planned: &Planned| DeployCheck {
            name: planned.check.name.clone(),
            service: planned.service.clone(),
            recognised: planned.recognised,
            timeout: self.timeout,
        };
        self.planned.iter().map(step).collect()
    }

    /// Removes what reaching the services required.
    pub async fn close(&self) {
        if let Some(dial) = self.target.dial() {
            dial.close_helpers().await;
        }
    }
}
