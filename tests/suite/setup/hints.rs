//! Hints of `aictl setup`, and of doctor about the engine, each executed on the bare machine that printed it.

use super::Bare;
use crate::support::project::Outcome;

impl Bare {
    /// Writes a program.
    fn program(&self, path: &str, script: &str) {
        self.shell(&format!("printf '%s\\n' '#!/bin/sh' '{script}' >{path} && chmod +x {path}")).ended(0);
    }

    fn as_nobody(&self, words: &[&str]) -> Outcome {
        self.exec(&["--user", "nobody", "--env", "HOME=/tmp"], words)
    }

    /// Runs the advised command that begins like this.
    #[track_caller]
    fn follow(&self, ran: &Outcome, beginning: &str) -> Outcome {
        let said = format!("{}\n{}", ran.stderr, ran.stdout);
        let commands = said.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let command = commands.into_iter().find(|command| command.starts_with(beginning));
        self.shell(command.unwrap_or_else(|| panic!("no hint `{beginning} …` in {said}")))
    }
}

#[test]
fn a_machine_whose_packages_are_out_of_reach() {
    let Some(machine) = Bare::start("packages", &["--network", "none"]) else { return };
    let failed = || machine.setup(&["--yes", "--timeout", "2s"]).ended(1);
    let mirror = |at: &str| format!("echo deb http://{at}/debian bookworm main >/etc/apt/sources.list");
    machine.shell("rm -f /etc/apt/sources.list.d/*; echo 'Acquire::Retries 0;' >/etc/apt/apt.conf.d/99once").ended(0);
    let seen = machine.run(&["aictl", "doctor", "--output", "json"]).ended(4);
    // Setup asks before it changes anything.
    machine.follow(&seen, "aictl setup").ended(5);
    // There is no network, which the command shows as well.
    machine.follow(&seen, "getent hosts").ended(2);
    machine.shell(&mirror("packages.example.org")).ended(0);
    machine.follow(&failed(), "cat /etc/resolv.conf").ended(0);
    machine.shell(&mirror("127.0.0.1:1")).ended(0);
    let down = machine.follow(&failed(), "apt-get update");
    assert!(down.stderr.contains("Failed to fetch http://127.0.0.1:1"), "{down:?}");
    let apt = |says: &str| {
        machine.program("/usr/local/sbin/apt-get", &format!("echo E: {says}; exit 100"));
        let outcome = failed();
        machine.shell("rm /usr/local/sbin/apt-get").ended(0);
        outcome
    };
    let full = apt("You do not have enough free space in /var/cache/apt/archives/.");
    assert!(machine.follow(&full, "df -h").stdout.contains("Filesystem"));
    machine.follow(&full, "apt-get clean").ended(0);
    let unknown = apt("Unable to locate package docker.io");
    assert!(machine.follow(&unknown, "cat /etc/apt").ended(0).stdout.contains("127.0.0.1:1"));
    let cut = apt("dpkg was interrupted, you must complete it");
    machine.follow(&cut, "dpkg --configure").ended(0);
    let other = apt("Sub-process returned an error code");
    machine.follow(&other, "aictl setup --verbose").ended(5);
    machine.shell("mv /usr/bin/apt-get /usr/bin/apt-get.away").ended(0);
    assert!(!machine.follow(&failed(), "command -v apt-get").stdout.contains("apt-get"));
}

#[test]
fn an_engine_that_does_not_start() {
    let Some(machine) = Bare::start("unstarted", &["--network", "none"]) else { return };
    let failed = |says: &str| {
        machine.program("/usr/sbin/dockerd", says);
        machine.setup(&["--yes", "--timeout", "2s"]).ended(9)
    };
    let stale = failed("echo pid file found, ensure docker is not running or delete /var/run/docker.pid; exit 1");
    machine.shell("echo 999999 >/var/run/docker.pid").ended(0);
    machine.follow(&stale, "rm /var/run/docker.pid").ended(5);
    machine.shell("test -e /var/run/docker.pid").ended(1);
    let broken = failed("echo cannot find a bridge; exit 3");
    assert!(machine.follow(&broken, "tail -n 50").ended(0).stdout.contains("cannot find a bridge"));
}

#[test]
fn a_user_without_rights() {
    let Some(machine) = Bare::start("rights", &["--network", "none"]) else { return };
    // What root types with it runs as root.
    machine.program("/usr/local/sbin/sudo", "exec $*");
    let refused = machine.as_nobody(&["aictl", "setup", "--yes"]).ended(1);
    machine.follow(&refused, "sudo aictl setup").ended(5);
    let seen = machine.as_nobody(&["aictl", "doctor", "--output", "json"]).ended(4);
    machine.follow(&seen, "sudo aictl setup").ended(5);
    machine.shell("groupadd docker").ended(0);
    let socket = "socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un(q(/var/run/docker.sock))) or die";
    machine.run(&["perl", "-MSocket", "-e", socket]).ended(0);
    machine.shell("chmod 600 /var/run/docker.sock").ended(0);
    let closed = machine.as_nobody(&["aictl", "doctor", "--output", "json"]).ended(4);
    machine.follow(&closed, "sudo usermod -aG docker").ended(0);
    let barred = machine.as_nobody(&["aictl", "status", "--project-name", "any"]).ended(9);
    assert!(barred.stderr.contains("permission denied: this user may not use the engine"), "{}", barred.stderr);
    machine.follow(&barred, "sudo usermod -aG docker $(id -un)").ended(0);
    assert!(machine.shell("id nobody").ended(0).stdout.contains("(docker)"));
}
