//! `aictl logs`: what containers wrote, several merged by time; with --follow also what they and their successors write.
//! Reads the engine, and the files when there are any; lines go to the context's output as they come.
//! Never loads a whole log: histories are merged while they stream.

mod follow;
mod merge;
mod seen;
mod time;

use std::sync::Arc;

use clap::Args;

use crate::error::{ErrorKind, Result};
use crate::event::LogLine;
use crate::plan::{ObservedInstance, labels};
use crate::session::attached_process::Passed;
use crate::session::load::load_named;
use crate::session::select;
use crate::session::{Context, WorkflowError};
use crate::target::{LogArgs, LogStream, Target, TargetError};
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
    /// Index of the container if the service has several
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

/// Whose logs, and which part of them.
pub(super) struct LogSelection {
    services: Vec<String>,
    index: Option<u32>,
    project: String,
    args: LogArgs,
}

impl LogSelection {
    /// Whether a container of the project is meant.
    fn has(&self, container: &ObservedInstance) -> bool {
        let service = self.services.is_empty() || self.services.contains(&container.service);
        let number = self.index.is_none_or(|n| n == container.number);
        service && number && !container.one_off && !container.service.is_empty()
    }
}

/// Shows the logs.
pub async fn run(context: &Context, args: LogsArgs) -> Result<Passed> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let range = range(context, &args)?;
    let wanted = LogSelection { services: args.services, index: args.index, project: loaded.name.clone(), args: range };
    // Watching begins before looking: what starts in between is seen by one of the two.
    let changes = if args.follow { Some(target.watch(&loaded.name).await?) } else { None };
    let observed = target.observe(&loaded.narrow_scope()).await?;
    select::check(loaded.stack.as_ref(), &observed, &wanted.services)?;
    let containers: Vec<_> = observed.instances.iter().filter(|c| wanted.has(c)).map(displayed).collect();
    context.output.expect(&containers.iter().map(|c| source(c, &wanted.project)).collect::<Vec<_>>());
    let ended = tokio::select! {
        ended = async {
            match changes {
                None => history(context, &target, &containers, &wanted.args).await,
                Some(changes) => follow::follow(context, (&target, changes), containers, &wanted).await,
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

/// Why streaming ended early.
pub(super) enum Ended {
    /// The reader of our output went away, as `head` does.
    ReaderGone,
    /// Something broke.
    Failed(crate::error::Error),
}

impl<E: Into<crate::error::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Hands one line on.
pub(super) fn show(context: &Context, line: &LogLine) -> std::result::Result<(), Ended> {
    context.output.log(line).map_err(|e| match e.kind() {
        std::io::ErrorKind::BrokenPipe => Ended::ReaderGone,
        _ => WorkflowError::File { path: "standard output".to_owned(), reason: e.to_string() }.into(),
    })
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

/// The streams of the containers' logs, in their order; one that cannot be read is empty, and said.
pub(super) async fn open_all(
    context: &Context,
    target: &Arc<dyn Target>,
    containers: &[ObservedInstance],
    args: &LogArgs,
) -> Vec<LogStream> {
    let opened = futures_util::future::join_all(containers.iter().map(|c| target.logs(c, args))).await;
    let streams = opened.into_iter().zip(containers).map(|(stream, container)| {
        stream.unwrap_or_else(|error| {
            unreadable(context, Some(container), &error);
            Box::pin(futures_util::stream::empty()) as LogStream
        })
    });
    streams.collect()
}

/// A container that was removed meanwhile has no log any more; everything else is worth a word.
pub(super) fn unreadable(context: &Context, container: Option<&ObservedInstance>, error: &TargetError) {
    if !matches!(error, TargetError::NotFound { .. }) {
        let name = container.map(|c| c.name.as_str()).unwrap_or_default();
        context.reporter.warn(format!("cannot read the log of {name}: {error}"));
    }
}

/// The container under the name it is going to have: while it replaces another, its own is a temporary one.
pub(super) fn displayed(container: &ObservedInstance) -> ObservedInstance {
    let mut container = container.clone();
    if let Some(name) = container.labels.get(labels::REPLACE)
        && container.name.ends_with(name.as_str())
    {
        container.name = name.clone();
    }
    container
}

/// What lines of this container begin with.
pub(super) fn source(container: &ObservedInstance, project: &str) -> String {
    let short = container.name.strip_prefix(project).and_then(|rest| rest.strip_prefix('-'));
    short.unwrap_or(&container.name).to_owned()
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

    #[test]
    fn a_replacement_is_shown_under_the_name_it_takes_over() {
        let labels = [(labels::REPLACE.to_owned(), "shop-api-1".to_owned())].into();
        let container = ObservedInstance { name: "0a1b_shop-api-1".into(), labels, ..Default::default() };
        assert_eq!(source(&displayed(&container), "shop"), "api-1");
        let fixed = ObservedInstance { name: "the-db".into(), ..Default::default() };
        assert_eq!(source(&displayed(&fixed), "shop"), "the-db");
    }
}
