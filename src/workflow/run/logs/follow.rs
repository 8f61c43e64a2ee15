//! Following logs: the merged histories first, then lines as they come, of restarted and new containers too.
//! Reads log streams and the engine's events; hands lines on until every container ended and none comes for a while.
//! Never shows a line twice and never misses one between a container's history and what it writes now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll, StreamExt};
use tokio::time::Instant;

use super::lines::{Ended, LogSelection, displayed, open_all, show, source, unreadable};
use super::merge::Merge;
use super::seen::Seen;
use crate::event::LogLine;
use crate::plan::{Change, ChangeKind, InstanceState, ObservedInstance, Scope};
use crate::session::Context;
use crate::target::{LogArgs, LogStream, Target, TargetError};

/// How long to wait for a container to come when none is left.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between reading a history and following it, hardly more lines than this come. If more came, all are read.
const OVERLAP: u64 = 1000;

/// Changes of the project's containers.
type Changes = BoxStream<'static, Result<Change, TargetError>>;

/// A line of a container; `None` is the end of its stream.
type Tagged = (String, Option<Result<LogLine, TargetError>>);

/// Follows the logs of selected services, including replaced containers.
pub(super) struct Follower<'a> {
    context: &'a Context,
    target: &'a Arc<dyn Target>,
    wanted: &'a LogSelection,
    seen: BTreeMap<String, Seen>,
    containers: BTreeMap<String, ObservedInstance>,
    live: SelectAll<BoxStream<'static, Tagged>>,
    open: BTreeSet<String>,
    /// When to give up, while no stream is open.
    until: Instant,
}

impl<'a> Follower<'a> {
    pub(super) fn new(context: &'a Context, target: &'a Arc<dyn Target>, wanted: &'a LogSelection) -> Self {
        Self {
            context,
            target,
            wanted,
            seen: BTreeMap::new(),
            containers: BTreeMap::new(),
            live: SelectAll::new(),
            open: BTreeSet::new(),
            until: Instant::now() + PATIENCE,
        }
    }

    /// Prints past lines first, then new ones.
    pub(super) async fn follow(mut self, containers: Vec<ObservedInstance>, changes: Changes) -> Result<(), Ended> {
        self.containers = containers.iter().map(|c| (c.id.clone(), c.clone())).collect();
        self.history(&containers).await?;
        for container in &containers {
            self.attach(container).await;
        }
        self.stream(changes).await
    }

    async fn history(&mut self, containers: &[ObservedInstance]) -> Result<(), Ended> {
        if self.wanted.args.tail == Some(0) {
            return Ok(());
        }
        let mut merge = Merge::new(open_all(self.context, self.target, containers, &self.wanted.args).await).await;
        while let Some((index, line)) = merge.next().await {
            let container = containers.get(index);
            match line {
                Ok(line) => {
                    show(self.context, &line)?;
                    self.seen.entry(container.map(|c| c.id.clone()).unwrap_or_default()).or_default().note(&line);
                }
                Err(error) => unreadable(self.context, container, &error),
            }
        }
        Ok(())
    }

    /// Opens a container's log where what was shown of it ends.
    async fn attach(&mut self, container: &ObservedInstance) {
        let mut args = LogArgs { follow: true, ..self.wanted.args.clone() };
        let known = self.containers.insert(container.id.clone(), container.clone()).is_some();
        if args.tail != Some(0) || !known {
            args.tail = None;
        }
        let seen = self.seen.get(&container.id).cloned().unwrap_or_default();
        let opened = Resumed::open(self.target.clone(), container.clone(), args, seen).await;
        match opened {
            Ok(resumed) => {
                let (id, last) = (container.id.clone(), container.id.clone());
                let lines = resumed.lines().map(move |line| (id.clone(), Some(line)));
                self.live.push(lines.chain(futures_util::stream::iter([(last, None)])).boxed());
                self.open.insert(container.id.clone());
            }
            Err(error) => unreadable(self.context, Some(container), &error),
        }
    }

