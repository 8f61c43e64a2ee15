//! Bundles between two engines: saved on the machine's, loaded on an empty one without network or registry.
mod both_engines;
mod damaged;
mod round_trip;
mod usage_errors;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::project::{Outcome, TestProject};

/// A secret of the project: in no byte of any bundle.
const CANARY: &str = "canary-4c1f+9e/7d=";

/// The project's name on both engines: it is part of a bundle.
const PROJECT: &str = "bundled";

const TOOL: &str = r#"
services:
  app:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, "100"]
    network_mode: none
    environment: { TOKEN: "${TOKEN}" }
    volumes: [ "./settings:/settings:ro" ]
    secrets: [ token ]
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 30 }
secrets: { token: { file: ./settings/token.txt } }
"#;

const CACHE: &str = r#"
  cache:
    image: aictl/redis:7
    command: [redis-server, --appendonly, "yes"]
    network_mode: none
    healthcheck: { test: [CMD, redis-cli, ping], interval: 1s, timeout: 5s, retries: 30 }
"#;

/// The project on the machine's engine, with a secret in its env file and in a file of its own.
fn project(name: &str, with_cache: bool) -> Option<TestProject> {
    let stage = TestProject::new(name)?;
    let cache = if with_cache { CACHE } else { "" };
    stage.write("compose.yaml", &TOOL.replace("\nsecrets: {", &format!("{cache}\nsecrets: {{")));
    stage.write(".env", &format!("TOKEN={CANARY}\n"));
    stage.write("settings/token.txt", CANARY);
    stage.write("settings/app.conf", "colour = blue\n");
    stage.write("charts/shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
    Some(stage)
}

/// aictl in a folder; `engine` is the address of another engine than the machine's.
fn aictl(folder: &Path, engine: Option<&str>, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.args(["-p", PROJECT, "--output", "json"]).args(words).current_dir(folder);
    command.envs(engine.map(|address| ("DOCKER_HOST", address.to_owned())));
    command.output().unwrap().into()
}

fn saved(stage: &TestProject, file: &str, words: &[&str]) -> (PathBuf, Value) {
    let outcome = aictl(stage.path(), None, &[&["bundle", "save", file], words].concat()).ended(0);
    (stage.path().join(file), serde_json::from_str(&outcome.stdout).unwrap())
}
