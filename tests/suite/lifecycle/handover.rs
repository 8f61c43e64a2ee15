//! What one container leaves to another: addresses, host ports, namespaces, links.
//! Changes or restarts one service and looks at the others from inside.

use super::project::{TestProject, docker};
use crate::support::project::free_port;

/// An image that has a resolver.
const SERVE: &str = "image: 'aictl/base:bookworm', stop_grace_period: 0s";
const PROGRAM: &str = "command: [sleep, infinity]";

/// What a program prints in a container of the project.
#[track_caller]
fn inside(stage: &TestProject, container: &str, words: &[&str]) -> String {
    let name = format!("{}-{container}", stage.project);
    docker(&[&["exec", &name][..], words].concat())
}

/// The first of so many ports that nobody listens on, below those the kernel hands out.
fn free_range(length: u16) -> u16 {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut starts = (20_000..32_000).step_by(usize::from(length));
    starts.find(|start| (*start..start + length).all(free)).expect("so many free ports")
}

#[test]
fn a_fixed_address_and_many_ports_go_over_to_every_replacement() {
    let (first, net) = (free_range(21), std::process::id() % 250);
    let last = first + 20;
    let compose = format!(
        "
services:
  a: {{{SERVE}, {PROGRAM}, environment: {{ROUND: '${{ROUND:-0}}'}}, networks: {{s: {{ipv4_address: 10.213.{net}.10}}}}}}
  b: {{{SERVE}, {PROGRAM}, environment: {{ROUND: '${{ROUND:-0}}'}}, ports: ['127.0.0.1:{first}-{last}:8000-8020']}}
networks: {{s: {{ipam: {{config: [{{subnet: 10.213.{net}.0/24}}]}}}}}}
"
    );
    let Some(stage) = TestProject::new("handover", &compose) else { return };
    for round in ["0", "1", "2", "3"] {
        stage.write(".env", &format!("ROUND={round}\n"));
        stage.aictl("start").code(0);
        assert_eq!(inside(&stage, "a-1", &["printenv", "ROUND"]), round);
        assert_eq!(stage.containers(), ["a-1 running", "b-1 running"]);
    }
}

#[test]
fn a_port_goes_from_one_service_to_another() {
    let port = free_port();
    let holds = format!("{SERVE}, {PROGRAM}, ports: ['127.0.0.1:{port}:80']");
    let Some(stage) = TestProject::new("port-moves", &format!("services: {{ one: {{{holds}}} }}\n")) else { return };
    stage.aictl("start").code(0);
    stage.write("compose.yaml", &format!("services: {{ one: {{{SERVE}, {PROGRAM}}}, two: {{{holds}}} }}\n"));
    stage.aictl("start").code(0);
    assert_eq!(stage.containers(), ["one-1 running", "two-1 running"]);
    stage.write("compose.yaml", &format!("services: {{ three: {{{holds}}} }}\n"));
    // The new one cannot start: who had the port has it again.
    let broken = holds.replace("[sleep, infinity]", "[nosuchprogram]");
    stage.write("broken.yaml", &format!("services: {{ three: {{{broken}}} }}\n"));
    stage.aictl("-f broken.yaml start --remove-orphans").code(1);
    assert!(stage.containers().contains(&"two-1 running".to_owned()), "{:?}", stage.containers());
    stage.aictl("start --remove-orphans").code(0);
    assert_eq!(stage.containers(), ["three-1 running"]);
}

#[test]
fn who_shares_a_network_or_asked_for_it_is_restarted_too() {
    let compose = format!(
        "
services:
  host: {{{SERVE}, networks: {{default: {{aliases: [seen]}}}}, {PROGRAM}}}
  guest: {{{SERVE}, {PROGRAM}, network_mode: 'service:host'}}
  asked: {{{SERVE}, {PROGRAM}, depends_on: {{host: {{condition: service_started, restart: true}}}}}}
  other: {{{SERVE}, {PROGRAM}, depends_on: [host]}}
"
    );
    let Some(stage) = TestProject::new("sharers", &compose) else { return };
    stage.aictl("start").code(0);
    let started =
        |name: &str| docker(&["inspect", "--format", "{{.State.StartedAt}}", &format!("{}-{name}-1", stage.project)]);
    let reaches = || inside(&stage, "guest-1", &["getent", "hosts", "seen"]);
    assert!(reaches().contains("seen"));
    let before = ["guest", "asked", "other"].map(started);
    stage.aictl("restart host").code(0);
    let after = ["guest", "asked", "other"].map(started);
    assert!(before[0] != after[0] && before[1] != after[1], "{before:?} {after:?}");
    assert_eq!(before[2], after[2], "nobody asked for it");
    assert!(reaches().contains("seen"));
    // From outside, as another tool would.
    docker(&["restart", "-t", "1", &format!("{}-host-1", stage.project)]);
    stage.aictl("start").code(0).says("guest-1");
    assert!(reaches().contains("seen"));
    let broken = compose.replacen("[sleep, infinity]", "[nosuchprogram]", 1);
    stage.write("compose.yaml", &broken);
    stage.aictl("start").code(1);
    assert!(reaches().contains("seen"), "the old host came back, and its guest with it");
}

#[test]
fn links_lead_somewhere_and_volumes_of_another_service_survive_the_other_tool() {
    let compose = format!(
        "
services:
  a: {{{SERVE}, {PROGRAM}, links: ['web:ww'], expose: ['9000-9002']}}
  web: {{{SERVE}, {PROGRAM}, volumes: [/shared]}}
  side: {{{SERVE}, {PROGRAM}, volumes_from: ['web:ro']}}
"
    );
    let Some(stage) = TestProject::new("links", &compose) else { return };
    stage.aictl("start").code(0);
    assert!(inside(&stage, "a-1", &["getent", "hosts", "ww"]).contains("ww"));
    let name = format!("{}-a-1", stage.project);
    let exposed = docker(&["inspect", "--format", "{{json .Config.ExposedPorts}}", &name]);
    assert!(["9000/tcp", "9001/tcp", "9002/tcp"].iter().all(|port| exposed.contains(port)), "{exposed}");
    let before = stage.identity();
    stage.aictl("start").code(0);
    assert_eq!(stage.identity(), before);
    let Some(taken) = stage.compose("up -d") else { return };
    taken.code(0);
    assert_eq!(stage.identity(), before, "Compose takes them for its own");
}

#[test]
fn what_compose_users_type_is_understood() {
    let compose = format!(
        "services: {{ a: {{{SERVE}, {PROGRAM}, volumes: ['vol:/v']}}, p: {{{SERVE}, {PROGRAM}, profiles: [extra]}} }}\nvolumes: {{vol: {{}}}}\n"
    );
    let Some(stage) = TestProject::new("typed", &compose) else { return };
    stage.aictl("--profile extra up -d --no-color").code(0);
    let identity = stage.identity();
    stage.aictl("restart p").code(0);
    assert_ne!(stage.identity(), identity, "a profile that is not named is no reason not to restart");
    stage.aictl("run -it --rm a true").code(0);
    stage.aictl("stop --volumes").code(2).says("`aictl stop --remove --volumes`");
    stage.aictl("down -v").code(0);
    assert_eq!((stage.containers(), stage.leftovers()), (Vec::new(), Vec::new()));
}
