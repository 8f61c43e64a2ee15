//! Pulls from the lab's real registry on loopback: its own images, as a mirror behind dead ones, and with a password.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::project::{Outcome, TestProject, docker, eventually, free_port};

/// `password_file` of the registry: user `shop`, password `open sesame`.
const ACCOUNTS: &str = "shop:$2b$04$8gYPfBfY6ay44t97oxZfu.dVS1vCtuujkyVRfZJyasiMh3IsfHSLa\n";
/// shop:open sesame
const RIGHT: &str = "c2hvcDpvcGVuIHNlc2FtZQ==";
/// shop:open barley
const WRONG: &str = "c2hvcDpvcGVuIGJhcmxleQ==";

/// A registry of one test with `shop/tool:1` in it.
pub struct Registry {
    pub stage: TestProject,
    container: String,
    pub address: String,
}

impl Registry {
    pub fn open(name: &str) -> Option<Self> {
        Self::run(name, false)
    }

    fn with_password(name: &str) -> Option<Self> {
        Self::run(name, true)
    }

    fn run(name: &str, password: bool) -> Option<Self> {
        let stage = TestProject::new(name)?;
        let (container, port) = (format!("{}-registry", stage.name()), free_port());
        let address = format!("127.0.0.1:{port}");
        let publish = format!("{address}:5000");
        let mut words = vec!["create", "--name", &container, "-p", &publish];
        if password {
            words.extend(["-e", "REGISTRY_AUTH=htpasswd", "-e", "REGISTRY_AUTH_HTPASSWD_REALM=shop"]);
            words.extend(["-e", "REGISTRY_AUTH_HTPASSWD_PATH=/etc/docker/accounts"]);
        }
        words.push("aictl/registry:2");
        docker(&words);
        let registry = Self { stage, container, address };
        if password {
            registry.stage.write("accounts", ACCOUNTS);
            let file = registry.stage.path().join("accounts").display().to_string();
            docker(&["cp", &file, &format!("{}:/etc/docker/accounts", registry.container)]);
        }
        docker(&["start", &registry.container]);
        registry.login(RIGHT);
        docker(&["tag", "aictl-lab/tool:1", &registry.image()]);
        eventually("the registry takes an image", Duration::from_secs(20), || registry.pushed());
        docker(&["rmi", &registry.image()]);
        Some(registry)
    }

    fn pushed(&self) -> bool {
        let mut push = Command::new("docker");
        push.args(["push", &self.image()]).env("DOCKER_CONFIG", self.stage.path().join("docker"));
        push.output().unwrap().status.success()
    }

    fn image(&self) -> String {
        format!("{}/shop/tool:1", self.address)
    }

    /// What `docker login` leaves.
    fn login(&self, auth: &str) {
        let config = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", self.address);
        self.stage.write("docker/config.json", &config);
    }

    /// aictl on a project of one service with this image and these mirrors.
    fn aictl(&self, image: &str, mirrors: &[&str], words: &[&str]) -> Outcome {
        let compose = format!(
            "services: {{ a: {{ image: '{image}', network_mode: none, command: [tool, serve], stop_grace_period: 1s }} }}\n"
        );
        self.stage.write("compose.yaml", &compose);
        let mirrors = mirrors.join(", ");
        let project = format!(
            "name: shop\nenvironments: {{ dev: {{ compose: [compose.yaml] }} }}\nregistry: {{ url: registry.example.org, mirrors: [{mirrors}] }}\ndefault_environment: dev\n"
        );
        self.stage.write("aictl.yaml", &project);
        let folder: &Path = self.stage.path();
        self.stage.command(words).env("DOCKER_CONFIG", folder.join("docker")).output().unwrap().into()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", "-v", &self.container]).output();
        for image in [self.image(), official(&self.stage)] {
            let _ = Command::new("docker").args(["rm", "-f", &format!("{}-a-1", self.stage.name())]).output();
            let _ = Command::new("docker").args(["rmi", &image]).output();
        }
    }
}

/// A name whose registry cannot be found: the top level domain is reserved for that.
fn official(stage: &TestProject) -> String {
    format!("registry-{}.invalid/shop/tool:1", std::process::id() + u32::try_from(stage.name().len()).unwrap())
}

#[test]
fn an_image_is_pulled_from_its_registry_with_its_digest() {
    let Some(registry) = Registry::open("images-pull") else { return };
    let pulled = registry.aictl(&registry.image(), &[], &["pull"]).ended(0);
    let digests = docker(&["inspect", "--format", "{{join .RepoDigests \" \"}}", &registry.image()]);
    let digest = digests.trim().rsplit('@').next().unwrap();
    assert!(pulled.stderr.contains(&format!("from registry {}", registry.address)), "{}", pulled.stderr);
    assert!(digest.starts_with("sha256:") && pulled.stderr.contains(digest), "{digest}: {}", pulled.stderr);
}