    async fn stream(&mut self, mut changes: Changes) -> Result<(), Ended> {
        let mut watching = true;
        loop {
            tokio::select! {
                Some((id, line)) = self.live.next(), if !self.open.is_empty() => self.take(&id, line).await?,
                change = changes.next(), if watching => match change {
                    Some(Ok(change)) => self.changed(&change).await,
                    // Without events the open streams are still worth following.
                    _ => watching = false,
                },
                () = tokio::time::sleep_until(self.until), if self.open.is_empty() => {
                    if !self.something_is_coming().await? {
                        return Ok(());
                    }
                    self.until = Instant::now() + PATIENCE;
                }
            }
        }
    }

    async fn take(&mut self, id: &str, line: Option<Result<LogLine, TargetError>>) -> Result<(), Ended> {
        match line {
            Some(Ok(line)) => {
                show(self.context, &line)?;
                self.seen.entry(id.to_owned()).or_default().note(&line);
            }
            Some(Err(error)) => unreadable(self.context, self.containers.get(id), &error),
            None => self.ended(id).await?,
        }
        Ok(())
    }

    /// A stream ends with its process; a process that was started again meanwhile is followed on.
    async fn ended(&mut self, id: &str) -> Result<(), Ended> {
        self.open.remove(id);
        self.until = Instant::now() + PATIENCE;
        match self.target.observe_instance(id).await {
            Ok(container) if container.state == InstanceState::Running => self.attach(&displayed(&container)).await,
            Ok(_) | Err(TargetError::NotFound { .. }) => {}
            // The stream also ends when the engine goes away.
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn changed(&mut self, change: &Change) {
        if change.kind != ChangeKind::Started || self.open.contains(&change.id) {
            return;
        }
        let Ok(container) = self.target.observe_instance(&change.id).await else { return };
        if self.wanted.has(&container) {
            let container = displayed(&container);
            self.context.output.expect(&[source(&container, &self.wanted.project)]);
            self.attach(&container).await;
        }
    }

    /// A container between two runs of its restart policy comes again.
    async fn something_is_coming(&self) -> Result<bool, Ended> {
        let scope = Scope { project: self.wanted.project.clone(), ..Default::default() };
        let observed = self.target.observe(&scope).await?;
        Ok(observed.instances.iter().any(|c| self.wanted.has(c) && c.state.is_up()))
    }
}

/// A log that is followed from where it was left.
struct Resumed {
    target: Arc<dyn Target>,
    container: ObservedInstance,
    args: LogArgs,
    stream: LogStream,
    /// What was shown; gone once something newer came.
    seen: Option<Seen>,
    /// Whether the overlap is known to reach back to what was shown.
    joined: bool,
}

impl Resumed {
    async fn open(
        target: Arc<dyn Target>,
        container: ObservedInstance,
        mut args: LogArgs,
        seen: Seen,
    ) -> Result<Self, TargetError> {
        let since = seen.since();
        let joined = since.is_none();
        if since.is_some() {
            args.since = since;
            args.tail = Some(OVERLAP);
        }
        let stream = target.logs(&container, &args).await?;
        let seen = (!joined).then_some(seen);
        Ok(Self { target, container, args, stream, seen, joined })
    }

    /// The lines that were not shown yet.
    fn lines(self) -> impl futures_util::Stream<Item = Result<LogLine, TargetError>> + Send {
        futures_util::stream::unfold(self, |mut resumed| async move {
            let line = resumed.next().await?;
            Some((line, resumed))
        })
    }

    async fn next(&mut self) -> Option<Result<LogLine, TargetError>> {
        loop {
            let line = match self.stream.next().await? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            let Some(seen) = self.seen.as_mut() else { return Some(Ok(line)) };
            let newer = seen.is_before(&line);
            if newer && !self.joined {
                if let Err(error) = self.reach_back().await {
                    return Some(Err(error));
                }
                continue;
            }
            self.joined = true;
            if newer {
                self.seen = None;
                return Some(Ok(line));
            }
            if !seen.knows(&line) {
                return Some(Ok(line));
            }
        }
    }

    /// More lines came in between than the overlap holds: the log is opened again from the last line shown on.
    async fn reach_back(&mut self) -> Result<(), TargetError> {
        self.joined = true;
        self.args.tail = None;
        self.stream = self.target.logs(&self.container, &self.args).await?;
        Ok(())
    }
}
