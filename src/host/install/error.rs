//! Why a machine could not be set up, as facts: refusals before anything is done, and steps that failed.
//! Finds the kind of failure in the last lines of a command.
//! Never repeats a whole log: its end is evidence enough.

use crate::error::{ErrorKind, Hint};

/// What kept a machine from being set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Somebody else's engine is installed; a second one beside it would fight over networks and the socket.
    #[error("{whose}; a second engine is not installed")]
    Beside { whose: &'static str, start: &'static str },
    /// The engine that is meant is on another machine.
    #[error("the engine at {address} is not responding ({reason}), and `setup` only sets this machine up")]
    Elsewhere { address: String, reason: String },
    /// The engine's socket does not let this user in.
    #[error("an engine is running, but {user} has no permission to use it")]
    Forbidden { user: String },
    /// The installed engine is too old.
    #[error("the running engine has API {found}, at least 1.41 is required")]
    TooOld { found: String },
    /// The running engine is not Docker's and lacks required features.
    #[error("the running engine is {engine}, which is not supported: {missing}")]
    UnsupportedEngine { engine: String, missing: &'static str },
    /// podman-docker provides the `docker` command and conflicts with Docker's package.
    #[error("the `docker` command is provided by podman-docker, which is not supported")]
    PodmanDocker,
    /// No Linux.
    #[error("unsupported system: not a Linux with /etc/os-release; install an engine manually")]
    NotLinux,
    /// A distribution without a recipe here.
    #[error("unsupported distribution {name}")]
    UnknownDistribution { name: String },
    /// The distribution is known and its repositories have no engine.
    #[error("the repositories of {distribution} have no Docker engine (docker-ce, moby-engine), only Podman")]
    NoPackage { distribution: String },
    /// Root's rights are needed.
    #[error("root privileges are required to {what}")]
    NeedsRoot { what: String },
    /// A command failed.
    #[error("could not {step}: {trouble}")]
    Step { step: String, trouble: Trouble, tail: Vec<String> },
    /// The engine was started and does not answer.
    #[error("the engine timed out after {seconds}s")]
    Silent { seconds: u64, tail: Vec<String>, log: Option<String> },
    /// The engine was started and ended at once.
    #[error("the engine exited right after it was started ({status})")]
    Ended { status: String, tail: Vec<String>, log: String },
    /// Ctrl-C between two steps.
    #[error("interrupted before `{next}`")]
    Interrupted { next: String },
}

/// What kind of trouble a command was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Names do not resolve.
    #[error("name resolution failed")]
    NoDns,
    /// The mirror does not answer or lacks what its list promises.
    #[error("package mirror unreachable")]
    MirrorDown,
    /// The disk is full.
    #[error("no space left on the disk")]
    DiskFull,
    /// The package is in no repository.
    #[error("package not found in any repository")]
    NoSuchPackage,
    /// Another package manager runs.
    #[error("another package manager is running")]
    Busy,
    /// An earlier installation was cut off.
    #[error("an earlier installation was interrupted")]
    CutOff,
    /// Rights are missing.
    #[error("permission denied")]
    NotPermitted,
    /// The program is not there.
    #[error("the program is not installed")]
    NoProgram,
    /// The init system could not start the engine.
    #[error("the init system failed to start it")]
    Unit,
    /// It took too long.
    #[error("it timed out")]
    TimedOut,
    /// Something else; its last words follow.
    #[error("the command failed")]
    Other,
}

