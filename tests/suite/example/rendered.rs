//! The compose files of the examples: equal to those in compose/, accepted by Compose, hardened service by service.
//! Reads the repository; the judge is the real Docker Compose where it is there.
//! Never talks to an engine.
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{aictl, environments, examples, placeholders, read, root};
use crate::support::project;

fn render(example: &Path, environment: &str, more: &[&str]) -> String {
    let mut words = vec!["--env", environment, "render"];
    words.extend_from_slice(more);
    aictl(example, &words).ended(0).stdout
}

/// The normalised model with every profile on.
pub(super) fn model(example: &Path, environment: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let env_file = filled(example, folder.path());
    let profiles = ["--profile", "monitoring", "--profile", "logging", "--profile", "tools"];
    let mut words = vec!["--env", environment, "--env-file", &env_file];
    words.extend(profiles);
    words.extend(["config", "--format", "json"]);
    serde_json::from_str(&aictl(example, &words).ended(0).stdout).unwrap()
}

/// An env file with a value for every placeholder; its path.
fn filled(example: &Path, folder: &Path) -> String {
    let text = read(&example.join(".env.example"));
    let lines: Vec<String> = placeholders(&text)
        .iter()
        .map(|(name, _)| format!("{name}='{name} of forty-four characters, $a\"b'\n"))
        .collect();
    let path = folder.join("filled.env");
    fs::write(&path, lines.concat()).unwrap();
    path.display().to_string()
}

#[test]
fn compose_folder_is_what_render_writes() {
    for example in examples() {
        let folder = root().join("compose").join(example.file_name().unwrap());
        let mut kept: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".yaml", ""))
            .collect();
        let mut wanted = environments(&example);
        kept.sort();
        wanted.sort();
        assert_eq!(kept, wanted, "write them with compose/write");
        for environment in wanted {
            let file = read(&folder.join(format!("{environment}.yaml")));
            assert_eq!(file, render(&example, &environment, &[]), "{environment}: write it again with compose/write");
            assert!(file.contains("${POSTGRES_PASSWORD:?"), "{environment} keeps no variable");
            assert!(file.contains("./api") && !file.contains(&*root().to_string_lossy()), "{environment}: paths");
        }
    }
}

#[test]
fn compose_accepts_every_rendered_file_with_its_secrets_and_refuses_it_without() {
    let Some(compose) = std::env::var_os("AICTL_LAB_COMPOSE") else {
        return project::skip("example and Compose", "AICTL_LAB_COMPOSE is not set");
    };
    for example in examples() {
        let scratch = tempfile::tempdir().unwrap();
        let env_file = filled(&example, scratch.path());
        let folder = root().join("compose").join(example.file_name().unwrap());
        for environment in environments(&example) {
            let config = |env_file: &str| {
                let mut command = Command::new(&compose);
                command.arg("--project-directory").arg(&example).args(["--env-file", env_file]).env_clear();
                command.arg("-f").arg(folder.join(format!("{environment}.yaml")));
                command.args(["--profile", "*", "config", "--quiet"]);
                let output = command.output().unwrap();
                (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
            };
            assert_eq!(config(&env_file), (true, String::new()), "{environment}");
            let (accepted, complaint) = config("/dev/null");
            assert!(!accepted && complaint.contains("copy .env.example to .env"), "{environment}: {complaint}");
        }
    }
}

#[test]
fn images_are_chosen_by_values_alone() {
    let example = root().join("examples/ai-assistant");
    let official = super::loaded(&example, Some("official")).values["images"].as_object().unwrap().clone();
    let set: Vec<String> =
        official.iter().map(|(name, image)| format!("images.{name}={}", image.as_str().unwrap())).collect();
    let (ours, theirs) = (render(&example, "full", &[]), {
        let mut words: Vec<&str> = vec!["--env", "full"];
        words.extend(set.iter().flat_map(|one| ["--set", one.as_str()]));
        words.push("render");
        aictl(&example, &words).ended(0).stdout
    });
    assert_eq!(ours.lines().count(), theirs.lines().count());
    for (ours, theirs) in ours.lines().zip(theirs.lines()).filter(|(ours, theirs)| ours != theirs) {
        assert!(ours.contains("aictl/") && !theirs.contains("aictl/"), "{ours} became {theirs}");
        assert!(ours.contains("image: ") || ours.contains("_IMAGE: "), "{ours}");
    }
    assert!(!theirs.contains("aictl/"), "an image of ours is written out");
}

/// What a service lacks.
fn lacks(name: &str, service: &Value, root_may_be_written: bool) -> Vec<String> {
    let text = |pointer: &str| service.pointer(pointer).map(Value::to_string).unwrap_or_default();
    let rules = [
        ("cap_drop ALL", text("/cap_drop") == r#"["ALL"]"#),
        ("no capability added", service.get("cap_add").is_none()),
        ("no-new-privileges", text("/security_opt").contains("no-new-privileges:true")),
        ("a read-only root", text("/read_only") == "true" || root_may_be_written),
        ("a tmpfs", service.get("tmpfs").is_some()),
        ("a memory limit", service.pointer("/deploy/resources/limits/memory").is_some()),
        ("a cpu limit", service.pointer("/deploy/resources/limits/cpus").is_some()),
        (
            "an end to its logs",
            text("/logging/options").contains("max-size") && text("/logging/options").contains("max-file"),
        ),
        ("a health check", service.get("healthcheck").is_some()),
        ("a stop grace period", service.get("stop_grace_period").is_some()),
        ("no privileged mode", service.get("privileged").is_none()),
        ("a network", service.get("networks").is_some()),
    ];
    rules.iter().filter(|(_, kept)| !kept).map(|(rule, _)| format!("{name} lacks {rule}")).collect()
}

#[test]
fn every_service_of_every_environment_is_hardened() {
    for example in examples() {
        for environment in environments(&example) {
            let model = model(&example, &environment);
            let official = ["official", "prod"].contains(&environment.as_str());
            let services = model["services"].as_object().unwrap();
            // Only official images that write into their own folders at their start may write to their root.
            let writable = |name: &str| official && ["elasticsearch", "kibana"].contains(&name);
            let found: Vec<String> =
                services.iter().flat_map(|(name, service)| lacks(name, service, writable(name))).collect();
            assert!(found.is_empty(), "{environment}:\n{}", found.join("\n"));
            assert_eq!(model["networks"]["monitoring"]["internal"], true, "{environment}");
            // Development publishes the ports of its data, which an internal network cannot.
            assert_eq!(model["networks"]["backend"]["internal"] == true, environment != "dev", "{environment}");
        }
    }
}

#[test]
fn a_service_that_is_not_hardened_is_found() {
    let found = lacks("x", &serde_json::json!({ "read_only": true, "cap_drop": ["ALL"], "privileged": true }), false);
    assert!(found.contains(&"x lacks no-new-privileges".to_owned()), "{found:?}");
    assert!(found.contains(&"x lacks no privileged mode".to_owned()), "{found:?}");
    assert!(!found.contains(&"x lacks cap_drop ALL".to_owned()), "{found:?}");
}
