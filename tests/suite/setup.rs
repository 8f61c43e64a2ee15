//! `aictl setup` on bare Debian machines: containers with a network, processes and a disk of their own.
//! Each test brings a machine into one condition and looks at what setup made of it.
//! Never meets the lab's engine: the one that is installed runs inside the container and ends with it.

mod hints;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::project::{Outcome, eventually, skip};

/// A machine that was just installed.
struct Bare {
    name: String,
    container: Child,
}

impl Bare {
    fn start(test: &str, options: &[&str]) -> Option<Self> {
        if std::env::var_os("AICTL_LAB").is_none() || std::env::var_os("DOCKER_HOST").is_some() {
            skip(test, "a bare machine needs the lab and no DOCKER_HOST");
            return None;
        }
        let name = format!("setup-{test}-{}", std::process::id());
        let nested = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/nested.sh");
        let binary = format!("{}:/usr/local/bin/aictl:ro", env!("CARGO_BIN_EXE_aictl"));
        let mut command = Command::new("bash");
        command.args(["-c", ". \"$0\"; lab_nested \"$@\""]).arg(nested).arg(&name);
        command.args(["--volume", &binary, "--env", "AICTL_LAB="]).args(options).args(["--", "sleep", "600"]);
        let container = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let machine = Self { name, container };
        eventually("the bare machine runs", Duration::from_secs(60), || machine.run(&["true"]).code == 0);
        Some(machine)
    }

    fn exec(&self, options: &[&str], words: &[&str]) -> Outcome {
        let mut command = Command::new("docker");
        command.arg("exec").args(options).arg(&self.name).args(words);
        command.output().unwrap().into()
    }

    fn run(&self, words: &[&str]) -> Outcome {
        self.exec(&[], words)
    }

    fn shell(&self, script: &str) -> Outcome {
        self.run(&["sh", "-c", script])
    }

    fn setup(&self, words: &[&str]) -> Outcome {
        self.run(&[&["aictl", "setup"], words].concat())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-fv", &self.name]).output();
        let _ = self.container.wait();
    }
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"))
}

/// The whole story: plan, a full disk, install, start, nothing to do, stopped, started again.
#[test]
#[ignore = "installs an engine from packages: more than a minute (tests/run --full)"]
fn a_bare_debian_gets_an_engine_once_and_a_stopped_one_is_started() {
    let Some(machine) = Bare::start("story", &[]) else { return };
    let planned = machine.setup(&["--dry-run"]).ended(0);
    assert!(planned.stdout.contains("docker.io") && planned.stdout.contains("nothing was changed"), "{planned:?}");
    let asked = machine.setup(&[]).ended(5);
    assert!(asked.stderr.contains("--yes"), "{asked:?}");
    let untouched = machine.shell("ls /usr/sbin/dockerd /var/log/dockerd.log 2>/dev/null | wc -l");
    assert_eq!(untouched.stdout.trim(), "0");

    machine.shell("mount -t tmpfs -o size=8m tmpfs /var/cache/apt/archives").ended(0);
    let full = machine.setup(&["--yes"]).ended(1);
    assert!(full.stderr.contains("could not install docker.io: no space left on the disk"), "{full:?}");
    assert!(
        full.stderr.contains("hint: find the full disk with `df -h`")
            && full.stderr.contains("continue with `aictl setup`"),
        "{full:?}"
    );
    machine.shell("umount /var/cache/apt/archives").ended(0);

    let done = json(&machine.setup(&["--yes", "--output", "json"]).ended(0));
    assert_eq!((done["changed"].as_bool(), done["engine"]["api_version"].as_str()), (Some(true), Some("1.41")));
    let pid = machine.shell("cat /var/run/docker.pid").ended(0).stdout;
    let loaded = machine.shell("tar -c /etc/hostname | docker import - made:1 && docker image ls -q | wc -l");
    assert!(loaded.stdout.trim().ends_with('1'), "the engine works: {loaded:?}");

    let again = machine.setup(&["--yes"]).ended(0);
    assert!(again.stdout.starts_with("nothing to do: engine 20.10"), "{again:?}");
    assert_eq!(json(&machine.setup(&["--output", "json"]).ended(0))["steps"], Value::Array(Vec::new()));
    assert_eq!(machine.shell("cat /var/run/docker.pid").stdout, pid, "the engine is the same process");

    machine.shell("kill $(cat /var/run/docker.pid)").ended(0);
    eventually("the engine is down", Duration::from_secs(30), || machine.run(&["docker", "version"]).code != 0);
    let started = json(&machine.setup(&["--yes", "--output", "json"]).ended(0));
    let steps: Vec<&str> = started["steps"].as_array().unwrap().iter().filter_map(|s| s["step"].as_str()).collect();
    assert_eq!(steps, ["start the engine", "await the engine"]);
    machine.run(&["docker", "image", "inspect", "made:1"]).ended(0);
}