impl Trouble {
    /// Recognises the trouble in the last words of apt, dpkg, dnf, mount or systemctl.
    pub fn of(tail: &[String]) -> Self {
        // In this order: a mirror that cannot be resolved "fails to fetch" as well.
        const SIGNS: [(Trouble, &[&str]); 8] = [
            (Trouble::DiskFull, &["no space left", "enough free space", "disk quota exceeded", "more space needed"]),
            (Trouble::CutOff, &["dpkg was interrupted", "dpkg --configure -a", "unmet dependencies"]),
            (Trouble::Busy, &["could not get lock", "waiting for cache lock", "unable to acquire"]),
            (
                Trouble::NoDns,
                &["could not resolve", "temporary failure resolving", "name or service not known", "resolve host"],
            ),
            (
                Trouble::NoSuchPackage,
                &["unable to locate package", "no match for argument", "no package ", "has no installation candidate"],
            ),
            (
                Trouble::MirrorDown,
                &[
                    "failed to fetch",
                    "unable to connect",
                    "connection refused",
                    "connection timed out",
                    "cannot download",
                    "no more mirrors",
                    "curl error",
                    "could not connect",
                ],
            ),
            (
                Trouble::NotPermitted,
                &["are you root", "permission denied", "operation not permitted", "superuser", "read-only file system"],
            ),
            (
                Trouble::Unit,
                &["job for docker.service failed", "job for docker.socket failed", "docker failed to start"],
            ),
        ];
        let text = tail.join("\n").to_lowercase();
        let found = SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| text.contains(sign)));
        found.map_or(Self::Other, |(trouble, _)| *trouble)
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::NoDns => "check the name servers with `cat /etc/resolv.conf`",
            Self::MirrorDown => {
                "set another mirror in /etc/apt/sources.list or /etc/yum.repos.d and test it with `apt-get update`"
            }
            Self::DiskFull => {
                "find the full disk with `df -h`; free some space with `apt-get clean` or `dnf clean all`"
            }
            Self::NoSuchPackage => {
                "check the configured repositories with `cat /etc/apt/sources.list` or `dnf repolist`"
            }
            Self::Busy => "find it with `ps aux | grep -E 'apt|dpkg|dnf'` and wait until it finishes",
            Self::CutOff => "complete it with `dpkg --configure -a && apt-get -f install -y`",
            Self::NotPermitted => "run `sudo aictl setup`; inside a container root may still lack privileges",
            Self::NoProgram => "check what is installed with `command -v apt-get dnf systemctl`",
            Self::Unit => "find the reason with `journalctl -u docker -n 50` or `rc-service docker status`",
            Self::TimedOut | Self::Other => "see the full output with `aictl setup --verbose`",
        }
    }
}

/// Hint for an engine that is not Docker's.
const OTHER_ENGINE: &str = "use a Docker engine: list contexts with `docker context ls`, or `unset DOCKER_HOST`";
/// Completed steps are not repeated.
const AGAIN: &str = "continue with `aictl setup`; completed steps are skipped";

