//! Runs the checks of a deploy for the executor, once or as long as a release bakes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::bake::Watch;
use super::checks::DeployChecks;
use crate::execute::{Baked, CheckFailure, CheckRunner};
use crate::plan::Bake;
use crate::probe::{RetryPolicy, run_check};

#[async_trait::async_trait]
impl CheckRunner for DeployChecks<'_> {
    async fn run_check(
        &self,
        check: &str,
        containers: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> std::result::Result<String, CheckFailure> {
        let Some(planned) = self.planned.iter().find(|planned| planned.check.name == check) else {
            let message = "it is not defined".to_owned();
            return Err(CheckFailure::Failed { service: None, message, attempts: Vec::new() });
        };
        let probes = self.probes().await?.only(containers.clone());
        let policy = RetryPolicy { deadline: Instant::now() + timeout, retries: None };
        let outcome = run_check(&probes, planned, policy).await;
        if outcome.passed() {
            return Ok(outcome.redacted(&self.context.redactor).message());
        }
        Err(self.failure(outcome))
    }

    async fn bake(&self, bake: &Bake) -> std::result::Result<Baked, CheckFailure> {
        Watch::begin(self, bake).await?.run().await
    }
}
