//! Carries out the restores of a plan. Each part is exchanged as a whole: what was there before is kept until the new state
//! answers, and is back after a failure.

use async_trait::async_trait;
use tokio::sync::watch;

use super::dump_runner::as_target_error;
use super::parts::ServicePart;
use super::scratch::{self, Scratch, ScratchArgs};
use crate::backup::postgres::{DUMP, DatabaseRestore, DumpFormat, GLOBALS};
use crate::backup::{
    BackupError, FileFormat, Inside, LoadedSet, Part, PartFile, PartKind, PlainFile, Repository, StoredPart,
    elasticsearch, postgres, qdrant, redis, volume,
};
use crate::event::{Reporter, Silent, human};
use crate::execute::DataRunner;
use crate::plan::{ContainerOperation, DataOperation, Observed, ObservedInstance, Operation, Outcome, StartTurn};
use crate::target::{ByteStream, Target, TargetError};

/// What the helper containers of a restore are for.
pub(super) const PURPOSE: &str = "restore";

/// What is restored, and where.
pub struct RestoreRunner<'a> {
    /// Where the services run.
    pub target: &'a dyn Target,
    /// Where the set is.
    pub repository: Repository,
    /// The set.
    pub set: LoadedSet,
    /// The file that the data is read from instead of the repository.
    pub file: Option<PlainFile>,
    /// The project.
    pub project: String,
    /// The services.
    pub parts: Vec<ServicePart>,
    /// What runs.
    pub observed: Observed,
}

/// A part of the set and the service it goes to.
struct Restore<'r> {
    part: &'r Part,
    service: &'r ServicePart,
    container: &'r ObservedInstance,
}

