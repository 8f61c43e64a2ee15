//! How a project file is found, read and refused.
//! Each test writes its files into a directory of its own.
//! The file of DESIGN's example is the first of them.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::input_file::LocalFiles;
use crate::project::{ByteSize, OnShortfall, Strategy, TargetConfig};

const EXAMPLE: &str = r#"
name: ai-assistant
default_environment: dev
values: { domain: localhost, api: { port: 8000, workers: 4, replicas: 1 } }
environments:
  dev:     { compose: [compose.yaml.tera], profiles: [dev] }
  prod:    { target: { docker: { host: "ssh://deploy@prod" } }, compose: [compose.yaml.tera, compose.prod.yaml.tera],
             env_file: .env.prod, values: { api: { workers: 8 } },
             requirements: { minimum: { cpus: 4, memory: 8GiB, disk: 50GiB }, recommended: { cpus: 8, memory: 16GiB, disk: 200GiB }, on_shortfall: refuse },
             proxy: { service: nginx, tls: { letsencrypt: { email: ops@example.com } },
                      routes: [ { path: /api/, service: api, port: 8000, strategy: blue-green }, { path: /, service: frontend, port: 3000, strategy: blue-green } ] },
             deploy: { backup: true, rehearse: required, migrate: true, bake: 5m, drain: 60s, confirm: true } }
  cluster: { target: { kubernetes: [ { context: eu, cluster_uid: "…" }, { context: us } ] }, namespace: ai-assistant,
             chart: { path: charts/ai-assistant, values: [values.yaml.tera] } }
registry: { url: registry.example.com, mirrors: [mirror.local:5000] }
secrets:
  POSTGRES_PASSWORD: { generate: url-safe, bytes: 32 }
  OPENAI_API_KEY:    { required: true }
tasks:
  migrate: { service: api, command: [alembic, upgrade, head] }
checks:
  - { name: api answers, http: "http://api:8000/health", expect: { status: 200 } }
  - { name: all targets up, prometheus: { targets: up } }
backup:
  repository: /var/backups/ai-assistant
  include: { postgres: { kind: postgres, databases: [ai_assistant] }, redis: { kind: redis }, qdrant: { kind: qdrant } }
  password: { env: BACKUP_PASSWORD }
  keep: { last: 3, daily: 7, weekly: 4, monthly: 6 }
  schedule: "0 3 * * *"
watch: { interval: 30s, restart: { attempts: 3, within: 10m } }
notify: { slack: "${SLACK_WEBHOOK}", telegram: { token: "${TELEGRAM_BOT_TOKEN}", chat: "${TELEGRAM_CHAT_ID}" } }
"#;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn load(text: &str, environment: Option<&str>) -> Result<LoadedProject, ProjectError> {
    let directory = directory(&[(PROJECT_FILE, text)]);
    load_from(directory.path(), environment)
}

fn load_from(directory: &Path, environment: Option<&str>) -> Result<LoadedProject, ProjectError> {
    load_project(&ProjectArgs { directory, file: None, environment, set: &[] }, &LocalFiles)
}

