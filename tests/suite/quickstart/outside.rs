//! A quickstart for which names do not resolve, and one without the right to use the engine: what it says, and that it goes on.
//! Brings a resolver and a user of its own for one process; reads exit codes and the engine's own account.
//! Never touches the machine's resolver or its users.
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::small::{self, QUICKSTART, goes_on, told};
use crate::images::Registry;
use crate::support::project::{Outcome, docker, skip};

/// A name server that knows every name as this machine. None where its port may not be had.
fn name_server(address: &str) -> Option<()> {
    let socket = UdpSocket::bind((address, 53)).ok()?;
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let question = &packet[12..length];
            let end = question.iter().position(|byte| *byte == 0).unwrap_or(0) + 5;
            let asks_ipv4 = question[end - 4..end - 2] == [0, 1];
            // RFC 1035, 4.1: the question again, and one record that points at its name.
            let mut answer = vec![packet[0], packet[1], 0x81, 0x80, 0, 1, 0, u8::from(asks_ipv4), 0, 0, 0, 0];
            answer.extend_from_slice(&question[..end]);
            if asks_ipv4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    Some(())
}

#[test]
fn names_that_do_not_resolve_are_told_before_anything_is_pulled() {
    const SERVER: &str = "127.0.53.61";
    let Some(registry) = Registry::open("quick-names") else { return };
    let stage = &registry.stage;
    // A name of this process: what another run left under it would need no name server.
    let host = format!("images-{}.example.invalid", std::process::id());
    let image = format!("{host}/shop/tool:1");
    stage.write("compose.yaml", &small::compose(&[("aictl-lab/tool:1", &image)]));
    let from = format!("default_environment: dev\nregistry: {{ url: {host}, mirrors: ['{}'] }}", registry.address);
    stage.write("aictl.yaml", &small::project(&[("default_environment: dev", &from)]));
    stage.write("resolv.conf", &format!("nameserver {SERVER}\noptions timeout:1 attempts:1\n"));
    // A mount of its own hides the machine's resolver from this process alone.
    let own = "mount --bind resolv.conf /etc/resolv.conf && exec \"$0\" \"$@\"";
    let aictl = |words: &[&str]| -> Outcome {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", own, env!("CARGO_BIN_EXE_aictl")]).args(words);
        command.env("COMPOSE_PROJECT_NAME", stage.name());
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env_remove(proxy);
        }
        command.current_dir(stage.path()).stdin(Stdio::null()).output().unwrap().into()
    };
    let failed = aictl(&QUICKSTART).ended(4);
    told(&failed, &[&format!("{SERVER} does not answer"), "set a name server in /etc/resolv.conf", "`getent hosts"]);
    assert!(stage.containers().is_empty(), "nothing was started");
    if name_server(SERVER).is_none() {
        return skip("quickstart after a name server was set", "its port may not be had here");
    }
    goes_on(&aictl, &["secrets"]);
    stage.aictl(&["stop", "--remove"]).ended(0);
    docker(&["rmi", &image]);
}

#[test]
fn a_user_without_the_right_to_the_engine_is_told_how_to_get_it() {
    const NOBODY: &str = "65534";
    let Some(stage) = small::stage("quick-nobody") else { return };
    let socket = std::fs::metadata("/var/run/docker.sock").map(|at| std::os::unix::fs::MetadataExt::gid(&at));
    let Ok(group @ 1..) = socket else {
        return skip("quickstart of a user without rights", "no group of this machine may use the engine");
    };
    // The build folder may lie where others cannot look.
    let program = stage.path().join("aictl");
    std::fs::copy(env!("CARGO_BIN_EXE_aictl"), &program).unwrap();
    std::fs::set_permissions(stage.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for owned in [stage.path().to_owned(), stage.path().join("compose.yaml"), stage.path().join("aictl.yaml")] {
        std::os::unix::fs::chown(owned, Some(65534), Some(65534)).unwrap();
    }
    let aictl_in = |groups: &str, words: &[&str]| -> Outcome {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, groups]).arg(&program);
        command.env("COMPOSE_PROJECT_NAME", stage.name());
        command.args(words).current_dir(stage.path()).env("HOME", stage.path()).env("USER", "nobody");
        command.stdin(Stdio::null()).output().unwrap().into()
    };
    let failed = aictl_in("--clear-groups", &QUICKSTART).ended(1);
    told(
        &failed,
        &["an engine is running, but nobody has no permission to use it", "`sudo usermod -aG docker nobody`"],
    );
    assert_eq!(stage.everything(), Vec::<String>::new());
    let member = format!("--groups={group}");
    goes_on(&|words| aictl_in(&member, words), &["secrets"]);
}