impl Hint for SetupError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Silent { .. }
            | Self::Ended { .. }
            | Self::Elsewhere { .. }
            | Self::TooOld { .. }
            | Self::UnsupportedEngine { .. } => ErrorKind::Unreachable,
            Self::Interrupted { .. } => ErrorKind::Interrupted,
            _ => ErrorKind::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Step { tail, .. } | Self::Silent { tail, .. } | Self::Ended { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Beside { start, .. } => {
                vec![format!("start it with `{start}`, then select it with `docker context use NAME` or DOCKER_HOST")]
            }
            Self::Elsewhere { .. } => {
                vec!["use the local engine with `unset DOCKER_HOST`, or list others with `docker context ls`".to_owned()]
            }
            Self::Forbidden { user } => {
                vec![format!("`sudo usermod -aG docker {user}`, then log in again (or `newgrp docker`)")]
            }
            Self::TooOld { .. } => {
                vec!["upgrade it: `apt-get install docker.io` or `dnf upgrade moby-engine`".to_owned()]
            }
            Self::UnsupportedEngine { .. } => vec![OTHER_ENGINE.to_owned()],
            Self::PodmanDocker => vec!["`sudo apt-get remove podman-docker`, then run `aictl setup`".to_owned()],
            Self::NotLinux => {
                vec!["start Docker Desktop or another engine, then check `docker context ls`".to_owned()]
            }
            Self::UnknownDistribution { .. } => {
                vec!["install and start an engine manually (`dockerd &`), then run `aictl setup`".to_owned()]
            }
            Self::NoPackage { .. } => vec![
                "add the Docker repository or a mirror of it to /etc/yum.repos.d, check it with `dnf repolist`, then run \
                 `aictl setup`"
                    .to_owned(),
            ],
            Self::NeedsRoot { .. } => vec!["`sudo aictl setup`".to_owned()],
            Self::Step { trouble, .. } => vec![trouble.remedy().to_owned(), AGAIN.to_owned()],
            Self::Ended { tail, .. } if tail.iter().any(|line| line.contains("pid file found")) => {
                vec!["remove the stale file: `rm /var/run/docker.pid && aictl setup`".to_owned()]
            }
            Self::Silent { log: Some(log), .. } | Self::Ended { log, .. } => {
                vec![format!("see the log with `tail -n 50 {log}`"), AGAIN.to_owned()]
            }
            Self::Silent { .. } => vec!["see the log with `journalctl -u docker -n 50`".to_owned(), AGAIN.to_owned()],
            Self::Interrupted { .. } => vec![AGAIN.to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_recognised_by_what_the_tools_say() {
        let said = [
            (
                "W: Failed to fetch http://packages.example.org/x  Temporary failure resolving 'packages.example.org'",
                Trouble::NoDns,
            ),
            ("E: Failed to fetch http://mirror/x  Unable to connect to mirror:80:", Trouble::MirrorDown),
            ("Curl error (7): Couldn't connect to server", Trouble::MirrorDown),
            ("Curl error (6): Could not resolve host: packages.example.org", Trouble::NoDns),
            ("E: You don't have enough free space in /var/cache/apt/archives/.", Trouble::DiskFull),
            ("dpkg: error: failed to write: No space left on device", Trouble::DiskFull),
            ("E: Unable to locate package docker.io", Trouble::NoSuchPackage),
            ("Error: Unable to find a match: moby-engine\nNo match for argument: moby-engine", Trouble::NoSuchPackage),
            ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7", Trouble::Busy),
            ("E: dpkg was interrupted, you must manually run 'dpkg --configure -a'", Trouble::CutOff),
            ("E: Could not open lock file - open (13: Permission denied)", Trouble::NotPermitted),
            ("mount: /sys/fs/cgroup: permission denied.", Trouble::NotPermitted),
            ("Job for docker.service failed because the control process exited", Trouble::Unit),
            ("something odd", Trouble::Other),
        ];
        for (words, trouble) in said {
            let tail: Vec<String> = words.lines().map(str::to_owned).collect();
            assert_eq!(Trouble::of(&tail), trouble, "{words}");
        }
    }

    #[test]
    fn every_failure_has_a_hint_that_is_a_command() {
        let step = |trouble| SetupError::Step { step: "install".into(), trouble, tail: Vec::new() };
        let all = [
            SetupError::Beside { whose: "x", start: "systemctl start x" },
            SetupError::Elsewhere { address: "x".into(), reason: "y".into() },
            SetupError::Forbidden { user: "ops".into() },
            SetupError::TooOld { found: "1.24".into() },
            SetupError::UnsupportedEngine { engine: "x".into(), missing: "y" },
            SetupError::PodmanDocker,
            SetupError::NotLinux,
            SetupError::UnknownDistribution { name: "x".into() },
            SetupError::NoPackage { distribution: "x".into() },
            SetupError::NeedsRoot { what: "x".into() },
            SetupError::Silent { seconds: 1, tail: Vec::new(), log: None },
            SetupError::Silent { seconds: 1, tail: Vec::new(), log: Some("/x".into()) },
            SetupError::Ended { status: "exit status: 1".into(), tail: Vec::new(), log: "/x".into() },
            SetupError::Interrupted { next: "install docker.io".into() },
            step(Trouble::NoDns),
            step(Trouble::MirrorDown),
            step(Trouble::Other),
        ];
        for error in all {
            let hints = error.hints();
            assert!(!hints.is_empty() && hints.iter().all(|hint| hint.matches('`').count() >= 2), "{error:?}");
        }
    }
}
