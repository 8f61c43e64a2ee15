//! Runs the tasks of a deploy, and notes the schema before and after each migration.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::database::TaskDatabase;
use super::planned::{Migrations, Planned, State};
use super::trial::{Trial, TrialSource};
use crate::execute::{TaskEnd, TaskRunner};
use crate::plan::ContainerSpec;
use crate::release::{Catalogue, Migration, PastRelease, Release, SchemaHead};
use crate::session::one_off::DeployTasks;
use crate::target::TargetError;

/// The runner of a deploy.
pub struct MigrationRunner<'a> {
    /// What runs the containers.
    pub tasks: DeployTasks<'a>,
    /// What is known of the migrations.
    pub migrations: &'a Migrations,
    /// Where their databases are.
    pub source: TrialSource<'a>,
    /// The releases before.
    pub releases: &'a [PastRelease],
    /// Whether the deploy has tasks.
    pub has_tasks: bool,
    /// What became known while they ran.
    pub ran: Mutex<BTreeMap<String, Migration>>,
}

impl MigrationRunner<'_> {
    /// A release with its migrations. One without tasks keeps those it has: a rollback, or what it was made from.
    pub fn recorded(&self, release: Release, current: Option<&PastRelease>) -> Release {
        match self.has_tasks {
            true => Release { migrations: self.records(current), ..release },
            false => release,
        }
    }

    /// What the release records: those that ran as they ran, and those that did not as the release before has them.
    fn records(&self, current: Option<&PastRelease>) -> Vec<Migration> {
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Migration> = self
            .migrations
            .records()
            .into_iter()
            .map(|record| ran.get(&record.task).cloned().unwrap_or(record))
            .collect();
        let earlier = current.into_iter().flat_map(|past| &past.release.migrations);
        for past in earlier {
            if !all.iter().any(|record| record.task == past.task) {
                let (before, changes, compatible) = (past.after.clone(), Vec::new(), None);
                all.push(Migration { before, changes, compatible, untried: None, ..past.clone() });
            }
        }
        all.into_iter().map(|record| self.stored(record)).collect()
    }

    /// A catalogue that an earlier release has is not stored again.
    fn stored(&self, mut record: Migration) -> Migration {
        let known = |digest: &str| {
            let heads = self.releases.iter().flat_map(|past| &past.release.migrations).filter_map(|m| m.after.as_ref());
            heads.filter(|head| head.digest == digest).any(|head| head.catalogue.is_some())
        };
        for head in [&mut record.before, &mut record.after].into_iter().flatten() {
            if known(&head.digest) {
                head.catalogue = None;
            }
        }
        record
    }

    async fn schema(&self, record: &Migration) -> Option<Catalogue> {
        let service = record.service.as_ref()?;
        match self.source.live(service, record.database.as_deref()).await {
            Ok((_, schema)) => Some(schema),
            Err(reason) => {
                let task = &record.task;
                self.source.context.reporter.warn(format!("the schema of task `{task}` is not recorded: {reason}"));
                None
            }
        }
    }

    /// The trial of a migration whose image was not there before.
    async fn late(
        &self,
        planned: &Planned,
        (spec, timeout): (&ContainerSpec, Option<Duration>),
        record: &mut Migration,
    ) -> Result<Option<TaskEnd>, TargetError> {
        let TaskDatabase::Postgres { service, database } = &planned.place else { return Ok(None) };
        let refused =
            |reason: String| TargetError::CannotPerform { operation: format!("run task {}", record.task), reason };
        let tried = async {
            let (live, _) = self.source.live(service, database.as_deref()).await?;
            let words = |error: crate::error::Error| error.messages().join(": ");
            let mut trial = Trial::open(&self.source).await.map_err(words)?;
            let tried = trial.run(&live, (spec, timeout)).await;
            trial.close().await.map_err(words)?;
            tried.map_err(words)
        };
        let tried = tried.await.map_err(refused)?;
        if let Some(end) = Planned::take(record, tried, self.migrations.allowed) {
            return Ok(Some(end));
        }
        match (record.compatible, self.migrations.allowed) {
            (Some(false), false) => {
                let words = record.words().unwrap_or_default();
                let reason = format!("{words}; a deploy needs `--allow-incompatible-migration`");
                let operation = format!("run task {}", record.task);
                Err(TargetError::CannotPerform { operation, reason })
            }
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl TaskRunner for MigrationRunner<'_> {
    async fn run_task(&self, spec: ContainerSpec, timeout: Option<Duration>) -> Result<TaskEnd, TargetError> {
        let Some(planned) = self.migrations.of(&spec) else { return self.tasks.run_task(spec, timeout).await };
        let mut record = planned.record.clone();
        if matches!(planned.state, State::Later)
            && let Some(end) = self.late(planned, (&spec, timeout), &mut record).await?
        {
            return Ok(end);
        }
        record.before = self.schema(&record).await.map(|schema| SchemaHead::of(&schema));
        let ended = self.tasks.run_task(spec, timeout).await;
        let after = self.schema(&record).await;
        record.after = after.map(|schema| SchemaHead::of(&schema).with(&schema));
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).insert(record.task.clone(), record);
        ended
    }
}
