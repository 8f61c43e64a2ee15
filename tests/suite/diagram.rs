//! `aictl diagram` of a stack on the engine, of one without, and of the example.
//! Looks at what is drawn for each state; pictures themselves are snapshots beside the code.
//! Never starts more than one small stack.

use std::process::Command;

use serde_json::Value;

use crate::support::project::{Outcome, TestProject};

const STACK: &str = r#"
services:
  1-web:
    image: aictl-lab/tool:1
    command: [tool, serve, --ready-after, "0"]
    healthcheck: { test: [CMD, tool, ready], interval: 1s, timeout: 5s, retries: 30 }
    depends_on: { once: { condition: service_completed_successfully } }
    networks: [back]
  once: { image: aictl-lab/tool:1, command: [tool, exit, "0"], networks: [back] }
  broken: { image: aictl-lab/tool:1, command: [tool, exit, "3"], networks: [back] }
networks: { back: { internal: true } }
"#;

fn states(outcome: &Outcome) -> Vec<String> {
    let graph: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let of = |service: &Value| format!("{} {}", service["name"].as_str().unwrap(), service["state"].as_str().unwrap());
    graph["services"].as_array().unwrap().iter().map(of).collect()
}

/// The state that is drawn is the engine's; when the engine is gone the picture stays and says so.
#[test]
fn a_running_stack_is_drawn_as_it_is_and_without_an_engine_as_it_is_meant() {
    let Some(stage) = TestProject::new("diagram") else { return };
    stage.write("compose.yaml", STACK);
    let before = stage.aictl(&["diagram", "--output", "json"]).ended(0);
    assert_eq!(states(&before), ["1-web missing", "broken missing", "once missing"]);
    stage.aictl(&["start", "1-web"]).ended(0);
    let running = stage.aictl(&["diagram", "--output", "json"]).ended(0);
    assert_eq!(states(&running), ["1-web healthy", "broken missing", "once ended"]);
    let text = stage.aictl(&["diagram"]).ended(0).stdout;
    assert!(text.contains("└┄┄ once") && text.lines().all(|line| line.chars().count() <= 80), "{text}");

    let nobody = format!("unix://{}/nobody.sock", stage.path().display());
    let alone = |words: &[&str]| -> Outcome {
        stage.command(&[&["diagram"], words].concat()).env("DOCKER_HOST", &nobody).output().unwrap().into()
    };
    let down = alone(&["--output", "json"]).ended(0);
    assert_eq!(states(&down), ["1-web unknown", "broken unknown", "once unknown"]);
    assert!(alone(&[]).ended(0).stdout.contains("state unknown: cannot connect to the engine"));
    assert!(alone(&["--format", "svg"]).ended(0).stdout.starts_with("<svg "));
    let mermaid = alone(&["--format", "mermaid", "--offline"]).ended(0).stdout;
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains("--offline"), "{mermaid}");
}

#[test]
fn the_example_fits_a_terminal() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ai-assistant");
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(example.join(".")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    let aictl = |words: &[&str]| -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(folder.path()).output().unwrap().into()
    };
    aictl(&["secrets", "generate"]).ended(0);
    let text = aictl(&["diagram", "--offline", "--env", "full"]).ended(0).stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for service in ["frontend", "api", "postgres", "elasticsearch", "prometheus", "kibana"] {
        assert!(text.lines().any(|line| line.split(' ').any(|word| word == service)), "{service} in\n{text}");
    }
}
