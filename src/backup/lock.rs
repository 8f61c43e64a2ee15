//! Locks of a repository as restic keeps them: a file in `locks/` per process, renewed while it works, shared or exclusive.
//! A lock counts as stale, as restic judges, after 30 minutes, or when its process on this host is gone.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::blocking::run_blocking;
use super::error::BackupError;
use super::repository::Repository;
use super::sealed::hash;
use super::store::Store;

/// A lock older than this is of a process that ended without removing it.
const STALE: Duration = Duration::from_secs(30 * 60);
/// How often a held lock is written anew.
const RENEWAL: Duration = Duration::from_secs(5 * 60);
/// Two processes that lock at the same moment see each other after this.
const SETTLING: Duration = Duration::from_millis(200);
/// How long the end of a command waits for the removal of its lock.
const RELEASE: Duration = Duration::from_secs(3);
/// The first byte of a compressed file.
const COMPRESSED: u8 = 2;
/// The longest lock file that is read.
const LONGEST: usize = 64 * 1024;
/// The folder of locks.
const LOCKS: &str = "locks";

/// Who locks.
#[derive(Debug, Clone)]
pub struct LockOwner {
    /// Host name.
    pub host: String,
    /// User name.
    pub user: String,
    /// Process id.
    pub pid: u32,
}

/// What a process may do beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// Reading and adding.
    Shared,
    /// Removing.
    Exclusive,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LockFile {
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    pid: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    uid: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    gid: u32,
}

/// A lock that is held until it is dropped.
pub struct HeldLock {
    store: Arc<dyn Store>,
    current: Arc<Mutex<Option<String>>>,
    renewal: tokio::task::JoinHandle<()>,
}

impl Repository {
    /// Locks the repository, or says who holds a lock that excludes this one.
    pub async fn lock(&self, owner: LockOwner, kind: LockKind) -> Result<HeldLock, BackupError> {
        let (repository, by) = (self.clone(), owner.clone());
        let path = run_blocking(move || {
            repository.check_locks(&by, kind, None)?;
            repository.write_lock(&by, kind)
        });
        let path = path.await?;
        let current = Arc::new(Mutex::new(Some(path.clone())));
        let renewal = tokio::spawn(renew(self.clone(), (owner.clone(), kind), current.clone()));
        // Removes the file where the second look finds another lock.
        let held = HeldLock { store: self.store.clone(), current, renewal };
        tokio::time::sleep(SETTLING).await;
        let repository = self.clone();
        run_blocking(move || {
            repository.check_locks(&owner, kind, Some(&path))?;
            repository.remove_dead_locks(&owner, &path);
            Ok(())
        })
        .await?;
        Ok(held)
    }

    /// Removes what processes of this host left behind that are gone: restic refuses to work beside such a lock.
    fn remove_dead_locks(&self, owner: &LockOwner, own: &str) {
        let Ok(files) = self.store.files(LOCKS) else { return };
        for (path, _) in files.iter().filter(|(path, _)| path != own) {
            if self.read_lock(path).is_ok_and(|lock| lock.is_some_and(|lock| is_dead(&lock, &owner.host))) {
                // One that stays is ignored as stale.
                let _ = self.store.remove(path);
            }
        }
    }

    fn check_locks(&self, owner: &LockOwner, kind: LockKind, own: Option<&str>) -> Result<(), BackupError> {
        for (path, _) in self.store.files(LOCKS).map_err(unread)? {
            if Some(path.as_str()) == own {
                continue;
            }
            let Some(lock) = self.read_lock(&path)? else { continue };
            if (lock.exclusive || kind == LockKind::Exclusive) && !is_stale(&lock, &owner.host) {
                let exclusive = if lock.exclusive { " exclusively" } else { "" };
                let holder = format!("pid {} of {}@{}{exclusive}", lock.pid, lock.username, lock.hostname);
                return Err(BackupError::Locked { holder });
            }
        }
        Ok(())
    }