/// Options that put this machine's own engine, which the lab has from the same packages, into a bare machine: its programs,
/// and those libraries that the bare machine lacks. None where it would not run there.
fn installed() -> Option<Vec<String>> {
    let programs = ["/usr/sbin/dockerd", "/usr/bin/containerd", "/usr/bin/containerd-shim-runc-v2", "/usr/sbin/runc"];
    if !programs.iter().all(|path| Path::new(path).is_file()) {
        return None;
    }
    let mut options: Vec<String> = programs.iter().map(|path| format!("--volume={path}:{path}:ro")).collect();
    let said = |command: &mut Command| -> Option<String> { Some(Outcome::from(command.output().ok()?).stdout) };
    let mut look = Command::new("docker");
    let known = said(look.args(["run", "--rm", "--network", "none", "aictl/base:bookworm", "ldconfig", "-p"]))?;
    let linked = said(Command::new("ldd").args(programs))?;
    let libraries = linked.lines().filter_map(|line| line.trim().split_once(" => "));
    let absent: BTreeSet<(&str, &str)> = libraries
        .filter_map(|(name, rest)| Some((name, rest.split(' ').next()?)))
        .filter(|(name, _)| !known.contains(&format!("{name} ")))
        .collect();
    options.extend(absent.iter().map(|(name, path)| format!("--volume={path}:/usr/lib/{name}:ro")));
    Some(options)
}