impl RestoreRunner<'_> {
    async fn run(&self, name: &str) -> Result<Outcome, BackupError> {
        let wrong = |reason: &str| BackupError::Service { service: name.to_owned(), reason: reason.to_owned() };
        let manifest = self.set.manifest.as_ref().ok_or_else(|| wrong("the set is incomplete"))?;
        let part = manifest.part(name).ok_or_else(|| wrong("the set has no data for it"))?;
        let service = self.parts.iter().find(|part| part.service == name).ok_or_else(|| wrong("it is not planned"))?;
        let container = service.container.as_ref().ok_or_else(|| wrong("it has no container"))?;
        let restore = Restore { part, service, container };
        let words = match part.kind {
            PartKind::Postgres => self.postgres(&restore).await?,
            PartKind::Redis => self.redis(&restore).await?,
            PartKind::Qdrant => self.qdrant(&restore).await?,
            PartKind::Elasticsearch => self.elasticsearch(&restore).await?,
            PartKind::Volume => self.volumes(&restore).await?,
            PartKind::Configuration => return Err(wrong("not a service")),
        };
        Ok(Outcome { detail: Some(words), ..Outcome::default() })
    }

    /// A file of a part: from the repository, or the one of another tool.
    fn content(&self, part: &Part, file: &PartFile) -> Result<ByteStream, BackupError> {
        match &self.file {
            Some(plain) => Ok(plain.stream(file)),
            None => self.repository.file(&self.set, part, file),
        }
    }

    fn set_id(&self) -> &str {
        &self.set.found.id.set
    }

    async fn postgres(&self, restore: &Restore<'_>) -> Result<String, BackupError> {
        let inside = restore.service.inside(self.target, &restore.container.id);
        postgres::await_ready(&inside).await?;
        for file in restore.part.files.iter().filter(|file| file.name == GLOBALS) {
            postgres::restore_roles(&inside, self.repository.file(&self.set, restore.part, file)?).await?;
        }
        let (mut databases, mut tables) = (0, 0);
        for file in restore.part.files.iter().filter(|file| self.file.is_some() || file.name.ends_with(DUMP)) {
            let format = match self.file.as_ref().map(PlainFile::format) {
                Some(FileFormat::Sql) => DumpFormat::Sql,
                Some(FileFormat::Archive | FileFormat::Rdb) | None => DumpFormat::Archive,
            };
            let dump = (format, self.content(restore.part, file)?);
            let to = DatabaseRestore::of((&file.of, self.set_id()), &restore.part.facts);
            postgres::restore_database(&inside, to, dump).await?;
            databases += 1;
            tables += postgres::tables(&inside, &file.of).await?;
        }
        Ok(format!("{}, {}", human::count(databases, "database"), human::count(tables as usize, "table")))
    }

    async fn redis(&self, restore: &Restore<'_>) -> Result<String, BackupError> {
        let inside = restore.service.inside(self.target, &restore.container.id);
        // Where this server keeps its data, which need not be where the old one did.
        let facts = match redis::settings(&inside).await {
            Ok(facts) => facts,
            Err(_) if !restore.container.state.is_up() => restore.part.facts.clone(),
            Err(error) => return Err(error),
        };
        let scratch = self.scratch(restore).await?;
        let helper = scratch.inside(&restore.service.service);
        let exchanged = async {
            self.stop(restore.container).await?;
            let loaded = self.exchange_redis(restore, (&inside, &helper), &facts).await;
            if loaded.is_err() {
                // A server that could not load the new data may still run.
                self.stop(restore.container).await?;
                redis::put_back(&helper, &facts, self.set_id()).await?;
                self.start(restore.container).await?;
            }
            loaded
        };
        let keys = exchanged.await;
        let removed = match &keys {
            Ok(_) => redis::remove_aside(&helper, &facts, self.set_id()).await,
            Err(_) => Ok(()),
        };
        scratch.close().await;
        removed?;
        Ok(human::count(keys? as usize, "key"))
    }

    async fn exchange_redis(
        &self,
        restore: &Restore<'_>,
        (inside, helper): (&Inside<'_>, &Inside<'_>),
        facts: &std::collections::BTreeMap<String, String>,
    ) -> Result<u64, BackupError> {
        redis::put_aside(helper, facts, self.set_id()).await?;
        for file in restore.part.files.iter().filter(|file| file.name == redis::RDB) {
            redis::load(helper, facts, self.content(restore.part, file)?).await?;
        }
        self.start(restore.container).await?;
        redis::await_loaded(inside).await
    }

    async fn qdrant(&self, restore: &Restore<'_>) -> Result<String, BackupError> {
        let api = restore.service.http(self.target, &restore.container.id);
        qdrant::await_ready(&api).await?;
        let points = qdrant::restore(&api, self.stored(restore)).await?;
        Ok(human::count(points as usize, "point"))
    }

    async fn elasticsearch(&self, restore: &Restore<'_>) -> Result<String, BackupError> {
        let api = restore.service.http(self.target, &restore.container.id);
        elasticsearch::await_ready(&api).await?;
        let documents = elasticsearch::restore(&api, self.stored(restore)).await?;
        Ok(human::count(documents as usize, "document"))
    }

    fn stored<'s>(&'s self, restore: &Restore<'s>) -> StoredPart<'s> {
        StoredPart { repository: &self.repository, set: &self.set, part: restore.part }
    }

    async fn volumes(&self, restore: &Restore<'_>) -> Result<String, BackupError> {
        let mounted = restore.service.volumes(&[]);
        let missing = restore.part.files.iter().find(|file| !mounted.iter().any(|(_, path)| *path == file.of));
        if let Some(file) = missing {
            let reason = format!("it mounts no volume at {}", file.of);
            return Err(BackupError::Service { service: restore.service.service.clone(), reason });
        }
        let scratch = self.scratch(restore).await?;
        let helper = scratch.inside(&restore.service.service);
        let users = self.users_of(restore);
        let exchanged = async {
            for container in &users {
                self.stop(container).await?;
            }
            let archive = |file| self.repository.file(&self.set, restore.part, file);
            let archives = restore.part.files.iter().map(|file| Ok((file.of.clone(), archive(file)?)));
            volume::restore(&helper, self.set_id(), archives.collect::<Result<_, BackupError>>()?).await
        };
        let restored: Result<(), BackupError> = exchanged.await;
        scratch.close().await;
        // What was stopped runs again, whatever came of the restore.
        let mut started = Ok(());
        for container in &users {
            started = started.and(self.start(container).await);
        }
        restored.and(started)?;
        Ok(human::count(restore.part.files.len(), "volume"))
    }

    /// The running containers that mount one of the volumes.
    fn users_of(&self, restore: &Restore<'_>) -> Vec<&ObservedInstance> {
        let volumes: Vec<String> = restore.service.volumes(&[]).into_iter().map(|(volume, _)| volume).collect();
        let uses = |c: &&ObservedInstance| c.docker.mounts.iter().any(|mount| volumes.contains(&mount.source));
        // What a killed restore left behind was removed when this one made its own.
        let helper = scratch::name(&self.project, &restore.service.service, PURPOSE);
        self.observed.instances.iter().filter(|c| c.state.is_up() && c.name != helper).filter(uses).collect()
    }

    async fn scratch(&self, restore: &Restore<'_>) -> Result<Scratch<'_>, BackupError> {
        let args = ScratchArgs {
            project: &self.project,
            service: &restore.service.service,
            image: &restore.container.docker.image_id,
            purpose: PURPOSE,
            volumes_from: Some(&restore.container.id),
        };
        Ok(Scratch::start(self.target, args).await?)
    }

    async fn stop(&self, container: &ObservedInstance) -> Result<(), BackupError> {
        let (service, id) = (container.service.clone(), container.id.clone());
        self.perform(ContainerOperation::Stop { service, container: id, timeout: None }).await
    }

    async fn start(&self, container: &ObservedInstance) -> Result<(), BackupError> {
        let (service, id) = (container.service.clone(), container.id.clone());
        self.perform(ContainerOperation::Start { service, container: id, turn: StartTurn::UntilStarted }).await
    }

    async fn perform(&self, operation: ContainerOperation) -> Result<(), BackupError> {
        match self.target.perform(&Operation::Container(operation), 0, &Silent).await {
            // It is so already.
            Ok(_) | Err(TargetError::Refused { status: 304, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl DataRunner for RestoreRunner<'_> {
    /// An interruption is not looked at: half a restore would have to be undone, which takes as long.
    async fn run_data(
        &self,
        operation: &DataOperation,
        _: (usize, &dyn Reporter),
        _: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError> {
        let (DataOperation::Restore { part, .. } | DataOperation::RestoreFile { part, .. }) = operation else {
            let reason = "this command only restores".to_owned();
            return Err(TargetError::CannotPerform { operation: "dump".to_owned(), reason });
        };
        self.run(part).await.map(Some).map_err(|error| as_target_error(error, "restoring"))
    }
}
