//! Running checks: the executor hands them to the session, which knows what each of them asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::plan::Bake;
use crate::target::TargetError;

/// Runs checks by their names.
#[async_trait]
pub trait CheckRunner: Send + Sync {
    /// Repeats the check until it passes, at most until the timeout; returns what it found. Of the services in
    /// `containers` only that container, by its id, is checked.
    async fn run_check(
        &self,
        check: &str,
        containers: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Result<String, CheckFailure>;

    /// Watches new containers, named by their ids, until the window has passed or something is wrong.
    async fn bake(&self, bake: &Bake) -> Result<Baked, CheckFailure>;
}

/// What was seen while a release baked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baked {
    /// In words: `240 responses, 0 of them 5xx`.
    pub found: String,
    /// What could not be seen.
    pub warnings: Vec<String>,
}

/// Why a check did not pass.
#[derive(Debug)]
pub enum CheckFailure {
    /// The engine did not answer.
    Target(TargetError),
    /// It failed: the service it is about, the last result, and each attempt in its order. Free of secrets.
    Failed { service: Option<String>, message: String, attempts: Vec<String> },
}
