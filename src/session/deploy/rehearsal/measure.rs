//! Runs a migration on the restored data and measures it: time, locks, rows and disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::report::RehearsedMigration;
use crate::backup::Inside;
use crate::backup::migration_watch::{database_state, end_watch, watch_locks};
use crate::error::Result;
use crate::execute::{TaskEnd, TaskRunner as _};
use crate::plan::{ContainerSpec, labels};
use crate::session::one_off::DeployTasks;
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError};

/// A migration to run.
pub(super) struct Migration<'m> {
    pub(super) task: &'m str,
    /// Its container, as it runs in the rehearsal.
    pub(super) spec: ContainerSpec,
    pub(super) timeout: Option<Duration>,
}

/// The database of a migration.
pub(super) type Database<'d> = (Inside<'d>, String);

/// Runs a migration; with a database, what it does there is measured.
pub(super) async fn run_migration(
    (context, target): (&Context, Arc<dyn Target>),
    migration: Migration<'_>,
    database: Option<Database<'_>>,
) -> Result<RehearsedMigration> {
    let tasks = DeployTasks { context, target };
    let task = migration.task.to_owned();
    let Some((inside, name)) = &database else {
        let began = Instant::now();
        let ended = tasks.run_task(migration.spec, migration.timeout).await;
        let error = failure(context, ended)?;
        return Ok(RehearsedMigration { task, took_ms: ms(began), error, ..RehearsedMigration::default() });
    };
    let before = database_state(inside, name).await?;
    let id = migration.spec.labels.get(labels::SLUG).cloned().unwrap_or_default();
    let began = Instant::now();
    let limit = migration.timeout.unwrap_or_default();
    let running = async {
        let ended = tasks.run_task(migration.spec, migration.timeout).await;
        let took = ms(began);
        (ended, took, end_watch(inside, &id).await)
    };
    let (locks, (ended, took_ms, ending)) = tokio::join!(watch_locks(inside, (name, &id), limit), running);
    ending?;
    let error = failure(context, ended)?;
    let after = database_state(inside, name).await?;
    let (tables, locks) = (before.changes(&after), locks?);
    Ok(RehearsedMigration { task, took_ms, locks, tables, bytes_before: before.bytes, bytes_after: after.bytes, error })
}

fn ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The end of the output of a migration that failed; empty where it did not.
fn failure(context: &Context, ended: std::result::Result<TaskEnd, TargetError>) -> Result<Vec<String>> {
    let shown = |line: &str| context.redactor.redact(line).into_owned();
    match ended {
        Ok(TaskEnd { code: None, .. }) => Err(WorkflowError::Interrupted.into()),
        Ok(TaskEnd { code: Some(0), .. }) => Ok(Vec::new()),
        Ok(TaskEnd { code: Some(code), output }) => {
            let said = output.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).map(shown);
            Ok(std::iter::once(format!("exit code {code}")).chain(said).collect())
        }
        Err(error @ TargetError::TimedOut { .. }) => Ok(vec![shown(&error.to_string())]),
        Err(error) => Err(error.into()),
    }
}
