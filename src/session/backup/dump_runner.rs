//! Carries out the dumps of a plan: all begin at once, one after the other is stored, and the manifest comes last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, watch};

use super::configuration::ConfigurationFile;
use super::parts::ServicePart;
use super::physical_dump::{PhysicalDump, newest_physical};
use super::receiver::{is_received, receiver};
use crate::backup::postgres::{self, BegunDump, BegunPart};
use crate::backup::queries::{self, FAILURE_OF};
use crate::backup::{
    BackupError, CONFIGURATION, FORMAT, Inside, LoadedSet, MANIFEST, Manifest, Part, PartFile, PartKind, PartSnapshot,
    Repository, SetId, StoredFile, elasticsearch, physical, qdrant, redis, skew, volume,
};
use crate::event::{Reporter, human};
use crate::execute::DataRunner;
use crate::plan::{DataOperation, ObservedInstance, Outcome, Scope};
use crate::target::{Target, TargetError};

/// How long cleaning up after an interruption may take, and of that waiting for a snapshot that was asked for.
const CLEANING: Duration = Duration::from_secs(20);
const PENDING: Duration = Duration::from_secs(10);

/// What is recorded of a part.
type Facts = std::collections::BTreeMap<String, String>;

/// What was stored of a service.
struct StoredData {
    files: Vec<StoredFile>,
    facts: Facts,
    warnings: Vec<String>,
}

/// What a set is made from.
pub struct DumpRunner<'a> {
    /// Where the services run.
    pub target: &'a dyn Target,
    /// Where the set goes.
    pub repository: Repository,
    /// The set.
    pub set: SetId,
    /// The environment, for the manifest.
    pub environment: Option<String>,
    /// Host and user, for snapshots.
    pub origin: (String, String),
    /// The services.
    pub parts: Vec<ServicePart>,
    /// Whether these are only some of the project's services.
    pub partial: bool,
    /// Volumes that are left out.
    pub excluded: Vec<String>,
    /// The files of the configuration.
    pub configuration: Vec<ConfigurationFile>,
    /// The sets before, oldest first, where base backups and WAL are stored, too.
    pub physical: Option<Vec<LoadedSet>>,
    /// What to look at to see whether requests are held.
    pub proxy: Scope,
    /// Why services have no base backup in this set although they should.
    pub without_base: Mutex<Vec<String>>,
    held: AtomicBool,
    /// How many services' dumps have begun, or failed to.
    begun: watch::Sender<usize>,
    done: Mutex<Vec<(Part, u64)>>,
    completed: OnceLock<()>,
    turn: Semaphore,
}

impl<'a> DumpRunner<'a> {
    /// A runner for a set that is empty so far.
    pub fn new(target: &'a dyn Target, repository: Repository, set: SetId) -> Self {
        Self {
            target,
            repository,
            set,
            environment: None,
            origin: Default::default(),
            parts: Vec::new(),
            partial: false,
            excluded: Vec::new(),
            configuration: Vec::new(),
            physical: None,
            proxy: Scope::default(),
            without_base: Mutex::default(),
            held: AtomicBool::new(false),
            begun: watch::Sender::new(0),
            done: Mutex::default(),
            completed: OnceLock::new(),
            turn: Semaphore::new(1),
        }
    }

