//! `history`, `show` and `explain` on the real engine: what succeeded, what failed, what was killed, and after a removal.

use super::project::{TestProject, docker};

const COMPOSE: &str = "
services:
  db: {image: 'aictl-lab/tool:1', command: [tool, serve]}
  api: {image: 'aictl-lab/tool:1', command: [tool, serve], environment: {API_PASSWORD: '${API_PASSWORD}'}}
";
const CANARY: &str = "canary-9f3b51d2c7";

#[test]
fn history_tells_what_was_done_and_explain_why_it_failed() {
    let Some(stage) = TestProject::new("history", COMPOSE) else { return };
    stage.write(".env", &format!("API_PASSWORD={CANARY}\n"));
    assert!(stage.aictl("history").code(0).stdout.contains("no operations of"));
    stage.aictl("show").code(10).says("aictl ls");
    stage.aictl("start").code(0);
    let dying = "command: [sh, -c, 'echo ERROR no $$API_PASSWORD >&2; exit 3'], restart: 'no', healthcheck: {test: [CMD, tool, ready]}, environment";
    stage.write("compose.yaml", &COMPOSE.replace("command: [tool, serve], environment", dying));
    assert_ne!(stage.aictl("start").code, 0);

    let history = stage.aictl("history --output json").code(0).json();
    let told: Vec<_> = history["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["number"].as_u64(), o["status"].as_str()))
        .collect();
    assert_eq!(told, [(Some(2), Some("failed")), (Some(1), Some("done"))], "newest first");
    assert!(stage.aictl("history").code(0).stdout.contains("failed"));

    let show = stage.aictl("show --output json").code(0).json();
    assert_eq!((show["number"].as_u64(), show["evidence"][0]["exit_code"].as_i64()), (Some(2), Some(3)), "{show:#}");
    let explained = stage.aictl("explain 2").code(0);
    for words in ["1 start: done", "exit code 3", "first error: ERROR no", "create container"] {
        assert!(explained.stdout.contains(words), "{words}:\n{}", explained.stdout);
    }
    assert_eq!(stage.aictl("explain 2").code(0).stdout, explained.stdout);
    stage.aictl("show 9").code(10).says("the newest is 2");
    for words in ["history", "show 1", "show 2", "explain 2", "show 2 --output json", "history --output json"] {
        let told = stage.aictl(words).code(0);
        assert!(!told.stdout.contains(CANARY) && !told.stderr.contains(CANARY), "{words} shows the secret");
    }

    // Only the volume is left of a removed stack; reading it leaves no container.
    stage.aictl("stop --remove").code(0);
    let containers = || docker(&["ps", "-aq", "--filter", &format!("volume={}_aictl", stage.project)]);
    assert_eq!(containers(), "", "something still holds the state volume");
    assert!(stage.aictl("history").code(0).stdout.contains("stop"));
    assert_eq!(containers(), "", "reading the history left a container");
    assert!(stage.aictl("history --dry-run").code(0).stdout.contains("stop"));
    assert_eq!(containers(), "", "reading the history in a dry run left a container");
}
