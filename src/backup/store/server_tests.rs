//! The same repository on a real sshd and a real S3 server, judged by Debian's restic. AICTL_LAB_SSHD and
//! AICTL_LAB_S3 name the programs; without them these tests are skipped, and say so.

use std::process::Command;

use super::*;
use crate::backup::tests::{noise, write_set};
use crate::backup::{Access, Address, BackupError, LoadedSet, Location, LockKind, LockOwner};
use crate::secret::Secret;

#[path = "../../../tests/suite/support/repository_server.rs"]
mod repository_server;

use repository_server::{KEY, RepositoryServer, SECRET};

const PASSWORD: &str = "repository-s3cret";

fn sftp(server: &RepositoryServer) -> Location {
    at(&server.sftp_address(), Access { s3: None, search_path: Some(server.search_path()) })
}

fn s3(server: &RepositoryServer, bucket: &str, secret: &str) -> Location {
    let region = "us-east-1".to_owned();
    let s3 = S3Credentials { key_id: KEY.to_owned(), secret: Secret::new(secret), token: None, region };
    at(&server.s3_address(bucket), Access { s3: Some(s3), search_path: None })
}

fn at(address: &str, access: Access) -> Location {
    let random = |bytes: &mut [u8]| getrandom::fill(bytes).map_err(io::Error::other);
    let address = Address::remote(address).unwrap().unwrap();
    Location { address, password: Secret::new(PASSWORD), access, random }
}

async fn opened(location: &Location) -> Result<crate::backup::Repository, BackupError> {
    let location = location.clone();
    tokio::task::spawn_blocking(move || location.open()).await.unwrap()
}

/// restic finds nothing wrong with any byte.
fn restic(location: &Location) {
    let mut command = Command::new("restic");
    command.args(["--no-cache", "check", "--read-data"]).env("RESTIC_PASSWORD", PASSWORD);
    command.env("RESTIC_REPOSITORY", location.address.to_string());
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    if let Some(path) = &location.access.search_path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Created, listed, verified, locked and pruned.
async fn serves(location: &Location) {
    assert!(!location.exists().await.unwrap());
    assert!(matches!(opened(location).await, Err(BackupError::NoRepository { .. })));
    let place = location.clone();
    let repository = tokio::task::spawn_blocking(move || place.create()).await.unwrap().unwrap();
    write_set(&repository, "one", &[("a.dump", noise(3_000_000))]).await;
    write_set(&repository, "two", &[("a.dump", noise(4_000_000).split_off(3_000_000)), ("empty", Vec::new())]).await;
    let repository = opened(location).await.unwrap();
    let sets = repository.sets(Some("shop")).await.unwrap().sets;
    assert!(sets.len() == 2 && sets.iter().all(LoadedSet::is_complete));
    let files = location.check_files().await.unwrap();
    assert!(files.damage.is_empty() && files.files >= 8 && files.bytes > 3_000_000, "{files:?}");
    assert_eq!(repository.check_references().await.unwrap(), []);
    assert_eq!(repository.check_set(&sets[0]).await.unwrap(), []);
    restic(location);
    let owner = || LockOwner { host: "here".into(), user: "me".into(), pid: std::process::id() };
    let held = repository.lock(owner(), LockKind::Exclusive).await.unwrap();
    let locked = repository.lock(owner(), LockKind::Shared).await;
    assert!(matches!(locked, Err(BackupError::Locked { .. })), "the lock on the server excludes");
    // Sets of the same second have no order.
    let one = sets.iter().find(|set| set.found.id.set == "one").unwrap();
    repository.remove_set(one).await.unwrap();
    assert!(repository.prune_content().await.unwrap().bytes > 1_000_000);
    drop(held);
    restic(location);
    assert_eq!(opened(location).await.unwrap().sets(None).await.unwrap().sets.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_a_real_sshd_is_one_that_restic_checks() {
    let Some(mut server) = RepositoryServer::sshd() else { return };
    serves(&sftp(&server)).await;
    let repository = opened(&sftp(&server)).await.unwrap();
    server.kill();
    let refused = sftp(&server).exists().await.unwrap_err().to_string();
    assert!(refused.contains("ssh: "), "{refused}");
    assert!(repository.sets(None).await.is_err(), "a lost server is an error");
    // A connection is opened again for whoever had one.
    server.start_again();
    assert_eq!(repository.sets(None).await.unwrap().sets.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_key_that_is_not_known_is_an_error_that_says_so() {
    let Some(server) = RepositoryServer::sshd() else { return };
    std::fs::write(server.folder.path().join("known"), "").unwrap();
    let refused = sftp(&server).exists().await.unwrap_err().to_string();
    assert!(refused.contains("Host key verification failed"), "{refused}");
    assert!(!server.folder.path().join("repository").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_a_real_s3_server_is_one_that_restic_checks() {
    let Some(mut server) = RepositoryServer::s3() else { return };
    serves(&s3(&server, "backups", SECRET)).await;
    let refused = s3(&server, "absent", SECRET).exists().await.unwrap_err();
    assert!(refused.to_string().contains("no bucket `absent`"), "{refused}");
    let wrong = s3(&server, "backups", "wrong-s3cret").exists().await.unwrap_err();
    assert!(matches!(wrong, BackupError::Refused { .. }) && !wrong.to_string().contains("s3cret"), "{wrong}");
    let repository = opened(&s3(&server, "backups", SECRET)).await.unwrap();
    server.kill();
    assert!(repository.sets(None).await.is_err(), "a lost server is an error");
}