    /// The parts that were stored.
    pub fn stored(&self) -> Vec<Part> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(part, _)| part.clone()).collect()
    }

    /// Whether the manifest was written.
    pub fn is_complete(&self) -> bool {
        self.completed.get().is_some()
    }

    /// Bytes that the set added to the repository.
    pub fn added(&self) -> u64 {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, added)| added).sum()
    }

    async fn run(&self, operation: &DataOperation) -> Result<Outcome, BackupError> {
        match operation {
            DataOperation::Dump { part, .. } if part == CONFIGURATION => self.configuration().await,
            DataOperation::Dump { part, .. } => self.service(part).await,
            DataOperation::AwaitBegun { parts, timeout } => self.all_begun(*parts, *timeout).await,
            DataOperation::Complete { .. } => self.complete(&self.set.set).await,
            DataOperation::ChangePassword(change) => {
                let reason = "this command changes no passwords".to_owned();
                Err(BackupError::Service { service: change.service.clone(), reason })
            }
            DataOperation::Restore { part, .. }
            | DataOperation::RestoreFile { part, .. }
            | DataOperation::AbandonRestore { part } => {
                Err(BackupError::Service { service: part.clone(), reason: "this command does not restore".to_owned() })
            }
        }
    }

    async fn configuration(&self) -> Result<Outcome, BackupError> {
        let started_ms = now_ms();
        let mut stored = Vec::new();
        let _turn = self.turn.acquire().await;
        for file in &self.configuration {
            let mut one = self.repository.store(&file.name, file.stream()).await?;
            one.file.of.clone_from(&file.path);
            one.file.mode = file.mode;
            stored.push(one);
        }
        let part = self.part(CONFIGURATION, PartKind::Configuration, started_ms);
        self.commit(part, stored).await
    }

    async fn service(&self, name: &str) -> Result<Outcome, BackupError> {
        let wrong = |reason: &str| BackupError::Service { service: name.to_owned(), reason: reason.to_owned() };
        let service = self.parts.iter().find(|part| part.service == name).ok_or_else(|| wrong("it is not planned"))?;
        let container = service.container.as_ref().ok_or_else(|| wrong("it has no container"))?;
        let started_ms = now_ms();
        let begun = self.begin(service, container).await;
        self.begun.send_modify(|begun| *begun += 1);
        let stored = self.store(begun, (service, container)).await;
        // What the service made for the dump goes, whatever came of the dump.
        let cleaned = clean(self.target, service, Duration::ZERO).await;
        let StoredData { files, facts, warnings } = stored?;
        let part = Part { facts, image: container.image.clone(), ..self.part(name, service.kind, started_ms) };
        let failed = failed_queries(&part.facts);
        let mut outcome = self.commit(part, files).await?;
        outcome.warnings.extend(warnings);
        outcome.warnings.extend(failed);
        outcome.warnings.extend(cleaned.err().map(|error| format!("a snapshot stays in the service: {error}")));
        Ok(outcome)
    }

    async fn store(
        &self,
        begun: Result<BegunPart, BackupError>,
        (service, container): (&ServicePart, &ObservedInstance),
    ) -> Result<StoredData, BackupError> {
        let BegunPart { dumps, facts } = begun?;
        let mut stored = StoredData { files: Vec::new(), facts, warnings: Vec::new() };
        let _turn = self.turn.acquire().await;
        for dump in dumps {
            stored.files.push(self.store_dump(dump).await?);
        }
        // An engine may lock a container until its archive was read: the next one begins only then.
        for volume in self.later_volumes(service) {
            for dump in volume::begin(self.target, &container.id, &[volume]).await?.dumps {
                stored.files.push(self.store_dump(dump).await?);
            }
        }
        self.store_physical(&mut stored, (service, container)).await?;
        Ok(stored)
    }

    async fn store_physical(
        &self,
        stored: &mut StoredData,
        (service, container): (&ServicePart, &ObservedInstance),
    ) -> Result<(), BackupError> {
        let Some(sets) = self.physical.as_ref().filter(|_| service.kind == PartKind::Postgres) else { return Ok(()) };
        if !is_received(service) {
            return physical::release(&service.inside(self.target, &container.id)).await;
        }
        let SetId { set, project, .. } = &self.set;
        let previous = newest_physical(sets, &service.service);
        let dump = PhysicalDump { target: self.target, repository: &self.repository, project, set, previous };
        let physical = match dump.store((service, container)).await {
            // The dumps are as good without it.
            Err(BackupError::Service { service, reason }) => {
                let reason = format!("{service} has no base backup and no WAL in this set: {reason}");
                stored.warnings.push(reason.clone());
                self.without_base.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
                return Ok(());
            }
            found => found?,
        };
        stored.files.extend(physical.files);
        stored.facts.extend([physical.fact]);
        stored.warnings.extend(physical.warnings);
        Ok(())
    }

    async fn store_dump(&self, dump: BegunDump) -> Result<StoredFile, BackupError> {
        let mut one = self.repository.store(&dump.name, dump.stream).await?;
        one.file.of = dump.of;
        Ok(one)
    }

    /// The volumes of a service after the first.
    fn later_volumes(&self, service: &ServicePart) -> Vec<(String, String)> {
        let volumes = if service.kind == PartKind::Volume { service.volumes(&self.excluded) } else { Vec::new() };
        volumes.into_iter().skip(1).collect()
    }

    /// Removes what a service made for a dump that was interrupted. What stays is removed by the next one.
    async fn clean_interrupted(&self, operation: &DataOperation) {
        let DataOperation::Dump { part, .. } = operation else { return };
        if let Some(service) = self.parts.iter().find(|service| service.service == *part) {
            let cleaned = async {
                if self.physical.is_some() && is_received(service) {
                    let receiver = receiver(self.target, (&self.set.project, &service.service));
                    let _ = physical::tidy(&receiver, None).await;
                }
                clean(self.target, service, PENDING).await
            };
            let _ = tokio::time::timeout(CLEANING, cleaned).await;
        }
    }

    /// Has a service begin its dumps: what is written to it afterwards is not in them.
    async fn begin(&self, service: &ServicePart, container: &ObservedInstance) -> Result<BegunPart, BackupError> {
        let wrong = |reason: &str| BackupError::Service { service: service.service.clone(), reason: reason.to_owned() };
        let inside = service.inside(self.target, &container.id);
        match service.kind {
            PartKind::Postgres => begin_postgres(&inside, service).await,
            PartKind::Redis => redis::begin(&inside).await,
            PartKind::Qdrant => {
                qdrant::begin(&service.http(self.target, &container.id), &service.data.collections).await
            }
            PartKind::Elasticsearch => {
                elasticsearch::begin(&service.http(self.target, &container.id), &service.data.collections).await
            }
            PartKind::Volume => {
                let volumes = service.volumes(&self.excluded);
                let first = volumes.first().ok_or_else(|| wrong("it has no named volume"))?;
                volume::begin(self.target, &container.id, std::slice::from_ref(first)).await
            }
            PartKind::Configuration => Err(wrong("not a service")),
        }
    }

    /// Until all have begun; a warning where that takes longer than writing requests may wait, or they are not held.
    async fn all_begun(&self, parts: usize, timeout: Duration) -> Result<Outcome, BackupError> {
        let mut begun = self.begun.subscribe();
        let in_time = tokio::time::timeout(timeout, begun.wait_for(|begun| *begun >= parts)).await.is_ok();
        let held = self.target.observe(&self.proxy).await?.proxy.is_some_and(|proxy| !proxy.held.is_empty());
        self.held.store(in_time && held, Ordering::Relaxed);
        let warning = match (in_time, held) {
            (true, true) => return Ok(Outcome::default()),
            (true, false) => "writing requests were not held while the dumps began".to_owned(),
            (false, _) => {
                let begun = *self.begun.borrow();
                format!("writing requests went on when {begun} of {} had begun", human::count(parts, "dump"))
            }
        };
        Ok(Outcome { warnings: vec![warning], ..Outcome::default() })
    }

    /// Whether writing requests were held until all dumps had begun.
    pub fn writes_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    fn part(&self, name: &str, kind: PartKind, started_ms: i64) -> Part {
        Part {
            name: name.to_owned(),
            kind,
            started_ms,
            image: String::new(),
            facts: Default::default(),
            files: Vec::new(),
            snapshot: String::new(),
        }
    }

    async fn commit(&self, part: Part, stored: Vec<crate::backup::StoredFile>) -> Result<Outcome, BackupError> {
        let files: Vec<PartFile> = stored.iter().map(|one| one.file.clone()).collect();
        let added = stored.iter().map(|one| one.added).sum();
        let bytes = files.iter().map(|file| file.bytes).sum();
        let snapshot = self.repository.commit(self.snapshot(Some(&part.name)), stored).await?;
        let part = Part { files, snapshot, ..part };
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push((part, added));
        let detail = Some(format!("{}, {} new", human::bytes(bytes), human::bytes(added)));
        Ok(Outcome { detail, ..Outcome::default() })
    }

    fn snapshot<'s>(&'s self, directory: Option<&'s str>) -> PartSnapshot<'s> {
        let (host, user) = &self.origin;
        PartSnapshot { directory, set: &self.set, host, user, time: now_ms() / 1000 }
    }

    async fn complete(&self, set: &str) -> Result<Outcome, BackupError> {
        let parts = self.stored();
        let planned = self.parts.iter().map(|part| part.service.as_str()).chain([CONFIGURATION]);
        let missing: Vec<&str> = planned.filter(|name| !parts.iter().any(|part| part.name == *name)).collect();
        if !missing.is_empty() {
            let reason = format!("it is incomplete, without {}", missing.join(", "));
            return Err(BackupError::BadSet { set: set.to_owned(), reason });
        }
        let manifest = Manifest {
            format: FORMAT,
            set: set.to_owned(),
            project: self.set.project.clone(),
            environment: self.environment.clone(),
            time: now_ms() / 1000,
            skew_ms: skew(&parts),
            added_bytes: self.added(),
            partial: self.partial,
            parts,
        };
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| BackupError::BadSet { set: set.to_owned(), reason: error.to_string() })?;
        let stream = Box::pin(futures_util::stream::iter([Ok(bytes::Bytes::from(text))]));
        let stored = self.repository.store(MANIFEST, stream).await?;
        self.repository.commit(self.snapshot(None), vec![stored]).await?;
        let _ = self.completed.set(());
        let detail = Some(format!("skew {:.1}s", manifest.skew_ms as f64 / 1000.0));
        Ok(Outcome { detail, ..Outcome::default() })
    }
}

