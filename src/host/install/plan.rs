//! Decides which commands bring an engine onto a machine, start it, and give a stack what else it needs there.
//! Reads the distribution, what is installed and what the stack asks for; returns steps in order, or why none may be done.
//! Pure: nothing is run to find out.

use std::time::Duration;

use super::SetupError;
use super::kernel::plan_kernel;
use super::step::{Action, EngineState, SetupFacts, SetupStep};
use crate::host::{OsRelease, Presence};

/// Package lists and packages come over slow lines, and another package manager may hold its lock for minutes.
const PACKAGES: Duration = Duration::from_secs(1800);
const QUICK: Duration = Duration::from_secs(120);
/// An engine with many containers restores them before it answers.
const ENGINE: Duration = Duration::from_secs(90);
/// Where an engine without an init system writes its log.
const ENGINE_LOG: &str = "/var/log/dockerd.log";
/// The engine's own choice.
const ENGINE_PID: &str = "/var/run/docker.pid";

impl SetupStep {
    fn run(verbs: (&'static str, &'static str), subject: &str, commands: &[&str]) -> Self {
        let words = |line: &&str| line.split(' ').map(str::to_owned).collect();
        let action = Action::Run { commands: commands.iter().map(words).collect(), limit: QUICK };
        Self { verbs, subject: subject.to_owned(), cause: String::new(), action, optional: false }
    }

    fn because(self, cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), ..self }
    }

    fn within(mut self, longest: Duration) -> Self {
        if let Action::Run { limit, .. } = &mut self.action {
            *limit = longest;
        }
        self
    }

    fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The command a person would type, for plans and records.
    pub fn command(&self) -> String {
        match &self.action {
            Action::Run { commands, .. } => {
                let lines: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
                lines.join(" || ")
            }
            Action::Write { path, text } => format!("echo \"{}\" > {path}", text.trim_end()),
            Action::Launch { command, log, .. } => format!("{} >> {log} 2>&1 &", command.join(" ")),
            Action::AwaitEngine { .. } => "docker version".to_owned(),
        }
    }
}

/// Whether the plan needs to know which engine packages the repositories offer.
pub fn asks_repositories(facts: &SetupFacts) -> bool {
    let red_hat = facts.os.as_ref().is_some_and(|os| kind(os) == Some(Kind::RedHat));
    red_hat && facts.engine == EngineState::Silent && facts.presence.dockerd.is_none()
}

/// Whether a package of this name is an engine. `docker` is not among them: on these distributions it may be Podman's.
pub fn is_engine_package(name: &str) -> bool {
    matches!(name, "docker-ce" | "moby-engine")
}

/// The steps from this machine to one that can run the stack; none when it can.
pub fn plan_setup(facts: &SetupFacts) -> Result<Vec<SetupStep>, SetupError> {
    let mut steps = plan_engine(facts)?;
    let debian = facts.os.as_ref().is_some_and(|os| kind(os) == Some(Kind::Debian));
    if let Some(image) = facts.built_image.as_ref().filter(|_| debian) {
        let refreshed = steps.iter().any(|step| step.verbs == REFRESH);
        let cause = format!("image {image} is built from packages with it");
        steps.extend((!refreshed).then(refresh));
        steps.push(apt("mmdebstrap", &["mmdebstrap"], cause));
    }
    steps.extend(plan_kernel(facts));
    Ok(steps)
}

fn plan_engine(facts: &SetupFacts) -> Result<Vec<SetupStep>, SetupError> {
    match &facts.engine {
        EngineState::Answers => return Ok(Vec::new()),
        EngineState::Forbidden => return Err(SetupError::Forbidden { user: facts.user.clone() }),
        EngineState::TooOld { found } => return Err(SetupError::TooOld { found: found.clone() }),
        EngineState::Unsupported { engine, missing } => {
            return Err(SetupError::UnsupportedEngine { engine: engine.clone(), missing });
        }
        EngineState::Elsewhere { address, reason } => {
            return Err(SetupError::Elsewhere { address: address.clone(), reason: reason.clone() });
        }
        EngineState::Silent => {}
    }
    refuse_beside_others(&facts.presence)?;
    let os = facts.os.as_ref().ok_or(SetupError::NotLinux)?;
    let mut steps = Vec::new();
    if facts.presence.dockerd.is_none() && !facts.presence.snap {
        steps.extend(install(os, facts)?);
    }
    steps.extend(start(&facts.presence));
    steps.push(answer(facts, &steps));
    Ok(steps)
}

