//! `aictl logs`: what containers wrote, several merged by time; with --follow also what they and their successors write.
//! Reads the engine, and the files when there are any; lines go to the context's output as they come.
//! Never loads a whole log: histories are merged while they stream.

mod follow;
mod lines;
mod merge;
mod seen;
mod time;

use std::sync::Arc;

use clap::Args;

use crate::error::{ErrorKind, Result};
use crate::plan::ObservedInstance;
use crate::session::attached_process::Passed;
use crate::session::load::load_named;
use crate::session::select;
use crate::session::{Context, WorkflowError};
use crate::target::{LogArgs, Target};
use follow::Follower;
use lines::{Ended, LogSelection, displayed, open_all, show, source, unreadable};
use merge::Merge;

/// View output from containers
#[derive(Debug, Clone, Default, Args)]
pub struct LogsArgs {
    /// Services to show; all by default
    pub services: Vec<String>,
    /// Follow log output
    #[arg(short = 'f', long)]
    pub follow: bool,
    /// Show logs since a timestamp (2026-01-31T15:04:05Z, Unix seconds) or relative (10m)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Show logs before a timestamp (2026-01-31T15:04:05Z, Unix seconds) or relative (10m)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Number of lines to show from the end of the logs of each container
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = tail)]
    pub tail: Tail,
    /// Show timestamps
    #[arg(short = 't', long)]
    pub timestamps: bool,
    /// Do not print the container name prefix
    #[arg(long)]
    pub no_log_prefix: bool,
    /// Produce monochrome output
    #[arg(long)]
    pub no_color: bool,
    /// Index of the container if the service has several; needs exactly one service
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
}

/// `--tail`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tail(pub Option<u64>);

fn tail(text: &str) -> std::result::Result<Tail, String> {
    if text == "all" || text == "-1" {
        return Ok(Tail(None));
    }
    text.parse().map(|n| Tail(Some(n))).map_err(|_| format!("invalid value `{text}`, expected a number or `all`"))
}

/// Shows the logs.
pub async fn run(context: &Context, args: LogsArgs) -> Result<Passed> {
    if args.index.is_some() && args.services.len() != 1 {
        return Err(WorkflowError::usage("--index needs exactly one service").into());
    }
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let range = range(context, &args)?;
    let wanted = LogSelection { services: args.services, index: args.index, project: loaded.name.clone(), args: range };
    // Watching begins before looking: what starts in between is seen by one of the two.
    let changes = if args.follow { Some(target.watch(&loaded.name).await?) } else { None };
    let observed = target.observe(&loaded.narrow_scope()).await?;
    select::check(loaded.stack.as_ref(), &observed, &wanted.services)?;
    let containers: Vec<_> = observed.instances.iter().filter(|c| wanted.has(c)).map(displayed).collect();
    if let (Some(number), [service], []) = (wanted.index, wanted.services.as_slice(), containers.as_slice()) {
        return Err(WorkflowError::NoContainer { service: service.clone(), number }.into());
    }
    context.output.expect(&containers.iter().map(|c| source(c, &wanted.project)).collect::<Vec<_>>());
    let ended = tokio::select! {
        ended = async {
            match changes {
                None => history(context, &target, &containers, &wanted.args).await,
                Some(changes) => Follower::new(context, &target, &wanted).follow(containers, changes).await,
            }
        } => ended,
        // Ctrl-C is how following ends: nothing is wrong and nothing needs saying.
        () = context.interrupted() => return Ok(Passed { code: ErrorKind::Interrupted.exit_code() }),
    };
    match ended {
        Ok(()) | Err(Ended::ReaderGone) => Ok(Passed::default()),
        Err(Ended::Failed(error)) => Err(error),
    }
}

fn range(context: &Context, args: &LogsArgs) -> Result<LogArgs> {
    let point = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match time::point(text, &(context.now)()) {
            Some(point) => Ok(Some(point)),
            None => Err(WorkflowError::Usage {
                message: format!("invalid time `{text}`"),
                hint: Some("write `10m`, `2026-01-31T15:04:05Z` or Unix seconds".to_owned()),
            }),
        },
    };
    Ok(LogArgs { follow: false, since: point(&args.since)?, until: point(&args.until)?, tail: args.tail.0 })
}

/// Prints the histories of all containers in the order of time.
async fn history(
    context: &Context,
    target: &Arc<dyn Target>,
    containers: &[ObservedInstance],
    args: &LogArgs,
) -> std::result::Result<(), Ended> {
    let mut merge = Merge::new(open_all(context, target, containers, args).await).await;
    while let Some((index, line)) = merge.next().await {
        match line {
            Ok(line) => show(context, &line)?,
            Err(error) => unreadable(context, containers.get(index), &error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_is_a_number_or_all() {
        assert_eq!(tail("all"), Ok(Tail(None)));
        assert_eq!(tail("-1"), Ok(Tail(None)));
        assert_eq!(tail("20"), Ok(Tail(Some(20))));
        assert!(tail("some").is_err());
    }
}
