//! A repository in restic's format in a local directory: opened with its password, or created where nothing is.
//! Blocking; callers run it on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustic_backend::local::LocalBackend;
use rustic_core::repofile::MasterKey;
use rustic_core::{
    BytesList, ConfigOptions, Credentials, FileType, Id, IndexedFullStatus, KeyOptions, OpenStatus, ReadBackend,
    RepositoryBackends, RepositoryOptions, RusticResult, WriteBackend,
};

use super::error::{BackupError, failed, reason_of};
use super::sealed::{Sealer, hash};
use crate::secret::Secret;

/// A rustic repository that is open.
pub(super) type Rustic = rustic_core::Repository<OpenStatus>;
/// One whose index was read.
pub(super) type IndexedRustic = rustic_core::Repository<IndexedFullStatus>;

/// An open repository.
#[derive(Clone)]
pub struct Repository {
    path: PathBuf,
    pub(super) files: Arc<dyn WriteBackend>,
    key: MasterKey,
    pub(super) sealer: Sealer,
}

/// Where a repository is, and what opens it.
#[derive(Clone)]
pub struct Location {
    /// The directory.
    pub path: PathBuf,
    /// The password.
    pub password: Secret,
    /// Random bytes fit for keys.
    pub random: fn(&mut [u8]) -> std::io::Result<()>,
}

impl Location {
    /// Whether there is a repository.
    pub fn exists(&self) -> bool {
        self.path.join("config").is_file()
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn files(&self) -> Result<Arc<dyn WriteBackend>, BackupError> {
        let unset: [(String, String); 0] = [];
        Ok(Arc::new(LocalBackend::new(self.shown(), unset).map_err(failed("open the repository"))?))
    }

    /// Opens the repository.
    pub fn open(&self) -> Result<Repository, BackupError> {
        if !self.exists() {
            return Err(self.absent());
        }
        let files = self.files()?;
        let credentials = Credentials::password(self.password.expose());
        let opened = unopened(files.clone())?.open(&credentials).map_err(|error| {
            if error.is_incorrect_password() && self.has_key() {
                return BackupError::WrongPassword { path: self.shown() };
            }
            let file = if self.has_key() { "config or a key file" } else { "no file in keys/" };
            BackupError::Damaged { what: format!("{file}: {}", reason_of(&error)) }
        })?;
        self.opened(files, opened.key())
    }

    /// Creates the repository, its directory included, which only its owner may enter.
    pub fn create(&self) -> Result<Repository, BackupError> {
        let io = |error: std::io::Error| BackupError::Repository {
            doing: "create the repository",
            reason: error.to_string(),
        };
        if self.path.exists() && std::fs::read_dir(&self.path).map_err(io)?.next().is_some() {
            return Err(BackupError::NotRepository { path: self.shown() });
        }
        crate::output_file::create_private_directory(&self.path).map_err(io)?;
        let files = self.files()?;
        let credentials = Credentials::password(self.password.expose());
        let created = unopened(files.clone())?.init(
            &credentials,
            &KeyOptions::default().with_created(true),
            &ConfigOptions::default(),
        );
        self.opened(files, created.map_err(failed("create the repository"))?.key())
    }

    fn opened(&self, files: Arc<dyn WriteBackend>, key: MasterKey) -> Result<Repository, BackupError> {
        let damaged = || BackupError::Damaged { what: "the key has the wrong length".to_owned() };
        let sealer = Sealer::new(&key, self.random).ok_or_else(damaged)?;
        Ok(Repository { path: self.path.clone(), files, key, sealer })
    }

    fn absent(&self) -> BackupError {
        // Keys or data without a configuration: it was one.
        if ["keys", "data", "snapshots"].iter().all(|folder| self.path.join(folder).is_dir()) {
            return BackupError::Damaged { what: "the file config is missing".to_owned() };
        }
        match self.path.is_dir() && std::fs::read_dir(&self.path).is_ok_and(|mut entries| entries.next().is_some()) {
            true => BackupError::NotRepository { path: self.shown() },
            false => BackupError::NoRepository { path: self.shown() },
        }
    }

    fn has_key(&self) -> bool {
        std::fs::read_dir(self.path.join("keys")).is_ok_and(|mut keys| keys.next().is_some())
    }
}

impl Repository {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The repository as rustic reads it now.
    pub(super) fn rustic(&self) -> Result<Rustic, BackupError> {
        self.over(self.files.clone())
    }

