//! The same repository on a real sshd and a real S3 server, judged by Debian's restic. AICTL_LAB_SSHD and
//! AICTL_LAB_S3 name the programs; without them these tests are skipped, and say so.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::backup::tests::{noise, write_set};
use crate::backup::{Access, Address, BackupError, LoadedSet, Location, LockKind, LockOwner};
use crate::secret::Secret;

const KEY: &str = "labkey";
const SECRET: &str = "lab-s3cret-0123456789";
const PASSWORD: &str = "repository-s3cret";

/// A server, with a folder of its own.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.or_else(|| {
        std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {variable} is not set\n").as_bytes()).ok();
        None
    })
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn started(mut command: Command, folder: tempfile::TempDir, port: u16) -> Server {
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let server = Server { process: command.spawn().unwrap(), folder, port };
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || std::fs::read_to_string(server.folder.path().join("log"));
        assert!(Instant::now() < deadline, "the server does not listen: {:?}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

fn key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success());
}

fn sshd() -> Option<Server> {
    let program = program("AICTL_LAB_SSHD")?;
    let (folder, port) = (tempfile::tempdir().unwrap(), port());
    let root = folder.path();
    let at = |name: &str| root.join(name).display().to_string();
    key(&root.join("host"));
    key(&root.join("user"));
    std::fs::copy(root.join("user.pub"), root.join("authorized")).unwrap();
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n",
        at("host"),
        at("authorized")
    );
    std::fs::write(root.join("sshd_config"), config).unwrap();
    let host = std::fs::read_to_string(root.join("host.pub")).unwrap();
    std::fs::write(root.join("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
    // The configuration of whoever runs the tests plays no part.
    let own = format!(
        "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n",
        at("user"),
        at("known")
    );
    std::fs::write(root.join("ssh_config"), own).unwrap();
    std::fs::create_dir(root.join("bin")).unwrap();
    let wrapper = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", at("ssh_config"));
    std::fs::write(root.join("bin/ssh"), wrapper).unwrap();
    std::fs::set_permissions(root.join("bin/ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(program);
    command.args(["-D", "-e", "-f"]).arg(root.join("sshd_config"));
    Some(started(command, folder, port))
}

fn s3() -> Option<Server> {
    let program = program("AICTL_LAB_S3")?;
    let (folder, port) = (tempfile::tempdir().unwrap(), port());
    std::fs::create_dir_all(folder.path().join("store/backups")).unwrap();
    let mut command = Command::new(program);
    command.env("ROOT_ACCESS_KEY", KEY).env("ROOT_SECRET_KEY", SECRET);
    command.args(["--port", &format!("127.0.0.1:{port}"), "posix"]).arg(folder.path().join("store"));
    Some(started(command, folder, port))
}

impl Server {
    fn sftp(&self) -> Location {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        let path = self.folder.path().join("repository");
        let address = format!("sftp://{user}@127.0.0.1:{}/{}", self.port, path.display());
        let search_path = Some(format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display()));
        at(&address, Access { s3: None, search_path })
    }

    fn s3(&self, bucket: &str, secret: &str) -> Location {
        let address = format!("s3:http://127.0.0.1:{}/{bucket}/a/b", self.port);
        let region = "us-east-1".to_owned();
        let s3 = S3Credentials { key_id: KEY.to_owned(), secret: Secret::new(secret), token: None, region };
        at(&address, Access { s3: Some(s3), search_path: None })
    }
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
    let Some(mut server) = sshd() else { return };
    serves(&server.sftp()).await;
    let repository = opened(&server.sftp()).await.unwrap();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    let refused = server.sftp().exists().await.unwrap_err().to_string();
    assert!(refused.contains("ssh: "), "{refused}");
    drop(repository);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_key_that_is_not_known_is_an_error_that_says_so() {
    let Some(server) = sshd() else { return };
    std::fs::write(server.folder.path().join("known"), "").unwrap();
    let refused = server.sftp().exists().await.unwrap_err().to_string();
    assert!(refused.contains("Host key verification failed"), "{refused}");
    assert!(!server.folder.path().join("repository").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_a_real_s3_server_is_one_that_restic_checks() {
    let Some(mut server) = s3() else { return };
    serves(&server.s3("backups", SECRET)).await;
    let refused = server.s3("absent", SECRET).exists().await.unwrap_err();
    assert!(refused.to_string().contains("no bucket `absent`"), "{refused}");
    let wrong = server.s3("backups", "wrong-s3cret").exists().await.unwrap_err();
    assert!(matches!(wrong, BackupError::Refused { .. }) && !wrong.to_string().contains("s3cret"), "{wrong}");
    let repository = opened(&server.s3("backups", SECRET)).await.unwrap();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    assert!(repository.sets(None).await.is_err(), "a lost server is an error");
}
