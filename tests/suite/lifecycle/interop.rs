//! Compose takes over what aictl started, and the reverse.

use super::project::{TestProject, docker};

const STACK: &str = "
services:
  db:
    image: aictl-lab/tool:1
    command: [tool, serve]
    healthcheck: {test: [CMD, tool, ready], interval: 1s}
    volumes: [data:/data, '/anonymous']
    networks: [back]
    environment: {PASSWORD: 'a$$b\"c', EMPTY: }
  vpn:
    image: aictl-lab/tool:1
    command: [tool, serve]
  client:
    image: aictl-lab/tool:1
    command: [tool, serve]
    network_mode: service:vpn
  api:
    image: aictl-lab/tool:1
    command: [tool, serve]
    env_file: [api.env]
    ports: ['127.0.0.1:0:8080']
    depends_on: {db: {condition: service_healthy, restart: true}}
    networks: {back: {aliases: [backend]}, front: }
    configs: [{source: settings, target: /etc/settings}]
    secrets: [key]
    deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 64M}}}
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    logging: {driver: json-file, options: {max-size: 1m}}
    stop_grace_period: 2s
networks: {back: {internal: true}, front: }
volumes: {data: {}}
configs: {settings: {file: ./settings.ini}}
secrets: {key: {file: ./key.txt}}
";

fn stage(test: &str) -> Option<TestProject> {
    let stage = TestProject::new(test, STACK)?;
    stage.write("api.env", "FROM_FILE='one two'\n");
    stage.write("settings.ini", "a=1\n");
    stage.write("key.txt", "k");
    Some(stage)
}

#[test]
fn compose_recreates_nothing_of_what_aictl_started_and_takes_it_down() {
    let Some(stage) = stage("interop-a") else { return };
    stage.aictl("start").code(0);
    let before = stage.identity();
    let Some(up) = stage.compose("up -d") else { return };
    up.code(0);
    assert_eq!(stage.identity(), before);
    assert_eq!(stage.compose("ps -q").unwrap().code(0).stdout.lines().count(), 5);
    assert!(stage.compose("logs --no-color api").unwrap().code(0).stdout.contains("ready"));
    stage.compose("down -v").unwrap().code(0);
    assert_eq!(stage.containers(), Vec::<String>::new());
}

#[test]
fn aictl_recreates_nothing_of_what_compose_started_and_takes_it_down() {
    let Some(stage) = stage("interop-b") else { return };
    let Some(up) = stage.compose("up -d --wait") else { return };
    up.code(0);
    let before = stage.identity();
    let report = stage.aictl("start --output json").code(0).json();
    assert_eq!(report["changed"], false, "{report}");
    assert_eq!(stage.identity(), before);
    assert_eq!(stage.aictl("status --output json").code(0).json()["services"].as_array().unwrap().len(), 5);
    stage.aictl("stop --remove -v").code(0);
    assert_eq!(stage.leftovers(), Vec::<String>::new());
}

#[test]
fn a_project_is_stopped_by_its_name_alone() {
    let Some(stage) = stage("interop-name") else { return };
    stage.aictl("start vpn").code(0);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = stage.aictl_command("stop --remove --project-name");
    let output = command.arg(&stage.project).env_remove("COMPOSE_PROJECT_NAME").current_dir(elsewhere.path()).output();
    assert!(output.unwrap().status.success());
    assert_eq!(stage.containers(), Vec::<String>::new());
}

#[test]
fn what_compose_leaves_of_ours_goes_with_the_next_stop() {
    let Some(stage) = stage("interop-left") else { return };
    stage.aictl("start vpn").code(0);
    let Some(down) = stage.compose("down -v") else { return };
    down.code(0);
    let ours = || docker(&["ps", "-aq", "--filter", &format!("name=^/{}-aictl", stage.project)]);
    assert_ne!(ours(), "", "Compose does not know it");
    stage.aictl("stop --remove").code(0);
    assert_eq!(ours(), "");
    assert_eq!(stage.aictl("stop --remove").code(0).stdout.trim(), format!("{}: nothing to stop", stage.project));
    stage.aictl("stop --remove -v").code(0);
    assert_eq!(stage.leftovers(), Vec::<String>::new());
}

#[test]
fn a_port_of_our_own_is_not_blamed_on_the_engines_proxy_and_a_network_in_use_is_not_called_removed() {
    let Some(stage) = stage("interop-port") else { return };
    let port = crate::support::project::free_port();
    let twice = format!(
        "services: {{ a: {{image: 'aictl-lab/tool:1', command: [tool, serve], scale: 2, stop_grace_period: 1s, ports: ['127.0.0.1:{port}:80']}} }}\n"
    );
    stage.write("compose.yaml", &twice);
    stage.aictl("start").code(1).says(&format!("container {}-a-", stage.project));
    stage.write("compose.yaml", &twice.replace("scale: 2, ", ""));
    stage.aictl("start").code(0);
    let (guest, network) = (format!("{}-guest", stage.project), format!("{}_default", stage.project));
    docker(&["run", "-d", "--name", &guest, "--network", &network, "aictl-lab/tool:1", "tool", "serve"]);
    let stopped = stage.aictl("stop --remove").code(0).says(&format!("{network} is kept"));
    assert!(!stopped.stderr.contains("Removed network"), "{}", stopped.stderr);
    docker(&["rm", "-f", &guest]);
    stage.aictl("stop --remove -v").code(0);
}
