//! `deploy --release ENV@N`: what one environment proved goes to the engine of another.

use crate::support::both_engines::{Engine, Image, engines};
use crate::support::project::{Outcome, TestProject};

/// Two environments on two engines, whose image stores differ.
struct Environments<'e> {
    stage: &'e TestProject,
    staging: &'e Engine,
    prod: &'e Engine,
}

impl Environments<'_> {
    fn declare(&self, image: &str) {
        let service = |name: &str, more: &str| {
            format!(
                "  {name}: {{ image: '{image}', network_mode: none, command: [tool, serve], stop_grace_period: 0s{more} }}\n"
            )
        };
        let one = format!("services:\n{}", service("app", ""));
        self.stage.write("staging.yaml", &one);
        self.stage.write("prod.yaml", &format!("{one}{}", service("extra", ", scale: 0")));
        let environment = |file: &str, engine: &Engine| {
            format!("{{ compose: {file}, target: {{ docker: {{ host: '{}' }} }} }}", engine.address)
        };
        let (staging, prod) = (environment("staging.yaml", self.staging), environment("prod.yaml", self.prod));
        self.stage.write("aictl.yaml", &format!("environments:\n  staging: {staging}\n  prod: {prod}\n"));
    }

    fn aictl(&self, environment: &str, words: &[&str]) -> Outcome {
        // No engine of this machine: images come from the environment that is named.
        let words = [&["--env", environment], words].concat();
        self.stage.command(&words).env("DOCKER_HOST", "unix:///nowhere.sock").output().unwrap().into()
    }

    fn running(&self, engine: &Engine) -> String {
        let container = format!("{}-app-1", self.stage.name());
        let label = engine.docker(&["inspect", "--format", "{{index .Config.Labels \"content\"}}", &container]);
        label.trim().to_owned()
    }
}

impl Drop for Environments<'_> {
    fn drop(&mut self) {
        for environment in ["staging", "prod"] {
            self.aictl(environment, &["stop", "--remove", "--volumes", "--yes"]);
        }
    }
}

#[test]
fn a_release_of_another_environment_is_deployed_by_the_same_image() {
    let Some(engines) = engines("deploy of another environment's release") else { return };
    let Some(stage) = TestProject::new("promotion") else { return };
    let [here, current] = &engines;
    let image = Image(&engines, format!("{}:1", stage.name()));
    let make = |engine: &Engine, content: &str| {
        stage.write("built/Dockerfile", &format!("FROM aictl-lab/tool:1\nLABEL content={content}\n"));
        engine.docker(&["build", "-q", "-t", &image.1, &stage.path().join("built").display().to_string()]);
    };
    let both = Environments { stage: &stage, staging: here, prod: current };
    both.declare(&image.1);
    make(here, "proved");
    both.aictl("staging", &["deploy"]).ended(0);
    // The name leads elsewhere since, on both engines.
    make(here, "later");
    make(current, "other");

    let missing = both.aictl("prod", &["deploy", "--release", "staging@7"]).ended(78);
    assert!(missing.stderr.contains("staging@7 does not exist"), "{}", missing.stderr);
    assert!(missing.stderr.contains("aictl --env staging history"), "{}", missing.stderr);
    let own = both.aictl("prod", &["deploy", "--release", "prod@1"]).ended(2);
    assert!(own.stderr.contains("rollback --to 1"), "{}", own.stderr);

    let dry = both.aictl("prod", &["--dry-run", "deploy", "--release", "staging@1"]).ended(0);
    assert!(dry.stdout.contains("release staging@1 has this image"), "{}", dry.stdout);
    let deployed = both.aictl("prod", &["deploy", "--release", "staging@1"]).ended(0);
    assert!(deployed.stderr.contains("`extra` is not in release staging@1"), "{}", deployed.stderr);
    assert_eq!(both.running(current), "proved");
    assert_eq!(
        here.docker(&["image", "inspect", "--format", "{{index .Config.Labels \"content\"}}", &image.1]).trim(),
        "later"
    );
    let shown = both.aictl("prod", &["show"]).ended(0).stdout;
    assert!(shown.contains("with the images of staging@1"), "{shown}");
    let again = both.aictl("prod", &["deploy", "--release", "staging@1"]).ended(0);
    assert!(again.stdout.contains("up to date"), "{} {}", again.stdout, again.stderr);

    both.aictl("staging", &["deploy"]).ended(0);
    both.aictl("staging", &["rollback"]).ended(0);
    let rolled_back = both.aictl("prod", &["deploy", "--release", "staging@2"]).ended(78);
    assert!(rolled_back.stderr.contains("staging@2 was rolled back"), "{}", rolled_back.stderr);
}
