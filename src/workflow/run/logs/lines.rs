//! Whose log lines are shown, under which names, and why showing them ends early.
//! Reads the streams of containers; hands lines on.
//! Never hides a log that cannot be read.

use std::sync::Arc;

use crate::event::LogLine;
use crate::plan::{ObservedInstance, labels};
use crate::session::{Context, WorkflowError};
use crate::target::{LogArgs, LogStream, Target, TargetError};

/// Whose logs, and which part of them.
pub(super) struct LogSelection {
    pub(super) services: Vec<String>,
    pub(super) index: Option<u32>,
    pub(super) project: String,
    pub(super) args: LogArgs,
}

impl LogSelection {
    /// Whether a container of the project is meant.
    pub(super) fn has(&self, container: &ObservedInstance) -> bool {
        let service = self.services.is_empty() || self.services.contains(&container.service);
        let number = self.index.is_none_or(|n| n == container.number);
        service && number && !container.one_off && !container.service.is_empty()
    }
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
    fn a_replacement_is_shown_under_the_name_it_takes_over() {
        let labels = [(labels::REPLACE.to_owned(), "shop-api-1".to_owned())].into();
        let container = ObservedInstance { name: "0a1b_shop-api-1".into(), labels, ..Default::default() };
        assert_eq!(source(&displayed(&container), "shop"), "api-1");
        let fixed = ObservedInstance { name: "the-db".into(), ..Default::default() };
        assert_eq!(source(&displayed(&fixed), "shop"), "the-db");
    }
}
