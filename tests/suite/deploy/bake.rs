//! A bake that is left with Ctrl-C, ended by a rollback, or continued after its process was killed.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::load::Load;
use super::real::{PROJECT_FILE, Shop};
use crate::support::project::{docker, eventually};

/// A migration that ends when it is asked to, with another code than that of the signal.
const SLOW_TASK: &str = r#"
tasks: { slow: { service: api, database: none, command: [sh, -c, "trap 'exit 3' TERM INT; sleep 99 & wait"] } }
"#;

impl Shop {
    /// A deploy whose new release bakes.
    fn baking(&self, round: &str) -> Child {
        let deploy = self.spawn(round);
        eventually("the release bakes", Duration::from_secs(60), || self.status() == "baking");
        deploy
    }

    fn spawn(&self, round: &str) -> Child {
        let mut deploy = self.project.command(&["deploy"]);
        deploy.env("ROUND", round).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The status of the newest release.
    fn status(&self) -> String {
        let history = self.project.aictl(&["history", "--output", "json"]).ended(0).stdout;
        let history: serde_json::Value = serde_json::from_str(&history).unwrap();
        let newest = history["operations"].as_array().unwrap().iter().find_map(|past| past["release_status"].as_str());
        newest.unwrap_or_default().to_owned()
    }

    fn bakes(&self, window: &str) {
        self.project.write("aictl.yaml", &PROJECT_FILE.replace("drain: 60s", &format!("drain: 60s, bake: {window}")));
    }

    fn apis(&self) -> usize {
        let project = format!("label=com.docker.compose.project={}", self.project.name());
        let args = ["ps", "-q", "--filter", &project, "--filter", "label=com.docker.compose.service=api"];
        docker(&args).lines().count()
    }

    fn resume(&self) -> Output {
        self.project.command(&["deploy", "--resume"]).env("ROUND", "unused").output().unwrap()
    }
}

/// Sends a signal; the code it ended with, and what it wrote to stderr.
fn signalled(child: Child, signal: &str) -> (Option<i32>, String) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    ended(child)
}

fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_bake_is_left_with_ctrl_c_ended_by_a_rollback_and_continued_after_a_kill() {
    let Some(shop) = Shop::new("deploy-bake") else { return };
    shop.deploy("one", 0);
    shop.bakes("60s");
    let (code, said) = signalled(shop.baking("two"), "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("aictl deploy --resume") && said.contains("aictl rollback"), "{said}");
    assert_eq!((shop.served().as_deref(), shop.apis(), shop.status().as_str()), (Some("two"), 2, "baking"));
    shop.rollback(&[]);
    assert_eq!((shop.served().as_deref(), shop.apis()), (Some("one"), 1));

    // A rollback from elsewhere ends the bake; its process does nothing more.
    let deploy = shop.baking("three");
    shop.rollback(&[]);
    let (code, said) = ended(deploy);
    assert_eq!(code, Some(11), "{said}");
    assert_eq!((shop.served().as_deref(), shop.apis()), (Some("one"), 1));

    // Nobody watched while the new release failed: what the proxy logged since the switch counts.
    let load = Load::start(shop.port, 2, 0);
    signalled(shop.baking("late-errors"), "-KILL");
    eventually("it fails", Duration::from_secs(30), || shop.served().is_none());
    let output = shop.resume();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(20), "{said}");
    assert!(said.contains("responses were 5xx") && said.contains("the previous release still serves"), "{said}");
    assert_eq!((shop.served().as_deref(), shop.apis(), shop.status().as_str()), (Some("one"), 1, "failed"));
    let _ = load.end();

    shop.bakes("8s");
    signalled(shop.baking("four"), "-KILL");
    let said = shop.project.aictl(&["status"]).stderr;
    assert!(said.contains("was interrupted") && said.contains("aictl deploy --resume"), "{said}");
    // What is recorded meanwhile has later numbers, which the next deploy does not take again.
    shop.project.aictl(&["restart", "nginx"]).ended(0);
    let output = shop.resume();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((shop.served().as_deref(), shop.apis(), shop.status().as_str()), (Some("four"), 1, "deployed"));
    let said = String::from_utf8_lossy(&shop.resume().stderr).into_owned();
    assert!(said.contains(&format!("no release of {} is baking", shop.project.name())), "{said}");
    let slow = PROJECT_FILE.replace("drain: 60s", "drain: 60s, migrate: [slow]") + SLOW_TASK;
    shop.project.write("aictl.yaml", &slow);
    let migrating = shop.spawn("five");
    eventually("the migration runs", Duration::from_secs(60), || shop.apis() == 2);
    let (code, said) = signalled(migrating, "-INT");
    assert_eq!(code, Some(130), "{said}");
    assert_eq!((shop.served().as_deref(), shop.status().as_str()), (Some("four"), "interrupted"));
    let said = shop.project.aictl(&["--dry-run", "stop", "--remove", "--volumes"]).ended(0).stderr;
    assert!(said.contains(&format!("(volume {}_aictl)", shop.project.name())), "{said}");
}
