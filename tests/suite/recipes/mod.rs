//! The images of templates/images on the real engine, started by aictl as a stack of official images would be.
//! Reads what runs inside and what the engine says of it.
//! Never asks an image for more than the official one of that name does.
use std::process::Command;
use std::time::Duration;

use aictl::image::Recipes;

use crate::support::project::{Outcome, TestProject, docker, eventually};

mod elasticsearch;
mod monitoring;
mod nginx;
mod postgres;
mod redis;

/// What every service of these stages has: nothing it could do without.
const HARDENED: &str = r#"
x-hardened: &hardened
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  restart: unless-stopped
"#;

/// A stage with these services, none of them started.
fn stage(name: &str, services: &str) -> Option<TestProject> {
    let stage = TestProject::new(name)?;
    stage.write("compose.yaml", &format!("{HARDENED}\nservices:{services}"));
    Some(stage)
}

fn container(stage: &TestProject, service: &str) -> String {
    format!("{}-{service}-1", stage.name())
}

/// A command run in a service's container.
fn inside(stage: &TestProject, service: &str, command: &[&str]) -> Outcome {
    Command::new("docker").args(["exec", &container(stage, service)]).args(command).output().unwrap().into()
}

/// Its output, when it ended well.
#[track_caller]
fn printed(stage: &TestProject, service: &str, command: &[&str]) -> String {
    inside(stage, service, command).ended(0).stdout.trim().to_owned()
}

fn logs(stage: &TestProject, service: &str) -> String {
    let outcome: Outcome = Command::new("docker").args(["logs", &container(stage, service)]).output().unwrap().into();
    outcome.stdout + &outcome.stderr
}

/// Stops a service; the code its first process ended with.
#[track_caller]
fn stopped(stage: &TestProject, service: &str) -> String {
    stage.aictl(&["stop", service]).ended(0);
    docker(&["inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", &container(stage, service)])
        .trim()
        .to_owned()
}

/// The code a service's command ended with by itself.
#[track_caller]
fn ended(stage: &TestProject, service: &str) -> String {
    let format = "{{.State.Status}} {{.State.ExitCode}}";
    let state = || docker(&["inspect", "--format", format, &container(stage, service)]).trim().to_owned();
    eventually(&format!("{service} ends"), Duration::from_secs(30), || state().starts_with("exited "));
    state().replace("exited ", "")
}

/// The user that the first process of a service runs as.
#[track_caller]
fn user(stage: &TestProject, service: &str) -> String {
    printed(stage, service, &["stat", "-c", "%U", "/proc/1"])
}

#[test]
fn every_stand_in_says_what_it_is_by_its_name_its_label_its_log_and_its_answers() {
    let services: String = Recipes::embedded()
        .unwrap()
        .iter()
        .filter(|recipe| recipe.stand_in)
        .map(|recipe| {
            format!("\n  {}:\n    <<: *hardened\n    image: {}\n    tmpfs: [/tmp]\n", recipe.name, recipe.image)
        })
        .collect();
    let Some(stage) = stage("recipes-standins", &services) else { return };
    stage.aictl(&["start"]).ended(0);
    let answers = [
        ("grafana-standin", "http://127.0.0.1:3000/api/health"),
        ("grafana-standin", "http://127.0.0.1:3000/login"),
        ("kibana-standin", "http://127.0.0.1:5601/api/status"),
        ("logstash-standin", "http://127.0.0.1:9600/"),
        ("ollama-standin", "http://127.0.0.1:11434/"),
        ("qdrant-standin", "http://127.0.0.1:6333/"),
    ];
    for (service, address) in answers {
        let format = r#"{{index .Config.Labels "io.github.aictl.stand-in"}}"#;
        let label = docker(&["inspect", "--format", format, &container(&stage, service)]);
        assert_eq!(format!("{}-standin", label.trim()), service);
        let real = label.trim();
        assert_ne!(user(&stage, service), "root", "{service}");
        // Kibana's is 503 while there is no Elasticsearch, and still says what it is.
        let ask = || inside(&stage, service, &["curl", "-sS", "--max-time", "10", address]);
        eventually(&format!("{service} says at {address} what it is"), Duration::from_secs(20), || {
            ask().stdout.to_lowercase().contains("stand-in")
        });
        let log = logs(&stage, service).to_lowercase();
        assert!(log.starts_with(&format!("this is a stand-in for {real}")), "{service}: {log}");
    }
}
