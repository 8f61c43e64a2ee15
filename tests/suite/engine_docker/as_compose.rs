//! What our containers are created with, against what the real Compose creates them with, on the same engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use aictl::compose::{LoadArgs, load};
use aictl::engine::docker::DockerEngine;
use aictl::event::Silent;
use aictl::input_file::LocalFiles;
use aictl::plan::content::load_content;
use aictl::plan::converge::{ConvergeOptions, Wanted, plan_converge};
use aictl::plan::{ContainerOperation, Operation, Scope, WaitOperation};
use aictl::target::{Observe as _, Perform as _};
use serde_json::{Map, Value, json};

use crate::engine_contract::lab::{environment, skip};

const STACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/engine_docker/as_compose.yaml");

/// Where the two differ for a reason.
const KNOWN: [&str; 3] = [
    // Before API 1.44 only this place has an effect, and Compose no longer knows it.
    "network-1.Config.MacAddress",
    // Compose writes an id and forgets `:ro`.
    "shared-1.HostConfig.VolumesFrom",
    // The hash holds the ids of the containers whose namespaces are shared.
    "shared-1.Config.Labels.com.docker.compose.config-hash",
];

/// Removes what was made, whatever happened.
struct Removal<'a>(&'a str, &'a Path);

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        let _ = Command::new(self.0).current_dir(self.1).args(["down", "-v", "--remove-orphans"]).output();
    }
}

/// Answers of the engine about every container of a project, by name, in a comparable form.
fn inspected(project: &str) -> BTreeMap<String, Value> {
    let filter = format!("label=com.docker.compose.project={project}");
    let list = docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]);
    let mut found = BTreeMap::new();
    for id in list.split_whitespace() {
        let answer: Value = serde_json::from_str(&docker(&["inspect", id])).unwrap();
        let container = &answer[0];
        let shown = json!({
            "Config": container["Config"],
            "HostConfig": container["HostConfig"],
            "Networks": container["NetworkSettings"]["Networks"],
        });
        found.insert(container["Name"].as_str().unwrap().to_owned(), comparable(shown, id));
    }
    found
}

/// Without ids, without the order of what has none, and with nothing, empty and null alike.
fn comparable(value: Value, id: &str) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, _)| !key.starts_with("io.aictl."));
            let map: Map<String, Value> =
                kept.map(|(key, value)| (key, comparable(value, id))).filter(|(_, value)| !value.is_null()).collect();
            if map.is_empty() { Value::Null } else { Value::Object(map) }
        }
        Value::Array(list) => {
            let short = json!(id[..12]);
            let mut list: Vec<_> = list.into_iter().filter(|v| *v != short).map(|v| comparable(v, id)).collect();
            list.sort_by_key(Value::to_string);
            if list.is_empty() { Value::Null } else { Value::Array(list) }
        }
        Value::String(text) if text == id[..12] => Value::Null,
        Value::String(text) if text.is_empty() => Value::Null,
        // Another container's id is another one each time.
        Value::String(text) if text.starts_with("container:") => json!("container:…"),
        Value::String(text) if text.contains(":service_started:") => {
            let mut parts: Vec<_> = text.split(',').collect();
            parts.sort_unstable();
            json!(parts.join(","))
        }
        other => other,
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn compose(program: &str, folder: &Path, arguments: &[&str]) {
    let output = Command::new(program).current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "compose {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Creates everything of the project with our engine and starts nothing.
async fn create(engine: &DockerEngine, folder: &Path) {
    let args = LoadArgs { working_dir: folder.to_owned(), environment: environment(), ..LoadArgs::default() };
    let stack = load(&args, &LocalFiles).unwrap().stack;
    let selected: BTreeSet<String> = stack.services.keys().cloned().collect();
    let contents =
        selected.iter().map(|name| (name.clone(), load_content(&stack, name, true, &LocalFiles).unwrap())).collect();
    let options = ConvergeOptions { create_only: true, ..ConvergeOptions::default() };
    let wanted = Wanted {
        stack: &stack,
        selected: &selected,
        contents: &contents,
        env_files: &[],
        version: "5.6.1",
        options: &options,
    };
    let scope = Scope { project: stack.name.clone(), images: stack.all_images(), ..Scope::default() };
    let plan = plan_converge(&wanted, &engine.observe(&scope).await.unwrap()).unwrap();
    for step in &plan.steps {
        if !matches!(
            step.operation,
            Operation::Container(ContainerOperation::Start { .. }) | Operation::Wait(WaitOperation::Ready { .. })
        ) {
            engine.perform(&step.operation, 0, &Silent).await.unwrap();
        }
    }
}

#[tokio::test]
async fn containers_are_created_as_compose_creates_them() {
    let test = "containers_are_created_as_compose_creates_them";
    let Ok(judge) = std::env::var("AICTL_LAB_COMPOSE") else { return skip(test, "the real Compose is not there") };
    let engine = match DockerEngine::connect(None, &environment()).await {
        Ok(engine) => engine,
        Err(error) => return skip(test, &error.to_string()),
    };
    let folder = tempfile::tempdir().unwrap();
    let project = format!("aictl-test-same-{}", std::process::id());
    let stack = std::fs::read_to_string(STACK)
        .unwrap()
        .replace("PROJECT", &project)
        .replace("FOLDER", &folder.path().display().to_string());
    std::fs::write(folder.path().join("compose.yaml"), stack).unwrap();
    for name in ["token.txt", "greeting.txt"] {
        std::fs::write(folder.path().join(name), "x\n").unwrap();
    }
    std::fs::write(folder.path().join("seccomp.json"), r#"{ "defaultAction": "SCMP_ACT_ALLOW" }"#).unwrap();
    let _removal = Removal(&judge, folder.path());
    compose(&judge, folder.path(), &["up", "--no-start"]);
    let theirs = inspected(&project);
    compose(&judge, folder.path(), &["down", "-v"]);
    create(&engine, folder.path()).await;
    let ours = inspected(&project);
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    let mut differences = Vec::new();
    for (name, theirs) in &theirs {
        differ(name, theirs, &ours[name], &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Every path at which two values differ.
fn differ(path: &str, theirs: &Value, ours: &Value, differences: &mut Vec<String>) {
    if let (Value::Object(a), Value::Object(b)) = (theirs, ours) {
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
            differ(&format!("{path}.{key}"), &of(a), &of(b), differences);
        }
    } else if theirs != ours && !KNOWN.iter().any(|end| path.ends_with(end)) {
        differences.push(format!("{path}: Compose {theirs}, aictl {ours}"));
    }
}
