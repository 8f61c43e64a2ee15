//! Restores PostgreSQL to a point in time: a scratch server recovers a base backup with its WAL, and the dumps of that server take
//! the place of the databases that run. The running server keeps its configuration.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::watch;

use super::dump_runner::as_target_error;
use super::parts::ServicePart;
use super::scratch::{Scratch, ScratchArgs};
use crate::backup::physical::{self, Archives, BASE, Target as RecoveryTarget, WAL};
use crate::backup::postgres::{self, BegunPart, DatabaseRestore, DumpFormat, GLOBALS};
use crate::backup::{BackupError, Inside, LoadedSet, Part, Repository};
use crate::event::{Reporter, human};
use crate::execute::DataRunner;
use crate::plan::{DataOperation, ObservedInstance, Outcome};
use crate::target::{ByteStream, Target, TargetError};

/// What its helper container is for.
pub(super) const PURPOSE: &str = "recovery";

/// What a service is recovered from.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// The set with the base backup.
    pub base: LoadedSet,
    /// The sets with WAL, oldest first; the first is that of the base backup.
    pub wal: Vec<LoadedSet>,
}

/// What is recovered, and where it is restored.
pub struct PointInTimeRunner<'a> {
    /// Where the services run.
    pub target: &'a dyn Target,
    /// Where the sets are.
    pub repository: Repository,
    /// The project.
    pub project: String,
    /// The services.
    pub services: Vec<ServicePart>,
    /// What each is recovered from.
    pub recoveries: BTreeMap<String, Recovery>,
    /// The time, as PostgreSQL reads it: with the number of its zone.
    pub time: String,
}

impl PointInTimeRunner<'_> {
    async fn run(&self, name: &str, stop: &watch::Receiver<bool>) -> Result<Option<Outcome>, BackupError> {
        let wrong = |reason: &str| BackupError::Service { service: name.to_owned(), reason: reason.to_owned() };
        let recovery = self.recoveries.get(name).ok_or_else(|| wrong("it is not recovered"))?;
        let service =
            self.services.iter().find(|part| part.service == name).ok_or_else(|| wrong("it is not planned"))?;
        let container = service.container.as_ref().ok_or_else(|| wrong("it has no container"))?;
        let inside = service.inside(self.target, &container.id);
        postgres::await_ready(&inside).await?;
        let scratch = self.scratch((service, container), recovery).await?;
        let restored = async {
            let begun = self.recover((service, &inside), (&scratch, recovery)).await?;
            // Nothing is replaced yet.
            if *stop.borrow() {
                return Ok(None);
            }
            replace(&inside, begun, &recovery.base.found.id.set).await.map(Some)
        };
        let restored = restored.await;
        scratch.close().await;
        Ok(restored?.map(|databases| {
            let databases = human::count(databases, "database");
            Outcome { detail: Some(format!("{databases} as of {}", self.time)), ..Outcome::default() }
        }))
    }

    /// A container from the image of the base backup; where that is gone, from the one of the service.
    async fn scratch(
        &self,
        (service, container): (&ServicePart, &ObservedInstance),
        recovery: &Recovery,
    ) -> Result<Scratch<'_>, BackupError> {
        let image = part(&recovery.base, &service.service)?.image.as_str();
        let args = |image| ScratchArgs {
            project: &self.project,
            service: &service.service,
            image,
            purpose: PURPOSE,
            volumes_from: None,
        };
        match Scratch::start(self.target, args(image)).await {
            Err(TargetError::NotFound { .. }) => {
                Ok(Scratch::start(self.target, args(&container.docker.image_id)).await?)
            }
            started => Ok(started?),
        }
    }

    /// Recovers all of it, before anything is replaced.
    async fn recover(
        &self,
        (service, inside): (&ServicePart, &Inside<'_>),
        (scratch, recovery): (&Scratch<'_>, &Recovery),
    ) -> Result<BegunPart, BackupError> {
        let name = &service.service;
        let wal = recovery.wal.iter().map(|set| self.archive(set, (name, WAL))).collect::<Result<_, _>>()?;
        let archives = Archives { base: self.archive(&recovery.base, (name, BASE))?, wal };
        let user = physical::user(inside).await?;
        let target = RecoveryTarget { time: &self.time, user: &user };
        let recovered = physical::recover(&scratch.inside(name), archives, target).await?;
        postgres::begin(&recovered, &service.data.databases).await
    }

    fn archive(&self, set: &LoadedSet, (service, name): (&str, &str)) -> Result<ByteStream, BackupError> {
        let part = part(set, service)?;
        let missing = || BackupError::BadSet { set: set.found.id.set.clone(), reason: format!("it has no {name}") };
        let file = part.files.iter().find(|file| file.name == name).ok_or_else(missing)?;
        self.repository.file(set, part, file)
    }
}

/// Puts what was recovered in place of the databases that run. Returns their number.
async fn replace(inside: &Inside<'_>, begun: BegunPart, set: &str) -> Result<usize, BackupError> {
    let (roles, dumps): (Vec<_>, Vec<_>) = begun.dumps.into_iter().partition(|dump| dump.name == GLOBALS);
    for dump in roles {
        postgres::restore_roles(inside, dump.stream).await?;
    }
    let count = dumps.len();
    for dump in dumps {
        let to = DatabaseRestore::of((&dump.of, set), &begun.facts);
        postgres::restore_database(inside, to, (DumpFormat::Archive, dump.stream)).await?;
    }
    Ok(count)
}

fn part<'s>(set: &'s LoadedSet, service: &str) -> Result<&'s Part, BackupError> {
    let part = set.manifest.as_ref().and_then(|manifest| manifest.part(service));
    let reason = format!("it has no data of {service}");
    part.ok_or_else(|| BackupError::BadSet { set: set.found.id.set.clone(), reason })
}

#[async_trait]
impl DataRunner for PointInTimeRunner<'_> {
    /// An interruption ends it before anything is replaced; afterwards it is not looked at, as in a restore of a set.
    async fn run_data(
        &self,
        operation: &DataOperation,
        _: (usize, &dyn Reporter),
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError> {
        let DataOperation::Restore { part, .. } = operation else {
            let reason = "this command only restores".to_owned();
            return Err(TargetError::CannotPerform { operation: "dump".to_owned(), reason });
        };
        self.run(part, &stop).await.map_err(|error| as_target_error(error, "restoring"))
    }
}