#[test]
fn a_dead_registry_and_a_dead_mirror_are_passed_and_the_stack_runs_under_the_official_name() {
    let Some(registry) = Registry::open("images-mirror") else { return };
    let official = official(&registry.stage);
    let dead = format!("127.0.0.1:{}", free_port());
    let nowhere = registry.aictl(&official, &[&dead], &["start"]).ended(1);
    for part in [&official, &format!("mirror {dead}/shop/tool:1"), "hint: "] {
        assert!(nowhere.stderr.contains(part), "`{part}` is not in:\n{}", nowhere.stderr);
    }
    let mut left = registry.stage.everything();
    // Besides the registry there is what keeps the record of the failure.
    left.retain(|name| !name.contains("aictl") && !name.ends_with("-registry"));
    assert_eq!(left, Vec::<String>::new());
    let began = Instant::now();
    let started = registry.aictl(&official, &[&dead, &registry.address], &["start"]).ended(0);
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    let line = started.stderr.lines().find(|line| line.contains("Pulled")).unwrap();
    assert!(line.contains(&format!("from mirror {}/shop/tool:1", registry.address)), "{line}");
    assert!(line.contains("not registry registry-") && line.contains(&format!("not mirror {dead}")), "{line}");
    let running = docker(&["inspect", "--format", "{{.Config.Image}}", &format!("{}-a-1", registry.stage.name())]);
    assert_eq!(running.trim(), official);
    let again = registry.aictl(&official, &[&dead], &["start"]).ended(0);
    assert!(again.stdout.contains("up to date"), "{}", again.stdout);
}

#[test]
fn a_mirror_that_says_nothing_is_given_up_within_half_a_minute() {
    let Some(registry) = Registry::open("images-silent") else { return };
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    // Accepts and keeps every connection, and answers none.
    std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    let began = Instant::now();
    let mirrors = [silent.as_str(), &registry.address];
    let pulled = registry.aictl(&official(&registry.stage), &mirrors, &["pull"]).ended(0);
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    assert!(pulled.stderr.contains(&format!("from mirror {}", registry.address)), "{}", pulled.stderr);
}

#[test]
fn a_password_is_sent_and_a_wrong_one_ends_with_its_own_code() {
    let Some(registry) = Registry::with_password("images-auth") else { return };
    registry.login(WRONG);
    let refused = registry.aictl(&registry.image(), &[], &["pull"]).ended(12);
    assert!(refused.stderr.contains("docker login"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("barley") && !refused.stderr.contains(WRONG), "{}", refused.stderr);
    // As a mirror the same, and nothing was pulled by either.
    let refused = registry.aictl(&official(&registry.stage), &[&registry.address], &["start"]).ended(12);
    assert!(refused.stderr.contains(&registry.address), "{}", refused.stderr);
    assert_eq!(docker(&["image", "ls", "-q", &registry.image()]), "");
    registry.login(RIGHT);
    registry.aictl(&registry.image(), &[], &["pull"]).ended(0);
}

#[test]
fn a_built_image_is_pushed_to_its_registry_and_pulled_back_by_the_same_digest() {
    let Some(registry) = Registry::with_password("images-push") else { return };
    let image = format!("{}/shop/built:1", registry.address);
    let aictl = |words: &[&str]| -> Outcome {
        let compose =
            format!("services: {{ a: {{ image: '{image}', build: ., network_mode: none }}, b: {{ image: x }} }}\n");
        registry.stage.write("compose.yaml", &compose);
        let folder = registry.stage.path();
        registry.stage.command(words).env("DOCKER_CONFIG", folder.join("docker")).output().unwrap().into()
    };
    let absent = aictl(&["push"]).ended(10);
    assert!(absent.stderr.contains(&image), "{}", absent.stderr);
    docker(&["tag", "aictl-lab/tool:1", &image]);
    registry.login(WRONG);
    let refused = aictl(&["push"]).ended(12);
    assert!(refused.stderr.contains(&image) && !refused.stderr.contains("barley"), "{}", refused.stderr);
    registry.login(RIGHT);
    let pushed = aictl(&["push", "a", "b"]).ended(0);
    assert!(pushed.stderr.contains("the image of b is not pushed"), "{}", pushed.stderr);
    let digest = pushed.stderr.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned();
    docker(&["rmi", &image]);
    let pulled = aictl(&["pull", "a", "--policy", "always"]).ended(0);
    docker(&["rmi", &image]);
    assert!(pulled.stderr.contains(&digest), "{digest}: {}", pulled.stderr);
    let nothing = aictl(&["push", "b"]).ended(0);
    assert!(nothing.stdout.contains("nothing to push"), "{}", nothing.stdout);
}