fn refuse_beside_others(presence: &Presence) -> Result<(), SetupError> {
    let beside = |whose, start| Err(SetupError::Beside { whose, start });
    if presence.podman_docker {
        return Err(SetupError::PodmanDocker);
    }
    if presence.desktop {
        return beside("Docker Desktop is installed", "systemctl --user start docker-desktop");
    }
    if presence.rootless {
        return beside("a rootless engine is installed", "systemctl --user start docker");
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Debian,
    Fedora,
    Amazon,
    RedHat,
}

fn kind(os: &OsRelease) -> Option<Kind> {
    // Descendants of RHEL name Fedora as an ancestor too, so the nearer one is asked for first.
    match os.id.as_str() {
        "amzn" => Some(Kind::Amazon),
        "fedora" => Some(Kind::Fedora),
        _ if os.is("debian") || os.is("ubuntu") => Some(Kind::Debian),
        _ if os.is("rhel") || os.is("centos") => Some(Kind::RedHat),
        _ if os.is("fedora") => Some(Kind::Fedora),
        _ => None,
    }
}

fn install(os: &OsRelease, facts: &SetupFacts) -> Result<Vec<SetupStep>, SetupError> {
    let verbs = ("install", "Installed");
    let cause = format!("no engine is installed on {}", named(os));
    let packages = |subject: &str, commands: &[&str]| {
        vec![SetupStep::run(verbs, subject, commands).because(cause.clone()).within(PACKAGES)]
    };
    match kind(os) {
        Some(Kind::Debian) => Ok(debian(os, &cause, facts.lacks_profiles)),
        Some(Kind::Fedora) => Ok(packages("moby-engine", &["dnf install -y moby-engine"])),
        Some(Kind::Amazon) => Ok(packages("docker", &["dnf install -y docker", "yum install -y docker"])),
        Some(Kind::RedHat) => match facts.offered.iter().find(|name| is_engine_package(name)) {
            Some(name) if name == "docker-ce" => {
                Ok(packages(name, &["dnf install -y docker-ce docker-ce-cli containerd.io"]))
            }
            Some(name) => Ok(packages(name, &[&format!("dnf install -y {name}")])),
            None => Err(SetupError::NoPackage { distribution: named(os) }),
        },
        None => Err(SetupError::UnknownDistribution { name: named(os) }),
    }
}

fn debian(os: &OsRelease, cause: &str, lacks_profiles: bool) -> Vec<SetupStep> {
    let mut packages = vec!["docker.io", "ca-certificates"];
    // Debian 13 split the command `docker` from the engine's package.
    let is_split = os.id == "debian" && os.version.parse::<u32>().is_ok_and(|version| version >= 13);
    packages.extend(is_split.then_some("docker-cli"));
    packages.extend(lacks_profiles.then_some("apparmor"));
    vec![refresh(), apt("docker.io", &packages, cause)]
}

const REFRESH: (&str, &str) = ("refresh", "Refreshed");

fn refresh() -> SetupStep {
    let step = SetupStep::run(REFRESH, "package lists", &["apt-get update"]);
    // A source that cannot be reached does not prevent installing from the others.
    step.because("the package may have moved").within(PACKAGES).optional()
}

fn apt(subject: &str, packages: &[&str], cause: impl Into<String>) -> SetupStep {
    let install = format!(
        "env DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 --no-install-recommends {}",
        packages.join(" ")
    );
    SetupStep::run(("install", "Installed"), subject, &[&install]).because(cause).within(PACKAGES)
}

const START: (&str, &str) = ("start", "Started");

fn start(presence: &Presence) -> Vec<SetupStep> {
    let by =
        |command: &str| vec![SetupStep::run(START, "the engine", &[command]).because("it is installed but stopped")];
    if presence.snap && presence.dockerd.is_none() {
        return by("snap start docker");
    }
    if presence.systemd {
        return by("systemctl enable --now docker");
    }
    if presence.openrc {
        let mut steps = by("rc-service docker start");
        let enable = SetupStep::run(("enable", "Enabled"), "the engine", &["rc-update add docker default"]);
        steps.push(enable.because("start it at boot"));
        return steps;
    }
    by_hand(presence)
}

/// Without an init system the engine is a program of its own session.
fn by_hand(presence: &Presence) -> Vec<SetupStep> {
    let mut steps = Vec::new();
    if !presence.cgroups {
        let mount = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
        let step = SetupStep::run(("mount", "Mounted"), "control groups", &[mount]);
        steps.push(step.because("there is no init system to mount it").optional());
    }
    let command = vec![presence.dockerd.clone().unwrap_or_else(|| "dockerd".to_owned())];
    // The package's own script may have started it.
    let action = Action::Launch { command, log: ENGINE_LOG.to_owned(), grace: Duration::from_secs(2) };
    let cause = format!("there is no init system; its process ID is in {ENGINE_PID}");
    steps.push(SetupStep { verbs: START, subject: "the engine".to_owned(), cause, action, optional: false });
    steps
}

/// The wait for what the steps before started.
fn answer(facts: &SetupFacts, started: &[SetupStep]) -> SetupStep {
    let limit = facts.timeout.unwrap_or(ENGINE);
    let log = started.iter().find_map(|step| match &step.action {
        Action::Launch { log, .. } => Some(log.clone()),
        _ => None,
    });
    SetupStep {
        verbs: ("await", "Ready"),
        subject: "the engine".to_owned(),
        cause: format!("at most {} s", limit.as_secs()),
        action: Action::AwaitEngine { limit, log },
        optional: false,
    }
}

fn named(os: &OsRelease) -> String {
    if os.name.is_empty() { os.id.clone() } else { os.name.clone() }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