    /// The same with the index read.
    pub(super) fn indexed(&self) -> Result<IndexedRustic, BackupError> {
        self.rustic()?.to_indexed().map_err(|error| self.damaged_index(&error))
    }

    /// A failure to read the index: without it nothing is found. Names the file that is damaged.
    pub(super) fn damaged_index(&self, error: &rustic_core::RusticError) -> BackupError {
        let damaged = self.check_index().ok().and_then(|check| check.damage.into_iter().next());
        let what = damaged.map_or_else(|| reason_of(error), |file| format!("{}: {}", file.what, file.problem));
        BackupError::Index { what }
    }

    /// The same for archiving: rustic's own snapshot of a stream, whose file has no size, is not written.
    pub(super) fn rustic_without_snapshots(&self) -> Result<Rustic, BackupError> {
        self.over(Arc::new(WithoutSnapshots(self.files.clone())))
    }

    fn over(&self, files: Arc<dyn WriteBackend>) -> Result<Rustic, BackupError> {
        let opened = unopened(files)?.open(&Credentials::Masterkey(self.key.clone()));
        opened.map_err(|error| BackupError::Damaged { what: format!("config: {}", reason_of(&error)) })
    }

    /// Writes an encrypted file and returns its id.
    pub(super) fn put(&self, kind: FileType, text: &[u8]) -> Result<Id, BackupError> {
        let failed_io = |error: std::io::Error| BackupError::Repository { doing: "encrypt", reason: error.to_string() };
        self.put_raw(kind, self.sealer.seal(text).map_err(failed_io)?)
    }

    /// Writes a file as it is and returns its id.
    pub(super) fn put_raw(&self, kind: FileType, bytes: Vec<u8>) -> Result<Id, BackupError> {
        let id = Id::new(hash(&bytes));
        self.files.write_bytes(kind, &id, false, bytes.into()).map_err(failed("write to the repository"))?;
        Ok(id)
    }

    /// Removes a snapshot.
    pub(super) fn remove_snapshot(&self, id: &Id) -> Result<(), BackupError> {
        self.files.remove(FileType::Snapshot, id, false).map_err(failed("remove a snapshot"))
    }
}

fn unopened(files: Arc<dyn WriteBackend>) -> Result<rustic_core::Repository<()>, BackupError> {
    let options = RepositoryOptions::default().no_cache(true);
    let backends = RepositoryBackends::new(files, None);
    rustic_core::Repository::new(&options, &backends).map_err(failed("open the repository"))
}

/// The files of a repository; snapshots are not written.
#[derive(Debug)]
struct WithoutSnapshots(Arc<dyn WriteBackend>);

impl ReadBackend for WithoutSnapshots {
    fn location(&self) -> String {
        self.0.location()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.0.list_with_size(kind)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.0.read_full(kind, id)
    }

    fn read_partial(&self, kind: FileType, id: &Id, cacheable: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        self.0.read_partial(kind, id, cacheable, offset, length)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.0.warmup_path(kind, id)
    }
}

impl WriteBackend for WithoutSnapshots {
    fn create(&self) -> RusticResult<()> {
        self.0.create()
    }

    fn write_bytes(&self, kind: FileType, id: &Id, cacheable: bool, content: BytesList) -> RusticResult<()> {
        match kind {
            FileType::Snapshot => Ok(()),
            _ => self.0.write_bytes(kind, id, cacheable, content),
        }
    }

    fn remove(&self, kind: FileType, id: &Id, cacheable: bool) -> RusticResult<()> {
        self.0.remove(kind, id, cacheable)
    }
}
