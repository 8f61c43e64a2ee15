//! The checks of a deploy: which there are, and running one by its name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::compose::model::Stack;
use crate::execute::{CheckFailure, CheckRunner};
use crate::plan::Observed;
use crate::plan::blue_green::DeployCheck;
use crate::probe::{Planned, ProbeContext, RetryPolicy, plan_checks, run_check};
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
}

/// The checks of a deploy.
pub struct DeployChecks<'a> {
    context: &'a Context,
    target: Arc<dyn Target>,
    project: String,
    planned: Vec<Planned>,
    timeout: Duration,
}

impl<'a> DeployChecks<'a> {
    /// The checks of aictl.yaml and of the images of the stack; those of services that the stack does not have are
    /// left out. That a service runs is no check here: the deploy waits for it anyway. A rollback has only those of the
    /// images: a check of aictl.yaml may not fit the earlier release, which passed its own.
    pub fn of(context: &'a Context, target: Arc<dyn Target>, from: CheckSource<'_>) -> Self {
        let CheckSource { project, stack, observed, timeout, is_rollback } = from;
        let mut planned = plan_checks(Some(stack), observed, project.checks().filter(|_| !is_rollback));
        let is_known =
            |planned: &Planned| planned.service.as_ref().is_none_or(|name| stack.services.contains_key(name));
        planned.retain(|planned| is_known(planned) && !(planned.recognised && planned.check.state.is_some()));
        Self { context, target, project: stack.name.clone(), planned, timeout: timeout.unwrap_or(TIMEOUT).min(TIMEOUT) }
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

#[async_trait::async_trait]
impl CheckRunner for DeployChecks<'_> {
    async fn run_check(
        &self,
        check: &str,
        containers: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> std::result::Result<String, CheckFailure> {
        let Some(planned) = self.planned.iter().find(|planned| planned.check.name == check) else {
            return Err(CheckFailure::Failed { message: "it is not defined".to_owned(), attempts: Vec::new() });
        };
        let now = self.context.unix_time();
        let probes = ProbeContext::now(&*self.target, &self.project, now, &self.context.redactor);
        let probes = probes.await.map_err(CheckFailure::Target)?.only(containers.clone());
        let policy = RetryPolicy { deadline: Instant::now() + timeout, retries: None };
        let outcome = run_check(&probes, planned, policy).await.redacted(&self.context.redactor);
        if outcome.passed() {
            return Ok(outcome.message());
        }
        let attempts = outcome.attempts.iter().flat_map(|attempt| {
            let first = format!("{}: {}", outcome.asked, attempt.message);
            std::iter::once(first).chain(attempt.details.iter().map(|line| format!("  {line}")))
        });
        let mut attempts: Vec<String> = attempts.collect();
        attempts.dedup();
        Err(CheckFailure::Failed { message: outcome.message(), attempts })
    }
}
