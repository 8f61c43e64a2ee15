//! `aictl smoke-test`: waits until the stack is ready, then checks it; a check that fails is tried again.
//! Reads files and engine; returns every attempt, exit code 4 when a check failed, 3 when something was not ready in time.
//! Never looks on after `--timeout`, and never hides that a check had failed before it passed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::error::Result;
use crate::session::checks::{CheckPolicy, ChecksAnswer, Selection, junit, run_checks};
use crate::session::{Context, WorkflowError};

/// How long it may take in all unless `--timeout` says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);

/// Wait until the stack is ready, then run all checks with retries
///
/// Exits with 4 when a check fails.
#[derive(Debug, Clone, Default, Args)]
pub struct SmokeTestArgs {
    #[command(flatten)]
    selection: Selection,
    /// Maximum retries of a failed check; by default retried until --timeout (60s)
    #[arg(long, value_name = "COUNT")]
    retries: Option<u32>,
    /// Also write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Waits and checks.
pub async fn run(context: &Context, args: SmokeTestArgs) -> Result<ChecksAnswer> {
    if args.junit.as_deref() == Some(Path::new("-")) {
        let message = "`--junit` requires a file, not `-`".to_owned();
        let hint = "`--junit checks.xml` writes one; `--output json` puts the checks on standard output".to_owned();
        return Err(WorkflowError::Usage { message, hint: Some(hint) }.into());
    }
    let file = args.junit.map(|file| junit::open(&context.cwd.join(file))).transpose()?;
    if let Some(file) = file.as_ref().filter(|_| !context.options.dry_run) {
        // A report of an earlier run would be taken for this one's, should this one fail before it reports.
        file.remove_previous()?;
    }
    let limit = context.options.timeout.unwrap_or(DEADLINE);
    let policy = CheckPolicy { limit: Some(limit), retries: args.retries, await_ready: true, skip_backups: false };
    run_checks(context, &args.selection, (policy, file)).await
}
