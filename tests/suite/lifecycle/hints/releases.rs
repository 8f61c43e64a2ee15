//! Hints about releases, each executed in the project that printed it.

use super::super::project::{Ran, TestProject, docker};
use super::{LONG, follow, follow_with};

const PROJECT: &str =
    "default_environment: dev\nenvironments: { dev: { compose: compose.yaml }, other: { compose: compose.yaml } }\n";

fn stack(version: &str, more: &str) -> String {
    format!(
        "services:\n  a: {{ {LONG}, environment: {{ V: {version} }} }}\n  \
         watch: {{ {LONG}, profiles: [monitoring], depends_on: [a] }}\n  {more}\n"
    )
}

fn version(stage: &TestProject) -> String {
    docker(&["inspect", "--format", "{{.Config.Env}}", &format!("{}-a-1", stage.project)])
}

#[test]
fn a_project_with_a_release() {
    let Some(stage) = TestProject::new("hint-release", &stack("one", "")) else { return };
    stage.write("aictl.yaml", PROJECT);
    let none = stage.aictl("rollback").code(10);
    follow(&stage, &none, "aictl history").code(0);
    follow(&stage, &none, "aictl deploy").code(0);
    assert!(version(&stage).contains("V=one"));
    // Services of a profile that the release does not have start beside it.
    let before = stage.identity();
    let started = stage.aictl("monitoring start").code(0);
    assert_eq!(stage.containers(), ["a-1 running", "watch-1 running"], "{started:?}");
    assert!(stage.identity().contains(before.trim()), "the release is left alone");
    stage.aictl("monitoring stop --remove").code(0);
    stage.write("compose.yaml", &stack("two", ""));
    assert!(stage.aictl("plan").code(0).stdout.contains("environment.V"));
    let kept = stage.aictl("start").code(0);
    assert!(version(&stage).contains("V=one"));
    follow(&stage, &kept, "aictl deploy").code(0);
    assert!(version(&stage).contains("V=two"));
    stage.aictl("rollback --with-data").code(78).says("aictl.yaml has no `backup`");
    stage.aictl("rollback").code(0);
    assert!(version(&stage).contains("V=one"));
    let refused = stage.aictl("start --build").code(78);
    assert!(refused.stderr.contains("`aictl deploy`"), "{}", refused.stderr);
    stage.write("compose.yaml", &stack("three", &format!("new: {{ {LONG} }}")));
    let refused = stage.aictl("start new").code(10).says("has no service `new`");
    follow(&stage, &refused, "aictl deploy").code(0);
    assert_eq!(stage.containers(), ["a-1 running", "new-1 running"]);
}

#[test]
fn a_deploy_that_fails() {
    let Some(stage) = TestProject::new("hint-deploy", &stack("one", "")) else { return };
    stage.write("aictl.yaml", PROJECT);
    stage.aictl("deploy").code(0);
    stage
        .write("compose.yaml", &stack("two", "").replacen("command: [sleep, '600']", "command: [sh, -c, 'exit 3']", 1));
    let failed = stage.aictl("--env dev deploy");
    assert!([1, 20].contains(&failed.code), "{failed:?}");
    let explained = follow(&stage, &failed, "aictl --env dev explain").code(0).stdout;
    assert!(explained.contains("exited with code 3"), "{explained}");
    let started = explained.lines().find(|line| line.contains(", started ")).unwrap();
    assert!(!started.contains('.') || !started.split(" by ").next().unwrap().contains('.'), "whole seconds: {started}");
}

#[test]
fn a_start_in_a_named_environment() {
    let Some(stage) = TestProject::new("hint-named", &stack("one", "")) else { return };
    stage.write("aictl.yaml", PROJECT);
    stage.aictl("--env other deploy").code(0);
    stage.write("compose.yaml", &stack("two", ""));
    let kept = stage.aictl("--env other start").code(0);
    follow(&stage, &kept, "aictl --env other deploy").code(0);
    assert!(version(&stage).contains("V=two"));
    stage.write("compose.yaml", &stack("three", ""));
    stage.write("other.json", "no plan");
    let refused = stage.aictl("--env other deploy --plan other.json").code(78);
    follow_with(&stage, &refused, "aictl --env other plan --out", &[("FILE", "saved.json")]).code(0);
    let refused = stage.aictl("--env other plan a").code(78);
    assert!(follow(&stage, &refused, "aictl --env other plan").code(0).stdout.contains("environment.V"));
    let refused = stage.aictl("--env other plan --out /dev/stdout").code(2);
    follow(&stage, &refused, "aictl --env other plan --output json").code(0).json();
    let refused = stage.aictl("deploy --plan saved.json").code(2);
    follow_with(&stage, &refused, "aictl --env other deploy --plan", &[("FILE", "saved.json")]).code(0);
    assert!(version(&stage).contains("V=three"));
    // The report of the plan leads to the environment that it was made for.
    stage.write("compose.yaml", &stack("four", ""));
    let saved = stage.aictl("--env other plan --out saved.json").code(0);
    follow(&stage, &saved, "aictl --env other deploy --plan").code(0);
    assert!(version(&stage).contains("V=four"));
    stage.write("compose.yaml", "no: [");
    let mut unnamed = stage.aictl_command("rollback");
    let unnamed = Ran::of(&unnamed.env_remove("COMPOSE_PROJECT_NAME").output().unwrap()).code(78);
    let named = [("NAME", stage.project.as_str())];
    let back = follow_with(&stage, &unnamed, "aictl -p NAME rollback", &named);
    assert!(back.stderr.contains("using the stored release"), "{back:?}");
}