#[async_trait]
impl DataRunner for DumpRunner<'_> {
    async fn run_data(
        &self,
        operation: &DataOperation,
        _: (usize, &dyn Reporter),
        mut stop: watch::Receiver<bool>,
    ) -> Result<Option<Outcome>, TargetError> {
        let ran = tokio::select! {
            ran = self.run(operation) => Some(ran),
            _ = async { stop.wait_for(|stop| *stop).await.is_ok() } => None,
        };
        match ran {
            Some(ran) => ran.map(Some).map_err(|error| as_target_error(error, "dumping")),
            None => {
                self.clean_interrupted(operation).await;
                Ok(None)
            }
        }
    }
}

/// Begins the dumps of a server; queries are asked before and after, as the dumps' own snapshot is not to be had.
async fn begin_postgres(inside: &Inside<'_>, service: &ServicePart) -> Result<BegunPart, BackupError> {
    let before = queries::answers(inside, &service.queries).await;
    let mut begun = postgres::begin(inside, &service.data.databases).await?;
    begun.facts.extend(queries::facts(&before, queries::answers(inside, &service.queries).await));
    Ok(begun)
}

/// Queries that failed: the backup is good without them, the drill is not.
fn failed_queries(facts: &Facts) -> Vec<String> {
    facts.iter().filter(|(name, _)| name.starts_with(FAILURE_OF)).map(|(_, reason)| reason.clone()).collect()
}

/// Removes what a service made for a dump; `pending` is how long something is waited for that was asked for.
async fn clean(target: &dyn Target, service: &ServicePart, pending: Duration) -> Result<(), BackupError> {
    let Some(container) = &service.container else { return Ok(()) };
    match service.kind {
        PartKind::Qdrant => qdrant::clean(&service.http(target, &container.id), pending).await,
        PartKind::Elasticsearch => elasticsearch::clean(&service.http(target, &container.id)).await,
        PartKind::Postgres | PartKind::Redis | PartKind::Volume | PartKind::Configuration => Ok(()),
    }
}

/// A failure as the executor takes it.
pub(super) fn as_target_error(error: BackupError, operation: &str) -> TargetError {
    match error {
        BackupError::Target(error) => error,
        other => TargetError::Broken { operation: operation.to_owned(), message: other.to_string() },
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}