/// The engine is there and down: first its own settings keep it down, then nothing does, then it is killed.
#[test]
fn an_engine_that_is_installed_and_stopped_is_started_once_what_keeps_it_is_mended() {
    let Some(options) = installed() else { return skip("setup-stopped", "this machine's engine cannot be lent") };
    let options: Vec<&str> = options.iter().map(String::as_str).chain(["--network", "none"]).collect();
    let Some(machine) = Bare::start("stopped", &options) else { return };
    // It has no network of its own, and no firewall to be told of one.
    let settings = |text: &str| {
        machine.shell(&format!("mkdir -p /etc/docker && echo '{text}' >/etc/docker/daemon.json")).ended(0);
    };
    let seen = json(&machine.run(&["aictl", "doctor", "--output", "json"]).ended(4));
    let engine = seen["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "engine").unwrap();
    assert_eq!(engine["verdict"], "failed");
    assert!(engine["remedy"].as_str().unwrap().starts_with("it is installed but stopped; start it with `aictl setup`"));

    settings(r#"{ "bridge": 5 }"#);
    let kept = machine.setup(&["--yes", "--timeout", "10s"]).ended(9);
    assert!(kept.stderr.contains("daemon.json"), "the engine's own words: {kept:?}");
    assert!(kept.stderr.contains("hint: ") && kept.stderr.contains("continue with `aictl setup`"), "{kept:?}");

    settings(r#"{ "bridge": "none", "iptables": false }"#);
    let steps = |outcome: &Value| -> Vec<String> {
        let steps = outcome["steps"].as_array().unwrap().iter();
        steps.map(|step| step["step"].as_str().unwrap().to_owned()).collect()
    };
    let started = json(&machine.setup(&["--yes", "--output", "json"]).ended(0));
    assert_eq!(steps(&started), ["start the engine", "await the engine"], "{started}");
    assert_eq!(started["changed"], true);
    let version = started["engine"]["version"].as_str().unwrap().to_owned();
    let pid = machine.shell("cat /var/run/docker.pid").ended(0).stdout;
    let again = machine.setup(&["--yes"]).ended(0);
    assert!(again.stdout.starts_with(&format!("nothing to do: engine {version}")), "{again:?}");
    assert_eq!(machine.shell("cat /var/run/docker.pid").stdout, pid, "the engine is the same process");

    machine.shell("kill -9 $(cat /var/run/docker.pid)").ended(0);
    let down = || machine.run(&["aictl", "doctor", "--output", "json"]).code == 4;
    eventually("the engine is down", Duration::from_secs(30), down);
    let back = json(&machine.setup(&["--yes", "--output", "json"]).ended(0));
    assert_eq!((steps(&back), back["changed"].as_bool()), (steps(&started), Some(true)), "{back}");
}

#[test]
fn engines_of_others_rights_and_addresses_are_refused_before_anything_is_done() {
    let Some(machine) = Bare::start("refusals", &["--network", "none"]) else { return };
    let refused = |before: &str, after: &str, words: &str| {
        machine.shell(before).ended(0);
        let outcome = machine.setup(&["--yes"]).ended(1);
        assert!(outcome.stderr.contains(words) && outcome.stderr.contains("hint:"), "{outcome:?}");
        machine.shell(after).ended(0);
    };
    let podman = "printf '#!/bin/sh\nexec /usr/bin/podman \"$@\"\n' >/usr/bin/docker && chmod +x /usr/bin/docker";
    refused(podman, "rm /usr/bin/docker", "podman-docker");
    refused("mkdir /opt/docker-desktop", "rmdir /opt/docker-desktop", "Docker Desktop");
    let rootless = "mkdir -p ~/.config/systemd/user && touch ~/.config/systemd/user/docker.service";
    refused(rootless, "rm -r ~/.config", "rootless");
    refused("cp /etc/os-release /tmp/os && echo ID=plan9 >/etc/os-release", "cp /tmp/os /etc/os-release", "plan9");

    let user = machine.exec(&["--user", "nobody"], &["aictl", "setup", "--yes"]).ended(1);
    assert!(user.stderr.contains("`sudo aictl setup`"), "{user:?}");
    machine.exec(&["--user", "nobody"], &["aictl", "setup", "--dry-run"]).ended(0);
    let away = machine.exec(&["--env", "DOCKER_HOST=tcp://127.0.0.1:1"], &["aictl", "setup", "--yes"]).ended(9);
    assert!(away.stderr.contains("only sets this machine up"), "{away:?}");
}

#[test]
fn no_names_no_mirror_and_a_silent_engine_each_say_what_to_do() {
    let Some(machine) = Bare::start("troubles", &["--network", "none"]) else { return };
    let failed = |code: i32, words: &str| {
        let outcome = machine.setup(&["--yes", "--timeout", "2s"]).ended(code);
        assert!(outcome.stderr.contains(words) && outcome.stderr.contains("hint:"), "{outcome:?}");
        assert!(outcome.stderr.contains("aictl setup"), "it can be continued: {outcome:?}");
    };
    let source = |address: &str| {
        let line = format!("deb http://{address}/debian bookworm main");
        machine.shell(&format!("rm -f /etc/apt/sources.list.d/*; echo '{line}' >/etc/apt/sources.list")).ended(0);
        machine.shell("echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/99retries").ended(0);
    };
    source("packages.example.org");
    failed(1, "name resolution failed");
    source("127.0.0.1:1");
    failed(1, "package mirror unreachable");
    let engine = |script: &str| {
        let write = format!("printf '#!/bin/sh\n{script}\n' >/usr/sbin/dockerd && chmod +x /usr/sbin/dockerd");
        machine.shell(&write).ended(0);
    };
    engine("echo cannot find a bridge; exit 3");
    failed(9, "cannot find a bridge");
    engine("echo still thinking; exec sleep 30");
    failed(9, "still thinking");
}
