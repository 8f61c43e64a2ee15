//! Hints of verbs that work on a running stack or its images, each executed in the project that printed it.

use std::process::{Command, Stdio};

use super::super::project::{Ran, TestProject, docker};
use super::{advised, follow, follow_with, one};
use crate::support::project::free_port;

#[test]
fn services_with_pages_and_a_history() {
    let serve = |port: u16, inner: &str| {
        format!(
            "image: 'aictl-lab/tool:1', command: [tool, serve, --ready-after, '0'], stop_grace_period: 0s, ports: ['127.0.0.1:{port}:{inner}']"
        )
    };
    let (a, b, db) = (serve(free_port(), "8080"), serve(free_port(), "8080"), serve(free_port(), "5432"));
    let compose = format!("services: {{ a: {{ {a} }}, b: {{ {b} }}, db: {{ {db} }} }}\n");
    let Some(stage) = TestProject::new("hint-pages", &compose) else { return };
    let nothing = stage.aictl("show").code(10);
    follow(&stage, &nothing, "aictl ls").code(0);
    let nothing = stage.aictl("open").code(10);
    assert!(follow(&stage, &nothing, "aictl status").stdout.contains("missing"));
    stage.aictl("start --no-wait").code(0);
    let unknown = stage.aictl("show 99").code(10);
    follow(&stage, &unknown, "aictl history --all").code(0);
    let several = stage.aictl("open").code(2);
    assert!(follow(&stage, &several, "aictl open").code(0).stdout.starts_with("http://"));
    let hidden = stage.aictl("open db").code(10);
    assert!(follow_with(&stage, &hidden, "aictl open db", &[("PORT", "5432")]).code(0).stdout.starts_with("http://"));
    for (words, begins) in
        [("stop --rmi local", "aictl stop --remove --rmi"), ("stop -v", "aictl stop --remove --volumes")]
    {
        let refused = stage.aictl(words).code(2);
        follow(&stage, &refused, begins).code(0);
    }
    assert!(stage.containers().is_empty());
}

#[test]
fn a_command_that_was_interrupted() {
    let Some(stage) = TestProject::new("hint-exec", &one("a", "init: true")) else { return };
    stage.aictl("start --no-wait").code(0);
    let mut exec = stage.aictl_command("exec a sleep 77");
    let child = exec.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    stage.eventually("the command", || stage.aictl("top").stdout.contains("sleep 77"));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = Ran::of(&child.wait_with_output().unwrap()).code(130);
    assert!(follow(&stage, &ended, "aictl top a").code(0).stdout.contains("sleep 77"));
    follow(&stage, &ended, "aictl restart a").code(0);
    assert!(!stage.aictl("top").code(0).stdout.contains("sleep 77"));
}

#[test]
fn a_lock_that_is_held() {
    let slow = "healthcheck: { test: [CMD, 'false'], interval: 1s, retries: 99 }";
    let Some(stage) = TestProject::new("hint-lock", &one("a", slow)) else { return };
    let mut start = stage.aictl_command("start --timeout 60");
    let first = start.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    stage.eventually("the container", || stage.containers() == ["a-1 running"]);
    let refused = stage.aictl("restart").code(11);
    assert!(follow(&stage, &refused, "aictl lock status").code(0).stdout.contains("start"));
    let alive = stage.aictl("lock break").code(11);
    // Whoever is asked may confirm; a script says so.
    let asked = follow(&stage, &refused, "aictl lock break --force").code(5);
    assert!(advised(&asked).contains(&"--yes".to_owned()), "{asked:?}");
    let confirmed = [("--force", "--force --yes")];
    follow_with(&stage, &alive, "aictl lock break --force", &confirmed).code(0);
    let lost = Ran::of(&first.wait_with_output().unwrap());
    assert_ne!(lost.code, 0, "{lost:?}");
    assert!(follow(&stage, &lost, "aictl status").stdout.starts_with("SERVICE"));
}