fn refused(text: &str) -> String {
    load(text, None).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_design_is_read_whole() {
    let loaded = load(EXAMPLE, Some("prod")).unwrap();
    let project = loaded.project.as_ref().unwrap();
    assert_eq!(loaded.name(), Some("ai-assistant"));
    assert_eq!(loaded.environment.env_file, [".env.prod"]);
    assert_eq!(
        json!(loaded.values),
        json!({ "domain": "localhost", "api": { "port": 8000, "workers": 8, "replicas": 1 } })
    );
    let requirements = loaded.environment.requirements.as_ref().unwrap();
    assert_eq!(requirements.minimum.memory, Some(ByteSize(8 << 30)));
    assert_eq!(requirements.on_shortfall, OnShortfall::Refuse);
    assert_eq!(loaded.environment.proxy.as_ref().unwrap().routes[1].strategy, Some(Strategy::BlueGreen));
    assert_eq!(project.tasks["migrate"].command.0, ["alembic", "upgrade", "head"]);
    assert_eq!(project.watch.as_ref().unwrap().restart.as_ref().unwrap().within.0.as_secs(), 600);
    assert!(matches!(&project.environments["cluster"].target, Some(TargetConfig::Kubernetes(list)) if list.len() == 2));
    assert_eq!(load(EXAMPLE, None).unwrap().environment_name.as_deref(), Some("dev"));
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let text = "name: demo\nenviroments: {}\nwatch:\n  interval: fast\n  restart: { attempts: many }\ntasks:\n  x: { command: ls }\nregistry: [a]\ndeploy: yes\n";
    insta::assert_snapshot!(refused(text), @r"
    7 problems in the project file
    aictl.yaml:2:1: enviroments: unknown key; did you mean `environments`?
    aictl.yaml:4:13: watch.interval: invalid duration `fast`; write `30s`, `10m` or `1h30m`
    aictl.yaml:5:12: watch.restart: `within` is missing
    aictl.yaml:5:24: watch.restart.attempts: takes an integer, found `many`
    aictl.yaml:7:6: tasks.x: `service` is missing
    aictl.yaml:8:11: registry: takes a mapping, found a list
    aictl.yaml:9:1: deploy: unknown key
    ");
}

#[test]
fn wrong_words_and_old_booleans_are_named() {
    let text = "environments:\n  a:\n    deploy: { backup: yes }\n    requirements: { on_shortfall: refuze }\n    target: { dokcer: {} }\n    proxy: { service: p, routes: [ { path: /, service: s, port: 0 } ] }\n";
    insta::assert_snapshot!(refused(text), @r"
    4 problems in the project file
    aictl.yaml:3:23: environments.a.deploy.backup: takes `true` or `false`, but `yes` is a string in YAML 1.2; write `true`
    aictl.yaml:4:35: environments.a.requirements.on_shortfall: invalid value `refuze`, expected one of `warn`, `refuse`; did you mean `refuse`?
    aictl.yaml:5:13: environments.a.target: takes one of `docker`, `kubernetes`; did you mean `docker`?
    aictl.yaml:6:65: environments.a.proxy.routes[0].port: 0 is less than 1
    ");
}

#[test]
fn a_proxy_is_a_service_or_a_managed_one() {
    let text = "environments:\n  a: { proxy: { service: n, managed: true } }\n  b: { proxy: { routes: [] } }\n  c: { proxy: { managed: true, tls: { files: { certificate: /c, key: /k } } } }\n";
    insta::assert_snapshot!(refused(text), @r"
    3 problems in the project file
    aictl.yaml:2:38: environments.a.proxy.managed: takes `service` or `managed: true`, not both
    aictl.yaml:3:15: environments.b.proxy: requires `service` or `managed: true`
    aictl.yaml:4:37: environments.c.proxy.tls: is not supported with `managed: true`; name a proxy `service` of the compose files
    ");
    let unknown = "environments: { a: { proxy: { manged: true } } }";
    assert!(refused(unknown).contains("did you mean `managed`?"), "{}", refused(unknown));
}

#[test]
fn what_the_types_cannot_say_is_told_at_once_too() {
    let text = r#"
name: Demo
default_environment: prd
environments:
  prod:
    chart: { path: c }
    requirements: { minimum: { memory: 8GiB }, recommended: { memory: 4GiB } }
    proxy: { service: nginx, tls: {}, routes: [ { path: api, service: api, port: 1 }, { path: api, service: nginx, port: 2 } ] }
  cluster: { target: { kubernetes: [] } }
tasks: { t: { service: a, command: "" } }
checks: [ { name: a }, { name: a, http: "api:80", tcp: "x" } ]
secrets: { "1X": { generate: hex, required: true }, Y: { bytes: 32 } }
backup: { repository: /b, password: {}, schedule: "0 3 * * *" }
watch: { interval: 0s }
"#;
    insta::assert_snapshot!(refused(text), @r"
    23 problems in the project file
    aictl.yaml:2:7: name: invalid project name `Demo`: it must consist of lowercase letters, digits, `-` and `_` and start with a letter or digit
    aictl.yaml:3:22: default_environment: environment `prd` is not defined; did you mean `prod`?
    aictl.yaml:6:12: environments.prod.chart: needs a Kubernetes `target`
    aictl.yaml:7:71: environments.prod.requirements.recommended.memory: is less than the minimum
    aictl.yaml:8:35: environments.prod.proxy.tls: takes exactly one of `letsencrypt` and `files`
    aictl.yaml:8:57: environments.prod.proxy.routes[0].path: `api` must start with `/`
    aictl.yaml:8:95: environments.prod.proxy.routes[1].path: `api` must start with `/`
    aictl.yaml:8:95: environments.prod.proxy.routes[1].path: duplicate route `api`
    aictl.yaml:8:109: environments.prod.proxy.routes[1].service: the proxy cannot be its own target
    aictl.yaml:9:12: environments.cluster: `chart` is required on Kubernetes
    aictl.yaml:9:22: environments.cluster.target: no cluster is named
    aictl.yaml:10:36: tasks.t.command: is empty
    aictl.yaml:11:11: checks[0]: takes exactly one of `http`, `tcp`, `tls`, `exec`, `sql`, `redis`, `prometheus`, `state`, `log`, `backup`
    aictl.yaml:11:24: checks[1]: takes exactly one of `http`, `tcp`, `tls`, `exec`, `sql`, `redis`, `prometheus`, `state`, `log`, `backup`
    aictl.yaml:11:32: checks[1].name: `a` is already used by another check
    aictl.yaml:11:41: checks[1].http: must start with `http://` or `https://`
    aictl.yaml:11:56: checks[1].tcp: is not `SERVICE:PORT`
    aictl.yaml:12:18: secrets.1X: `generate` and `required` are mutually exclusive
    aictl.yaml:12:18: secrets.1X: is not a valid variable name
    aictl.yaml:12:65: secrets.Y.bytes: requires `generate`
    aictl.yaml:13:9: backup: `schedule` requires `keep`: without it the repository grows without bound
    aictl.yaml:13:37: backup.password: takes exactly one of `env`, `file` and `command`
    aictl.yaml:14:20: watch.interval: interval must be at least one second
    ");
}

#[test]
fn a_number_where_text_is_wanted_keeps_its_spelling() {
    let loaded = load("environments: { a: { compose: 1.10, profiles: [010, yes] } }\n", None).unwrap();
    assert_eq!(loaded.environment.compose, ["1.10"]);
    assert_eq!(loaded.environment.profiles, ["010", "yes"]);
}

#[test]
fn the_project_is_found_from_below_and_the_nearest_wins() {
    let directory = directory(&[
        (PROJECT_FILE, "name: outer\n"),
        ("a/b/readme", ""),
        ("bare/compose.yml", "services: {}\n"),
        ("both/compose.yaml", ""),
        ("both/aictl.yaml", "name: both\n"),
    ]);
    let at = |path: &str| load_from(&directory.path().join(path), None).unwrap();
    assert_eq!(at("a/b").name(), Some("outer"));
    assert_eq!(at("a/b").directory, directory.path());
    assert!(at("bare").project.is_none());
    assert_eq!(at("bare").directory, directory.path().join("bare"));
    assert_eq!(at("both").name(), Some("both"));
    let named = {
        let file = directory.path().join("both/aictl.yaml");
        let args = ProjectArgs { directory: directory.path(), file: Some(&file), environment: None, set: &[] };
        load_project(&args, &LocalFiles).unwrap()
    };
    assert_eq!((named.name(), named.directory.clone()), (Some("both"), directory.path().join("both")));
}

#[test]
fn an_environment_that_is_not_there_is_exit_78_with_the_list() {
    let error = crate::error::Error::from(load(EXAMPLE, Some("prd")).unwrap_err());
    assert_eq!(error.to_string(), "environment `prd` is not in aictl.yaml; it has dev, prod, cluster");
    assert_eq!((error.kind().exit_code(), error.hints()), (78, &["did you mean `--env prod`?".to_owned()][..]));
    let error = load("environments: { a: {}, b: {} }", None).unwrap_err();
    assert_eq!(error.to_string(), "aictl.yaml has several environments but no `default_environment`; it has a, b");
    let bare = tempfile::tempdir().unwrap();
    let error = load_from(bare.path(), Some("prod")).unwrap_err();
    assert!(error.to_string().ends_with("so there is no environment `prod`"), "{error}");
}

#[test]
fn the_only_environment_needs_no_name_and_an_empty_file_is_a_project() {
    assert_eq!(load("environments: { only: {} }", None).unwrap().environment_name.as_deref(), Some("only"));
    assert_eq!(load("", None).unwrap().project, Some(Project::default()));
    assert_eq!(load("# nothing yet\nvalues:\nchecks:\n", None).unwrap().project, Some(Project::default()));
}

#[test]
fn set_wins_over_everything() {
    let directory = directory(&[(PROJECT_FILE, EXAMPLE)]);
    let set = ["api.workers=2".to_owned(), "domain=example.com".to_owned()];
    let loaded = {
        let args = ProjectArgs { directory: directory.path(), file: None, environment: Some("prod"), set: &set };
        load_project(&args, &LocalFiles).unwrap()
    };
    assert_eq!(
        json!(loaded.values),
        json!({ "domain": "example.com", "api": { "port": 8000, "workers": 2, "replicas": 1 } })
    );
}

#[test]
fn services_the_stack_does_not_have_are_found_with_the_nearest_name() {
    let loaded = load(EXAMPLE, Some("prod")).unwrap();
    let problems = loaded.unknown_services(&["api", "front-end", "postgres", "redis", "nginx"]);
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    aictl.yaml:11:118: environments.prod.proxy.routes[1].service: service `frontend` is not defined in the compose files; did you mean `front-end`?
    aictl.yaml:26:103: backup.include.qdrant: service `qdrant` is not defined in the compose files
    ");
}

#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    assert_eq!(schema["properties"]["environments"]["description"], "The environments by name.");
    assert_eq!(schema["additionalProperties"], json!(false));
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{key} has no description");
        }
    }
}

#[test]
fn a_check_says_what_it_expects_in_words_its_way_can_answer() {
    let text = r#"
environments:
  dev: { checks: [ { name: a, state: { service: api } } ] }
checks:
  - { name: a, tcp: "api:80", expect: { status: 200 } }
  - { name: b, log: { service: api } }
  - { name: c, log: { service: api, absent: "(" } }
  - { name: d, prometheus: { service: prometheus } }
  - { name: e, prometheus: { rules: loded } }
  - { name: f, state: { service: api, is: runing } }
  - { name: g, http: "http://api/", expect: { json: { status.ok: 1 } } }
"#;
    insta::assert_snapshot!(refused(text), @r"
    2 problems in the project file
    aictl.yaml:9:37: checks[4].prometheus.rules: invalid value `loded`, expected one of `loaded`; did you mean `loaded`?
    aictl.yaml:10:43: checks[5].state.is: invalid value `runing`, expected one of `running`, `completed`; did you mean `running`?
    ");
    let text = text.replace("loded", "[HighErrorRate]").replace("runing", "completed");
    insta::assert_snapshot!(refused(&text), @r"
    6 problems in the project file
    aictl.yaml:3:28: environments.dev.checks[0].name: `a` is already used by another check
    aictl.yaml:5:49: checks[0].expect.status: is not supported for `tcp`
    aictl.yaml:6:21: checks[1].log: takes `present` or `absent`
    aictl.yaml:7:45: checks[2].log.absent: is not a valid regular expression: unclosed group
    aictl.yaml:8:28: checks[3].prometheus: requires `targets`, `rules`, `metric` or `query`
    aictl.yaml:11:66: checks[6].expect.json.status.ok: invalid JSON pointer `status.ok`; write `/status/ok`
    ");
}

#[test]
fn a_check_of_a_service_the_stack_lacks_is_found_with_its_line() {
    let text = r#"
environments:
  dev: { checks: [ { name: d, exec: { service: workr, command: "true" } } ] }
checks:
  - { name: a, http: "http://apo:8000/health" }
  - { name: b, http: "https://example.com/" }
  - { name: c, tls: { address: "ngin:443" } }
  - { name: e, prometheus: { targets: up } }
"#;
    let found = load(text, None).unwrap().unknown_services_of_checks(&["api", "nginx", "worker"]);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    aictl.yaml:3:48: environments.dev.checks[0].exec.service: service `workr` is not defined in the compose files; did you mean `worker`?
    aictl.yaml:5:22: checks[0].http: service `apo` is not defined in the compose files; did you mean `api`?
    aictl.yaml:7:32: checks[2].tls.address: service `ngin` is not defined in the compose files; did you mean `nginx`?
    ");
}

#[test]
fn nothing_is_an_empty_mapping_where_one_may_stand() {
    let loaded = load("environments:\n  dev:\nsecrets:\n  DB_PASSWORD:\n", None).unwrap();
    assert_eq!((loaded.environment_name.as_deref(), loaded.environment), (Some("dev"), Environment::default()));
    assert_eq!(loaded.project.unwrap().secrets["DB_PASSWORD"], crate::project::SecretRequirement::default());
    let loaded = load("environments: { dev: { target: { docker: } } }", None).unwrap();
    assert!(matches!(loaded.environment.target, Some(TargetConfig::Docker(_))));
}

#[test]
fn nothing_where_something_must_be_and_numbers_out_of_range_are_told_with_their_place() {
    let text = r#"
environments:
  dev: { target: { kubernetes: }, requirements: { on_shortfall:, minimum: { cpus: -1 } }, compose: , deploy: { backup: } }
tasks: { t: null }
checks:
  - { name: , tcp: "a:1", retries: 5000000000 }
  - { name: b, exec: { service: a, command: }, expect: { exit_code: 300 } }
  -
"#;
    insta::assert_snapshot!(refused(text), @r"
    12 problems in the project file
    aictl.yaml:3:30: environments.dev.target.kubernetes: takes a list, found nothing
    aictl.yaml:3:63: environments.dev.requirements.on_shortfall: takes a string, found nothing
    aictl.yaml:3:83: environments.dev.requirements.minimum.cpus: -1 is less than 0
    aictl.yaml:3:98: environments.dev.compose: takes a string, found nothing
    aictl.yaml:3:118: environments.dev.deploy.backup: takes `true` or `false`, found nothing
    aictl.yaml:4:13: tasks.t: `service` is missing
    aictl.yaml:4:13: tasks.t: `command` is missing
    aictl.yaml:6:11: checks[0].name: takes a string, found nothing
    aictl.yaml:6:36: checks[0].retries: 5000000000 is more than 4294967295
    aictl.yaml:7:43: checks[1].exec.command: takes a string, found nothing
    aictl.yaml:7:69: checks[1].expect.exit_code: 300 is more than 255
    aictl.yaml:8:4: checks[2]: `name` is missing
    ");
}

#[test]
fn values_that_cannot_work_are_refused_with_their_place() {
    let text = r#"
environments: { "": {}, "A B": {}, -x: {} }
default_environment: ""
registry: { url: "http://x", mirrors: ["", "a:0", "b/", "c:5000/team"] }
checks:
  - { name: a, tcp: "web:0", timeout: 0s }
  - { name: b, http: "http://web:0/" }
  - { name: c, tls: { address: "web:0" } }
"#;
    insta::assert_snapshot!(refused(text), @r"
    11 problems in the project file
    aictl.yaml:2:21: environments.: invalid environment name: it must consist of letters, digits, `.`, `_` and `-` and start with a letter or digit
    aictl.yaml:2:32: environments.A B: invalid environment name: it must consist of letters, digits, `.`, `_` and `-` and start with a letter or digit
    aictl.yaml:2:40: environments.-x: invalid environment name: it must consist of letters, digits, `.`, `_` and `-` and start with a letter or digit
    aictl.yaml:4:18: registry.url: must not have a scheme; write `x`
    aictl.yaml:4:40: registry.mirrors[0]: `` is not `HOST[:PORT][/PATH]`
    aictl.yaml:4:44: registry.mirrors[1]: `a:0` is not `HOST[:PORT][/PATH]`
    aictl.yaml:4:51: registry.mirrors[2]: `b/` is not `HOST[:PORT][/PATH]`
    aictl.yaml:6:21: checks[0].tcp: is not `SERVICE:PORT`
    aictl.yaml:6:39: checks[0].timeout: is too short
    aictl.yaml:7:22: checks[1].http: is not `http://SERVICE:PORT/path`
    aictl.yaml:8:32: checks[2].tls.address: is not `SERVICE:PORT`
    ");
}
