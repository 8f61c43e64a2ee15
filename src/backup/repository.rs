//! A repository in restic's format, in a directory or on a server: opened with its password, or created where nothing is.
//! Blocking; callers run it on threads of their own.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use rustic_backend::local::LocalBackend;
use rustic_core::repofile::MasterKey;
use rustic_core::{
    BytesList, ConfigOptions, Credentials, FileType, Id, IndexedFullStatus, KeyOptions, OpenStatus, ReadBackend,
    RepositoryBackends, RepositoryOptions, RusticResult, WriteBackend,
};

use super::address::Address;
use super::blocking::run_blocking;
use super::error::{BackupError, failed, reason_of};
use super::sealed::{Sealer, hash};
use super::store::{LocalStore, S3Credentials, S3Store, SftpStore, Store, StoreBackend};
use crate::secret::Secret;

/// A rustic repository that is open.
pub(super) type Rustic = rustic_core::Repository<OpenStatus>;
/// One whose index was read.
pub(super) type IndexedRustic = rustic_core::Repository<IndexedFullStatus>;

/// An open repository.
#[derive(Clone)]
pub struct Repository {
    shown: String,
    pub(super) files: Arc<dyn WriteBackend>,
    pub(super) store: Arc<dyn Store>,
    key: MasterKey,
    pub(super) sealer: Sealer,
}

/// Where a repository is, and what opens it.
#[derive(Clone)]
pub struct Location {
    /// The address.
    pub address: Address,
    /// The password.
    pub password: Secret,
    /// What a server is reached with.
    pub access: Access,
    /// Random bytes fit for keys.
    pub random: fn(&mut [u8]) -> io::Result<()>,
}

/// What a repository's server is reached with.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Credentials of an S3 server.
    pub s3: Option<S3Credentials>,
    /// Where ssh is looked for.
    pub search_path: Option<String>,
}

impl Location {
    /// Whether there is a repository.
    pub async fn exists(&self) -> Result<bool, BackupError> {
        let location = self.clone();
        run_blocking(move || location.has_config(&*location.store()?)).await
    }

    fn has_config(&self, store: &dyn Store) -> Result<bool, BackupError> {
        if let Address::Directory(path) = &self.address {
            return Ok(path.join("config").is_file());
        }
        match store.read("config", None) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.unreached(&error)),
        }
    }

    fn unreached(&self, error: &io::Error) -> BackupError {
        match (&self.address, error.kind()) {
            (Address::S3(_), io::ErrorKind::PermissionDenied) => BackupError::Refused { reason: error.to_string() },
            _ => BackupError::Repository { doing: "open the repository", reason: error.to_string() },
        }
    }

    fn shown(&self) -> String {
        self.address.to_string()
    }

    /// The files by name.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>, BackupError> {
        let store: Arc<dyn Store> = match &self.address {
            Address::Directory(path) => Arc::new(LocalStore(path.clone())),
            Address::Sftp(sftp) => Arc::new(SftpStore::new(sftp.clone(), self.access.search_path.clone(), self.random)),
            Address::S3(s3) => {
                let credentials = self.access.s3.clone().ok_or(BackupError::NoCredentials)?;
                Arc::new(S3Store::new(s3.clone(), credentials).map_err(|error| self.unreached(&error))?)
            }
        };
        Ok(store)
    }

    fn files(&self, store: &Arc<dyn Store>) -> Result<Arc<dyn WriteBackend>, BackupError> {
        let Address::Directory(_) = &self.address else {
            return Ok(Arc::new(StoreBackend::new(store.clone(), self.shown())));
        };
        let unset: [(String, String); 0] = [];
        Ok(Arc::new(LocalBackend::new(self.shown(), unset).map_err(failed("open the repository"))?))
    }

    /// Opens the repository.
    pub fn open(&self) -> Result<Repository, BackupError> {
        let store = self.store()?;
        if !self.has_config(&*store)? {
            return Err(self.absent(&*store)?);
        }
        let files = self.files(&store)?;
        let credentials = Credentials::password(self.password.expose());
        let opened = unopened(files.clone())?.open(&credentials);
        let opened = opened.map_err(|error| self.unopened(&error, &*store))?;
        self.opened((files, store), opened.key())
    }

    /// Why a repository that is there was not opened.
    fn unopened(&self, error: &rustic_core::RusticError, store: &dyn Store) -> BackupError {
        let has_key = match store.entries("keys") {
            Ok(keys) => !keys.is_empty(),
            Err(error) => return self.unreached(&error),
        };
        if error.is_incorrect_password() && has_key {
            return BackupError::WrongPassword { path: self.shown() };
        }
        let file = if has_key { "config or a key file" } else { "no file in keys/" };
        BackupError::Damaged { what: format!("{file}: {}", reason_of(error)) }
    }

    /// Creates the repository, its directory included, which only its owner may enter.
    pub fn create(&self) -> Result<Repository, BackupError> {
        let io =
            |error: io::Error| BackupError::Repository { doing: "create the repository", reason: error.to_string() };
        let store = self.store()?;
        if !store.entries("").map_err(io)?.is_empty() {
            return Err(BackupError::NotRepository { path: self.shown() });
        }
        if let Address::Directory(path) = &self.address {
            crate::output_file::create_private_directory(path).map_err(io)?;
        }
        let files = self.files(&store)?;
        let credentials = Credentials::password(self.password.expose());
        let created = unopened(files.clone())?.init(
            &credentials,
            &KeyOptions::default().with_created(true),
            &ConfigOptions::default(),
        );
        self.opened((files, store), created.map_err(failed("create the repository"))?.key())
    }

    fn opened(
        &self,
        (files, store): (Arc<dyn WriteBackend>, Arc<dyn Store>),
        key: MasterKey,
    ) -> Result<Repository, BackupError> {
        let damaged = || BackupError::Damaged { what: "the key has the wrong length".to_owned() };
        let sealer = Sealer::new(&key, self.random).ok_or_else(damaged)?;
        Ok(Repository { shown: self.shown(), files, store, key, sealer })
    }

    fn absent(&self, store: &dyn Store) -> Result<BackupError, BackupError> {
        let names = store.entries("").map_err(|error| self.unreached(&error))?;
        // Keys or data without a configuration: it was one.
        let has = |folder: &&str| names.iter().any(|entry| entry.name == **folder && entry.size.is_none());
        if ["keys", "data", "snapshots"].iter().all(has) {
            return Ok(BackupError::Damaged { what: "the file config is missing".to_owned() });
        }
        Ok(match names.is_empty() {
            true => BackupError::NoRepository { path: self.shown() },
            false => BackupError::NotRepository { path: self.shown() },
        })
    }
}

impl Repository {
    /// Its address.
    pub fn shown(&self) -> &str {
        &self.shown
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
        let failed_io = |error: io::Error| BackupError::Repository { doing: "encrypt", reason: error.to_string() };
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
