//! What Docker Compose refuses, by command line or by project, is refused here too, and nothing is started by it.

use super::project::TestProject;

const STACK: &str = "
services:
  web: { image: 'aictl-lab/tool:1', command: [tool, serve], ports: ['8000'], stop_grace_period: 1s, depends_on: [db] }
  db: { image: 'aictl-lab/tool:1', command: [tool, serve], stop_grace_period: 1s }
  named: { image: 'aictl-lab/tool:1', container_name: lt-refused-named, profiles: [extra] }
  absent: { image: 'aictl-lab/none:1', pull_policy: never, profiles: [extra] }
";

/// Command lines, for a stack that runs.
const LINES: &[&str] = &[
    "up -d nosuch",
    "up -d --scale nosuch=2",
    "up -d --scale web=x",
    "up -d --scale web",
    "up -d --scale named=2 named",
    "up -d --build --no-build",
    "up -d --force-recreate --no-recreate",
    "up -d --no-recreate -V",
    "up -d --scale =2",
    "up -d --scale web=2=3",
    "up -d -t 1.5",
    "up -d --wait-timeout x",
    "up -d --no-deps nosuch",
    "up -d --pull sometimes",
    "up -d -t x",
    "up -d absent",
    "down --rmi some",
    "restart nosuch",
    "kill -s NOSIG",
    "logs --since x",
    "logs --index 5 web",
    "logs --index 1",
    "logs --index 1 web db",
    "exec nosuch true",
    "exec named true",
    "exec --index 9 web true",
    "exec web nosuch",
    "exec -w /nosuch web true",
    "exec -u nosuch web true",
    "exec -e '' web true",
    "exec -e =x web true",
    "exec web",
    "exec web ''",
    "run --rm nosuch",
    "run --rm web nosuch",
    "run --rm -v bad:path:x:y db true",
    "run --rm -p 99999999 db true",
    "run --rm --cap-add NOSUCH db true",
    "run --rm -P -p 80 web true",
    "run --rm -u nosuchuser db true",
    "run --rm -e =x db true",
    "run --rm --name 'bad name' db true",
    "run --rm -v :/x db true",
    "run --rm -v '' db true",
    "run --rm -v a:relative db true",
    "run --rm -p x db true",
    "run --rm -p '' db true",
    "run --rm -p 999.1.1.1:80:80 db true",
    "run --rm --pull bad db true",
    "run --rm --entrypoint '\"' db",
    "run --rm -w relative db true",
    "run --rm --cap-drop NOSUCH db true",
    "run --rm absent true",
    "run --rm db /etc",
    "cp nosuch web:/tmp/",
    "cp web:/nosuch .",
    "cp compose.yaml other.yaml",
    "cp web:/etc db:/etc",
    "cp web:/etc",
    "cp '' web:/tmp",
    "cp web:/etc/hostname ''",
    "cp web: .",
    "cp compose.yaml web:",
    "cp compose.yaml web:/nosuch/folder/",
    "cp web:/etc nosuch/folder/x/",
    "cp --index 9 web:/etc .",
    "port web 99",
    "port web x",
    "port web 70000",
    "port --protocol udp web 8000",
    "port db 80",
    "port --index 9 web 8000",
    "wait nosuch",
    "pull nosuch",
    "pull --policy x",
    "build nosuch",
    "config --format x",
    "config --hash nosuch",
    "-f nosuch.yaml config",
    "--env-file nosuch.env config",
    "-p BAD config",
    "-p _x config",
    "-f . config",
    "--env-file . config",
    "--project-directory /nosuch config",
    "config -o /nosuch/file",
    "config --hash web,nosuch",
];

/// What the one service of a project has, and the rest of the file.
const PROJECTS: &[(&str, &str)] = &[
    ("volumes: ['v:/v']", "volumes: { v: }"),
    ("volumes: [{ type: bind, source: ./nosuch, target: /x, bind: { create_host_path: false } }]", ""),
    ("volumes_from: ['container:lt-nosuch']", ""),
    ("network_mode: 'container:lt-nosuch'", ""),
    ("networks: [n]", "networks: { n: { external: true, name: lt-nosuch } }"),
    ("networks: [n]", "networks: { n: { driver: nosuch } }"),
    ("volumes: ['vol:/v']", "volumes: { vol: { external: true, name: lt-nosuch } }"),
    ("secrets: [k]", "secrets: { k: { external: true } }"),
    ("secrets: [k]", "secrets: { k: { file: ./nosuch } }"),
    ("secrets: [k]", "secrets: { k: { environment: LT_NOSUCH } }"),
    ("configs: [k]", "configs: { k: { external: true } }"),
    ("configs: [k]", "configs: { k: { file: ./nosuch } }"),
    ("env_file: [nosuch.env]", ""),
    ("dns: [x]", ""),
    ("tmpfs: [relative]", ""),
    ("runtime: nosuch", ""),
    ("mem_limit: 1k", ""),
    ("isolation: hyperv", ""),
    ("post_start: [{ command: [tool, exit, '3'] }]", ""),
];

#[test]
fn command_lines_that_compose_refuses_are_refused() {
    let Some(stage) = TestProject::new("refused-lines", STACK) else { return };
    stage.aictl("start").code(0);
    let before = stage.identity();
    let (mut taken, mut allowed) = (Vec::new(), Vec::new());
    for line in LINES {
        let Some(judge) = stage.compose(line) else { return };
        if judge.code == 0 {
            allowed.push(*line);
        }
        let ran = stage.aictl(line);
        if ran.code <= 0 || !ran.stderr.contains("error: ") && !line.starts_with("exec ") {
            taken.push(format!("`{line}`: {ran:?}"));
        }
    }
    assert!(allowed.is_empty(), "Compose takes {allowed:?}");
    assert!(taken.is_empty(), "{} of {}:\n{}", taken.len(), LINES.len(), taken.join("\n"));
    assert_eq!(stage.identity(), before);
}

#[test]
fn projects_that_compose_refuses_are_refused() {
    let mut taken = Vec::new();
    for (index, (service, rest)) in PROJECTS.iter().enumerate() {
        let text = format!(
            "services:\n  a:\n    image: aictl-lab/tool:1\n    command: [tool, serve]\n    stop_grace_period: 1s\n    \
             {service}\n{rest}\n"
        );
        let Some(stage) = TestProject::new(&format!("refused-{index}"), &text) else { return };
        let Some(judge) = stage.compose("up -d --wait") else { return };
        assert_ne!(judge.code, 0, "Compose takes:\n{text}");
        stage.compose("down -v");
        let ran = stage.aictl("start");
        if ran.code <= 0 || !ran.stderr.contains("error: ") {
            taken.push(format!("{text}{ran:?}"));
        }
    }
    assert!(taken.is_empty(), "{} of {}:\n{}", taken.len(), PROJECTS.len(), taken.join("\n"));
}
