//! Servers of backup repositories for tests: a real sshd and a real S3 server, each with a folder of its own.
//! AICTL_LAB_SSHD and AICTL_LAB_S3 name the programs; without them there is no server, and it is said.
//! Never outlives its test; the ssh configuration of whoever runs the tests plays no part.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const KEY: &str = "labkey";
pub const SECRET: &str = "lab-s3cret-0123456789";

/// A server that runs, and how it is started again.
pub struct RepositoryServer {
    process: Child,
    command: Command,
    pub folder: tempfile::TempDir,
    pub port: u16,
}

impl Drop for RepositoryServer {
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success());
}

fn descendants(process: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    children.flat_map(|child| std::iter::once(child).chain(descendants(child))).collect()
}

impl RepositoryServer {
    /// An ssh server that serves SFTP, and in the folder `bin` an `ssh` that knows it and its key.
    pub fn sshd() -> Option<Self> {
        let program = program("AICTL_LAB_SSHD")?;
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let root = folder.path();
        let at = |name: &str| root.join(name).display().to_string();
        make_key(&root.join("host"));
        make_key(&root.join("user"));
        std::fs::copy(root.join("user.pub"), root.join("authorized")).unwrap();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             Subsystem sftp internal-sftp\n",
            at("host"),
            at("authorized")
        );
        std::fs::write(root.join("sshd_config"), config).unwrap();
        let host = std::fs::read_to_string(root.join("host.pub")).unwrap();
        std::fs::write(root.join("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        let own = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n\
             StrictHostKeyChecking yes\n",
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
        Some(Self::started(command, folder, port))
    }

    /// An S3 server with the bucket `backups`.
    pub fn s3() -> Option<Self> {
        let program = program("AICTL_LAB_S3")?;
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        std::fs::create_dir_all(folder.path().join("store/backups")).unwrap();
        let mut command = Command::new(program);
        command.env("ROOT_ACCESS_KEY", KEY).env("ROOT_SECRET_KEY", SECRET);
        command.args(["--port", &format!("127.0.0.1:{port}"), "posix"]).arg(folder.path().join("store"));
        Some(Self::started(command, folder, port))
    }

    fn started(mut command: Command, folder: tempfile::TempDir, port: u16) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let server = Self { process: command.spawn().unwrap(), command, folder, port };
        server.listens();
        server
    }

    #[track_caller]
    fn listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.folder.path().join("log"));
            assert!(Instant::now() < deadline, "the server does not listen: {:?}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as a lost machine does, with the processes that hold its connections.
    pub fn kill(&mut self) {
        let connections = descendants(self.process.id());
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        for process in connections {
            // One that has ended by itself is what is wanted.
            let _ = Command::new("kill").args(["-9", &process.to_string()]).stderr(Stdio::null()).status().unwrap();
        }
    }

    /// It is back, with what it held.
    pub fn start_again(&mut self) {
        self.process = self.command.spawn().unwrap();
        self.listens();
    }

    /// Address of a repository below it, for an ssh server.
    pub fn sftp_address(&self) -> String {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        format!("sftp://{user}@127.0.0.1:{}/{}", self.port, self.folder.path().join("repository").display())
    }

    /// Address of a repository below it, for an S3 server.
    pub fn s3_address(&self, bucket: &str) -> String {
        format!("s3:http://127.0.0.1:{}/{bucket}/a/b", self.port)
    }

    /// The search path on which the `ssh` that knows the server comes first.
    pub fn search_path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display())
    }
}
