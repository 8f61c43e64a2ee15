//! Every verb under `--dry-run`, in a project that runs, has releases or bakes: no writing request reaches the engine through
//! a socket that records them, and no file changes.
//! A verb of the command tree without a row fails.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::both_engines::engines;
use crate::support::command_tree::all_verbs;
use crate::support::project::{TestProject, docker, free_port};
use crate::support::recorder::{Recorder, changing};

const STACK: &str = include_str!("compose.yaml");
const PROJECT: &str = "\
default_environment: dev
environments: { dev: { compose: compose.yaml }, other: { compose: other.yaml.tera } }
tasks: { migrate: { service: db, command: [tool, exit, '0'] } }
secrets: { NEW_SECRET: { generate: hex } }
checks: [{ name: works, exec: { service: db, command: ['true'] } }]
notify: { slack: 'http://127.0.0.1:1/' }
backup: { repository: sets, password: { env: HOME }, keep: { last: 1 } }
";

/// The proxy in front of `web`.
const NGINX: &str =
    "  nginx: { image: 'aictl/nginx:1', ports: ['127.0.0.1:PORT:80'], volumes: ['aictl_proxy:/etc/nginx/conf.d'] }";

/// A verb as it is typed, the code it ends with, and a part of what it says.
type Row = (&'static str, &'static str, i32, &'static str);

const ROWS: &[Row] = &[
    ("quickstart", "quickstart --yes", 0, ""),
    ("init", "init", 0, ""),
    ("doctor", "doctor", 0, "engine"),
    ("setup", "setup --yes", 0, ""),
    ("secrets generate", "secrets generate", 0, "NEW_SECRET"),
    ("secrets check", "secrets check", 4, "NEW_SECRET"),
    ("secrets rotate", "secrets rotate NEW_SECRET", 1, "has no value in an env file"),
    ("start", "start --force-recreate", 0, "nothing was changed"),
    ("stop", "stop --remove -v --rmi all", 0, "remove volume"),
    ("down", "down -v", 0, "remove volume"),
    ("restart", "restart", 0, "stop container"),
    ("status", "status", 0, "web"),
    ("logs", "logs", 0, ""),
    ("exec", "exec web touch /made", 0, "run `touch /made` in container"),
    ("exec", "exec -d web touch /made", 0, "run `touch /made` in container"),
    ("shell", "shell web", 0, "in container"),
    ("run", "run db touch /made", 0, "run task db"),
    ("run", "run -d db touch /made", 0, "run task db"),
    ("migrate", "migrate", 0, "run task migrate"),
    ("db", "db --service web", 0, "in container"),
    ("redis", "redis --service web", 0, "in container"),
    ("ls", "ls", 0, ""),
    ("wait", "wait ended", 0, "exited 0"),
    ("kill", "kill", 0, "kill container"),
    ("cp", "cp compose.yaml web:/made", 0, "copy compose.yaml to web:/made"),
    ("cp", "cp web:/etc made", 0, "copy web:/etc to made"),
    ("port", "port web", 0, "8000"),
    ("top", "top", 0, "tool"),
    ("open", "open web", 0, "http://"),
    ("diagram", "diagram", 0, "web"),
    ("monitoring start", "monitoring start", 0, "watcher"),
    ("monitoring stop", "monitoring stop", 0, ""),
    ("clean", "clean --data --yes-delete-data", 0, "remove container"),
    ("build", "build built", 0, "build image"),
    ("plan", "plan", 0, ""),
    ("deploy", "deploy", 0, "nothing was changed"),
    ("rollback", "rollback", 10, "no release"),
    ("pull", "pull --policy always db", 0, "pull image"),
    ("push", "push --to other", 78, "uses the engine that images come from"),
    ("push", "push", 0, "nothing to push"),
    ("images build", "images build base", 0, "build"),
    ("images ls", "images ls", 0, "tool"),
    ("images summary", "images summary", 0, ""),
    ("images prune", "images prune --yes", 0, ""),
    ("config", "config -o made.yaml", 0, "would write made.yaml"),
    ("render", "--env other render --to made", 0, "would write"),
    ("history", "history", 0, "start"),
    ("show", "show", 0, "start"),
    ("explain", "explain", 0, "start"),
    ("lock status", "lock status", 0, "not locked"),
    ("lock break", "lock break --force", 10, "not locked"),
    ("health", "health", 0, "works"),
    ("smoke-test", "smoke-test --junit made.xml", 0, "works"),
    ("notify test", "notify test", 0, "slack: would post to http://127.0.0.1:1"),
    ("bundle save", "bundle save made.tar", 0, "would contain"),
    ("bundle load", "bundle load saved.tar --to made", 0, "would unpack"),
    ("backup create", "backup create", 0, "dump project files and secrets of configuration"),
    ("backup list", "backup list", 0, "taken"),
    ("backup verify", "backup verify", 0, "every byte was read back"),
    ("backup drill", "backup drill", 0, "remove the scratch containers"),
    ("backup restore", "backup restore", 0, "no changes"),
    ("restore", "restore", 0, "no changes"),
    ("backup prune", "backup prune", 0, "nothing was changed"),
    ("schema", "schema", 0, ""),
    ("completions", "completions bash", 0, ""),
    ("man", "man --to made", 0, "would write"),
    ("version", "version", 0, ""),
];

/// What the project file of a stack behind a proxy has besides.
const ROUTES: &str = "compose: compose.yaml, deploy: { drain: 1s, bake: 10m }, \
                      proxy: { service: nginx, routes: [{ path: /, service: web, port: 8000 }] }";

/// Where there are two releases, with files that are those of neither.
const OF_RELEASES: &[Row] = &[
    ("plan", "plan", 0, "switch traffic of web"),
    ("plan", "plan --out made.plan", 0, "nothing was changed"),
    ("deploy", "deploy --pull always", 0, "pull image"),
    ("deploy", "deploy -m reason", 0, "switch traffic of web"),
    ("deploy", "deploy --build --remove-orphans", 0, "switch traffic of web"),
    ("deploy", "deploy --plan saved.plan", 0, "switch traffic of web"),
    ("deploy", "deploy --maintenance on", 0, "enable maintenance page"),
    ("rollback", "rollback", 0, "switch traffic of web"),
    ("rollback", "rollback --to 1", 0, "switch traffic of web"),
    ("start", "start", 0, "the files differ from release 2"),
    ("restart", "restart", 0, "stop container"),
    ("stop", "stop --remove -v --rmi all", 0, "remove volume"),
    ("down", "down -v", 0, "remove volume"),
    ("kill", "kill", 0, "kill container"),
    ("clean", "clean --data --yes-delete-data", 0, "remove container"),
    ("monitoring start", "monitoring start", 0, "watcher"),
    ("migrate", "migrate", 0, "run task migrate"),
    ("run", "run db touch /made", 0, "run task db"),
    ("build", "build built", 0, "build image"),
    ("pull", "pull --policy always db", 0, "pull image"),
    ("images prune", "images prune --yes", 0, ""),
    ("secrets generate", "secrets generate", 0, "NEW_SECRET"),
    ("secrets rotate", "secrets rotate NEW_SECRET", 1, "has no value in an env file"),
    ("lock break", "lock break --force", 10, "not locked"),
    ("history", "history", 0, "deploy"),
];

/// Where the process of a deploy was killed while its release baked.
const OF_BAKE: &[Row] = &[
    ("deploy", "deploy --resume", 0, "bake"),
    ("deploy", "deploy", 0, "remove container"),
    ("rollback", "rollback", 0, "switch traffic of web"),
    ("start", "start", 0, ""),
    ("lock break", "lock break --force", 0, "lock"),
];

/// To an engine that lacks the image.
const OF_PUSH: &[Row] = &[("push", "push --to there", 0, "-there:1")];

#[test]
fn every_verb_has_a_row() {
    let of_table: BTreeSet<String> = ROWS.iter().map(|(verb, ..)| (*verb).to_owned()).collect();
    assert_eq!(all_verbs(), of_table);
}

#[test]
fn no_verb_changes_anything_under_dry_run() {
    let Some(stage) = TestProject::new("dry-run") else { return };
    stage.write("aictl.yaml", PROJECT);
    stage.write("other.yaml.tera", "services: { web: { image: x } }\n");
    stage.write("built/Dockerfile", "FROM aictl-lab/tool:1\n");
    stage.write("compose.yaml", STACK);
    stage.aictl(&["start"]).ended(0);
    stage.aictl(&["bundle", "save", "saved.tar"]).ended(0);
    stage.aictl(&["backup", "create"]).ended(0);
    unchanged(&stage, ROWS);
}

#[test]
fn no_verb_changes_anything_of_a_release_or_a_bake_under_dry_run() {
    let Some(stage) = TestProject::new("dry-deploy") else { return };
    stage.write("aictl.yaml", &PROJECT.replacen("compose: compose.yaml", &ROUTES.replace("10m", "0s"), 1));
    let port = free_port().to_string();
    let routed = STACK.replacen("    ports: ['8000']\n    volumes: ['data:/data']\n", "", 1);
    let volumes = format!("{}\nvolumes:\n  aictl_proxy: {{}}\n", NGINX.replace("PORT", &port));
    let routed = routed.replacen("volumes:\n", &volumes, 1);
    stage.write("built/Dockerfile", "FROM aictl-lab/tool:1\n");
    for text in ["first", "second"] {
        stage.write("compose.yaml", &routed.replace("welcome", text));
        stage.aictl(&["deploy"]).ended(0);
    }
    stage.write("compose.yaml", &routed);
    stage.aictl(&["plan", "--out", "saved.plan"]).ended(0);
    unchanged(&stage, OF_RELEASES);
    stage.write("aictl.yaml", &PROJECT.replacen("compose: compose.yaml", ROUTES, 1));
    kill_while_it_bakes(&stage);
    unchanged(&stage, OF_BAKE);
    // What is not recorded would not be found above.
    let recorder = Recorder::open(&stage.path().join("engine.sock"));
    let host = format!("unix://{}", recorder.path.display());
    assert!(stage.command(&["lock", "break", "--force"]).env("DOCKER_HOST", host).status().unwrap().success());
    let asked = changing(&recorder.take());
    assert!(asked.iter().any(|request| request.contains("DELETE /")), "{asked:?}");
}

#[test]
fn no_push_changes_anything_under_dry_run() {
    let Some([_, current]) = engines("push under dry run") else { return };
    let Some(stage) = TestProject::new("dry-push") else { return };
    let image = format!("{}-there:1", stage.name());
    docker(&["tag", "aictl-lab/tool:1", &image]);
    let there = Recorder::before(&stage.path().join("there.sock"), current.address.strip_prefix("unix://").unwrap());
    let host = format!("target: {{ docker: {{ host: 'unix://{}' }} }}", there.path.display());
    stage.write("aictl.yaml", &format!("environments: {{ there: {{ compose: compose.yaml, {host} }} }}\n"));
    stage.write("compose.yaml", &format!("services: {{ web: {{ image: '{image}' }} }}\n"));
    unchanged(&stage, OF_PUSH);
    let asked = there.take();
    assert!(asked.contains("GET ") && changing(&asked).is_empty(), "{asked}");
}

/// Leaves what a deploy leaves whose process dies after the switch.
fn kill_while_it_bakes(stage: &TestProject) {
    let mut deploy = stage.command(&["--progress", "json", "deploy"]);
    let mut deploy = deploy.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(deploy.stderr.take().unwrap()).lines().map(Result::unwrap);
    let baked = said.any(|line| line.contains("step-started") && line.contains("\"bake\""));
    deploy.kill().unwrap();
    let ended = deploy.wait().unwrap();
    assert!(baked, "it did not bake: {ended}");
}

/// Carries the rows out: the engine is asked for no change, and no file and no container changes.
#[track_caller]
fn unchanged(stage: &TestProject, rows: &[Row]) {
    let recorder = Recorder::open(&stage.path().join("engine.sock"));
    let (files, containers) = (files(stage.path()), stage.containers());
    let mut failed = Vec::new();
    // Before the verb and after it the flag means the same, but behind another program's command line it is that one's.
    let before = |line: &str| format!("--dry-run {line}");
    let after = |line: &str| match line.split_once(' ') {
        Some((verb, rest)) if !verb.starts_with('-') && verb != "secrets" => Some(format!("{verb} --dry-run {rest}")),
        _ => None,
    };
    for (verb, line, code, said) in rows {
        let second = matches!(*verb, "exec" | "run").then(|| after(line)).flatten();
        for line in std::iter::once(before(line)).chain(second) {
            recorder.take();
            let words: Vec<&str> = line.split(' ').collect();
            let host = format!("unix://{}", recorder.path.display());
            let ended = stage.command(&words).env("DOCKER_HOST", host).output().unwrap();
            let outcome = crate::support::project::Outcome::from(ended);
            let mut asked = changing(&recorder.take());
            // The engine wants a POST for it.
            asked.retain(|request| !(*verb == "wait" && request.contains("/wait?")));
            let right = outcome.code == *code && format!("{}{}", outcome.stdout, outcome.stderr).contains(said);
            if !asked.is_empty() || !right {
                failed.push(format!("`{line}`: {asked:?} {outcome:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(self::files(stage.path()), files);
    assert_eq!(stage.containers(), containers);
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let content = if kind.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            found.insert(path.display().to_string(), content);
            if kind.is_dir() {
                open.push(path);
            }
        }
    }
    found
}