#[test]
fn a_directory_and_an_image_that_are_missing() {
    let image = format!("hint-bundle-{}:1", std::process::id());
    let bind = "volumes: [{ type: bind, source: ./made/data, target: /d, bind: { create_host_path: false } }]";
    let compose = one("a", &format!("{bind}, pull_policy: never")).replace("aictl-lab/tool:1", &image);
    let Some(stage) = TestProject::new("hint-bundle", &compose) else { return };
    docker(&["tag", "aictl-lab/tool:1", &image]);
    let refused = stage.aictl("start --no-wait");
    assert_ne!(refused.code, 0, "{refused:?}");
    follow(&stage, &refused, "mkdir -p").code(0);
    stage.aictl("start --no-wait").code(0);
    let refused = stage.aictl("bundle load -").code(2);
    stage.write("broken.tar", "no bundle");
    let broken = stage.aictl("bundle load broken.tar").code(1);
    follow_with(&stage, &broken, "aictl bundle save", &[("FILE", "shop.tar")]).code(0);
    follow(&stage, &refused, "aictl bundle load").code(0);
    let saved = stage.aictl("bundle save shop.tar --base shop.tar").code(2);
    follow_with(&stage, &saved, "aictl bundle save", &[("NEW", "new.tar")]).code(0);
    stage.aictl("stop --remove").code(0);
    docker(&["rmi", "--no-prune", &image]);
    let missing = stage.aictl("start --no-wait");
    assert_ne!(missing.code, 0, "{missing:?}");
    follow_with(&stage, &missing, "aictl start --bundle", &[("FILE", "shop.tar")]).code(0);
    stage.aictl("stop --remove").code(0);
    docker(&["rmi", "--no-prune", &image]);
}

#[test]
fn an_image_that_cannot_be_built() {
    let compose = "services: { b: { build: ., stop_grace_period: 0s } }\n";
    let Some(stage) = TestProject::new("hint-build", compose) else { return };
    let absent = stage.aictl("bundle save x.tar").code(10);
    stage.write("Dockerfile", "FROM aictl-lab/tool:1\nRUN echo the-reason && exit 3\n");
    let failed = stage.aictl("build b").code(1);
    let shown = follow(&stage, &failed, "aictl build b").code(1);
    assert!(shown.stderr.contains("the-reason") || shown.stdout.contains("the-reason"), "{shown:?}");
    stage.write("Dockerfile", "FROM aictl-lab/tool:1\nCMD [\"sleep\", \"600\"]\n");
    follow(&stage, &absent, "aictl build").code(0);
    stage.aictl("bundle save x.tar").code(0);
    stage.aictl("stop --remove --rmi local").code(0);
}

#[test]
fn a_machine_that_is_too_small() {
    let Some(stage) = TestProject::new("hint-small", &one("a", "")) else { return };
    let project = "environments:\n  big: { compose: compose.yaml, requirements: { minimum: { memory: 900GiB }, on_shortfall: refuse } }\n  \
                   small: { compose: compose.yaml, requirements: { minimum: { memory: 1MiB } } }\ndefault_environment: big\n";
    stage.write("aictl.yaml", project);
    let refused = stage.aictl("start").code(4);
    let seen = follow(&stage, &refused, "aictl doctor").code(4);
    follow(&stage, &seen, "aictl start --env small").code(0);
}

#[test]
fn a_stack_of_inactive_profiles() {
    let Some(stage) = TestProject::new("hint-profile", &one("a", "profiles: [extra]")) else { return };
    let refused = stage.aictl("smoke-test").code(78);
    assert_eq!(follow(&stage, &refused, "aictl config --profiles").code(0).stdout, "extra\n");
    stage.aictl("--profile extra start --no-wait").code(0);
    follow_with(&stage, &refused, "aictl --profile", &[("NAME", "extra")]).code(0);
}

/// Where docker compose does nothing and exits with 0, a misspelt name is an error that names the nearest one.
#[test]
fn a_name_that_no_service_has() {
    let Some(stage) = TestProject::new("hint-name", &one("web", "expose: ['x']")) else { return };
    let wrong = stage.aictl("start").code(78).says("services.web.expose: invalid port `x`");
    assert!(wrong.stderr.contains("such as `80`"), "{}", wrong.stderr);
    stage.write("compose.yaml", &format!("{}secrets: {{ k: {{ file: . }} }}\n", one("web", "secrets: [k]")));
    stage.aictl("start --no-wait").code(0);
    stage.aictl("exec web test -f /run/secrets/k/compose.yaml").code(0);
    for verb in ["stop", "down", "kill", "ps", "logs", "restart", "top", "start"] {
        stage.aictl(&format!("{verb} wbe")).code(10).says("did you mean `web`?");
    }
    let run = stage.aictl("run web nosuch").code(127);
    assert!(run.stderr.contains(&format!("container {}-web-run-", stage.project)), "{}", run.stderr);
}