    /// None for a file that was removed, is being written or is no lock of this repository.
    fn read_lock(&self, path: &str) -> Result<Option<LockFile>, BackupError> {
        let bytes = match self.store.read(path, None) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
                return Ok(None);
            }
            bytes => bytes.map_err(unread)?,
        };
        let Some(text) = self.sealer.open(&bytes) else { return Ok(None) };
        let text = match text.split_first() {
            Some((&COMPRESSED, compressed)) => zstd::bulk::decompress(compressed, LONGEST).ok(),
            _ => Some(text),
        };
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    fn write_lock(&self, owner: &LockOwner, kind: LockKind) -> Result<String, BackupError> {
        let lock = LockFile {
            time: OffsetDateTime::now_utc(),
            exclusive: kind == LockKind::Exclusive,
            hostname: owner.host.clone(),
            username: owner.user.clone(),
            pid: owner.pid.into(),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
        };
        let text = serde_json::to_vec(&lock).map_err(io::Error::other).map_err(unwritten)?;
        let sealed = self.sealer.seal(&text).map_err(unwritten)?;
        let path = format!("{LOCKS}/{}", hex::encode(hash(&sealed)));
        self.store.write(&path, &sealed).map_err(unwritten)?;
        Ok(path)
    }
}

/// Writes the lock anew from time to time. A renewal that fails is tried again: the lock is valid for six of them.
async fn renew(repository: Repository, (owner, kind): (LockOwner, LockKind), current: Arc<Mutex<Option<String>>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let (repository, owner, current) = (repository.clone(), owner.clone(), current.clone());
        // One that failed is tried again.
        let _ = run_blocking(move || {
            // Held meanwhile: what is written while the lock is dropped would stay.
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(old) = current.clone() {
                *current = Some(repository.write_lock(&owner, kind)?);
                // One that stays goes stale.
                let _ = repository.store.remove(&old);
            }
            Ok(())
        })
        .await;
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.renewal.abort();
        let (store, current) = (self.store.clone(), self.current.clone());
        let (done, released) = mpsc::channel();
        // A renewal may hold the name while a server is silent.
        let release = move || {
            if let Some(path) = current.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // One that stays goes stale when this process ends.
                let _ = store.remove(&path);
            }
            // Whoever waited may be gone.
            let _ = done.send(());
        };
        if std::thread::Builder::new().name("lock release".to_owned()).spawn(release).is_ok() {
            // A server that does not answer keeps nobody from ending.
            let _ = released.recv_timeout(RELEASE);
        }
    }
}

/// Locks that cannot be read may exclude this one.
fn unread(error: io::Error) -> BackupError {
    BackupError::Repository { doing: "read the locks of the repository", reason: error.to_string() }
}

/// Why a lock was not written.
fn unwritten(error: io::Error) -> BackupError {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let reason = error.to_string();
    match error.kind() {
        PermissionDenied | ReadOnlyFilesystem | StorageFull => BackupError::Unlockable { reason },
        _ => BackupError::Repository { doing: "lock the repository", reason },
    }
}

fn is_stale(lock: &LockFile, host: &str) -> bool {
    let age = OffsetDateTime::now_utc() - lock.time;
    age > STALE || is_dead(lock, host)
}

/// Whether its process was one of this host and is gone.
fn is_dead(lock: &LockFile, host: &str) -> bool {
    lock.hostname == host && !is_alive(lock.pid)
}

/// Whether a process of this machine runs.
pub fn is_alive(pid: i64) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::store::Entry;

    /// A server that answers nothing.
    #[derive(Debug)]
    struct Silent;

    impl Store for Silent {
        fn prepare(&self) -> io::Result<()> {
            Ok(())
        }
        fn entries(&self, _: &str) -> io::Result<Vec<Entry>> {
            Ok(Vec::new())
        }
        fn read(&self, _: &str, _: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
            Ok(Vec::new())
        }
        fn write(&self, _: &str, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn remove(&self, _: &str) -> io::Result<()> {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_holds_the_end_of_a_command_for_seconds_only() {
        let begun = std::time::Instant::now();
        let current = Arc::new(Mutex::new(Some("locks/a".to_owned())));
        drop(HeldLock { store: Arc::new(Silent), current, renewal: tokio::spawn(async {}) });
        assert!(begun.elapsed() < RELEASE + Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_full_disk_and_a_read_only_repository_are_told_from_other_failures() {
        use rustix::io::Errno;
        let of = |errno: Errno| unwritten(io::Error::from(errno));
        for errno in [Errno::NOSPC, Errno::ROFS, Errno::ACCESS] {
            assert!(matches!(of(errno), BackupError::Unlockable { .. }), "{errno}");
        }
        assert!(matches!(of(Errno::IO), BackupError::Repository { .. }));
    }
}
