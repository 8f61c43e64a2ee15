//! `aictl health`: one look at everything that must be true of the running stack.
//! Reads files and engine; returns a verdict for each check, exit code 4 when one failed.
//! Never looks twice, never waits for anything to become ready.

use clap::Args;

use crate::error::Result;
use crate::session::Context;
use crate::session::checks::{CheckPolicy, ChecksAnswer, Selection, run_checks};

/// Run all checks once
///
/// Exits with 4 when a check fails.
#[derive(Debug, Clone, Default, Args)]
pub struct HealthArgs {
    #[command(flatten)]
    selection: Selection,
}

/// Looks once.
pub async fn run(context: &Context, args: HealthArgs) -> Result<ChecksAnswer> {
    run_checks(context, &args.selection, (CheckPolicy::ONCE, None)).await
}
