//! `proxy: { managed: true }`: the nginx of aictl that takes over the ports of services.

use std::process::Command;
use std::time::Duration;

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::plan::{Health, InstanceState, Observed, Scope};
use aictl::target::Observe as _;
use aictl::workflow::ship::plan::PlanArgs;

use super::load::Load;
use super::process::{Act, Folder, PROJECT};
use super::real::Shop;
use crate::support::project::{Outcome, docker, eventually};

const COMPOSE: &str = "
services:
  web:
    image: tool:1
    command: [serve]
    ports: ['127.0.0.1:8080:80']
    environment: { ROUND: WEB }
    healthcheck: { test: [CMD, 'true'], interval: 5s }
  db: { image: tool:1, command: [serve], volumes: ['data:/data'] }
volumes: { data: {} }
";

const MANAGED: &str = "
name: shop
environments: { prod: { compose: compose.yaml, proxy: { managed: true }, deploy: { drain: 2s } } }
";

fn write(folder: &Folder, round: &str) {
    folder.file("compose.yaml", &COMPOSE.replace("WEB", round));
}

/// An engine on which nginx is healthy and answers: it runs no real one.
fn engine() -> MemoryEngine {
    let world = MemoryEngine::new().with_image("tool:1").with_image("nginx:stable");
    world.set_health("aictl-proxy", Health::Healthy);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
    world.serve("aictl-proxy", 8080, move |bytes| bytes.ends_with(b"\r\n\r\n").then(|| answer.clone()));
    world
}

async fn seen(world: &MemoryEngine) -> Observed {
    let proxy = Some("aictl-proxy".to_owned());
    world.observe(&Scope { project: PROJECT.to_owned(), proxy, ..Scope::default() }).await.unwrap()
}

/// Names of the running containers and the ports they publish.
async fn running(world: &MemoryEngine) -> Vec<String> {
    let observed = seen(world).await;
    let up = observed.instances.iter().filter(|c| c.state == InstanceState::Running);
    let mut all: Vec<String> = up
        .map(|c| {
            let ports = c.ports.iter().map(|port| format!(" {}:{}", port.host, port.published));
            format!("{}{}", c.name, ports.collect::<String>())
        })
        .collect();
    all.sort();
    all
}

/// A stack that publishes the port itself gets the proxy: the port moves once, and comes back when the new side fails.
#[tokio::test(start_paused = true)]
async fn a_port_moves_to_the_proxy_once_with_a_gap_that_the_plan_states() {
    let (folder, world) = (Folder::new(), engine());
    write(&folder, "one");
    folder.file("aictl.yaml", "name: shop\nenvironments: { prod: { compose: compose.yaml } }\n");
    folder.start_as_it_is(&world.another()).await.report.unwrap();
    let before = running(&world).await;
    assert_eq!(before, ["shop-db-1", "shop-web-1 127.0.0.1:8080"]);
    folder.file("aictl.yaml", MANAGED);
    let planned = folder.plan(&world.another(), PlanArgs::default()).await.report.unwrap();
    let warnings = planned["warnings"].to_string();
    assert!(warnings.contains("web is unavailable from the time aictl-proxy takes over its port"), "{warnings}");
    let reasons = planned["strategies"].to_string();
    for said in ["a route leads to it", "it publishes no port", "it is the proxy"] {
        assert!(reasons.contains(said), "{reasons}");
    }
    world.set_health("web", Health::Unhealthy);
    let (kind, _) = folder.deploy_as_it_is(&world.another()).await.report.unwrap_err();
    assert_eq!((kind, running(&world).await), (ErrorKind::DeployFailed, before));
    world.set_health("web", Health::Healthy);
    folder.deploy_as_it_is(&world.another()).await.report.unwrap();
    assert_eq!(running(&world).await, ["shop-aictl-proxy-1 127.0.0.1:8080", "shop-db-1", "shop-web-2"]);
    write(&folder, "two");
    let second = folder.deploy_as_it_is(&world.another()).await;
    second.report.unwrap();
    assert!(!second.warnings.iter().any(|warning| warning.contains("does not answer")), "{:?}", second.warnings);
    assert_eq!(running(&world).await, ["shop-aictl-proxy-1 127.0.0.1:8080", "shop-db-1", "shop-web-1"]);
    // A start brings up the release, whose proxy has its configuration.
    folder.start_as_it_is(&world.another()).await.report.unwrap();
    let proxy = seen(&world).await.proxy.unwrap();
    assert!(proxy.configuration.unwrap().contains("listen 8080 default_server;") && proxy.green.is_empty());
    the_port_moves_back(&folder, &world).await;
}

/// Without `managed` the port goes back to the service, by a deploy as by rollbacks.
async fn the_port_moves_back(folder: &Folder, world: &MemoryEngine) {
    let published = async |behind: bool| {
        let running = running(world).await;
        let holder = if behind { "shop-aictl-proxy-" } else { "shop-web-" };
        let ports: Vec<&String> = running.iter().filter(|line| line.ends_with(" 127.0.0.1:8080")).collect();
        assert!(ports.len() == 1 && ports[0].starts_with(holder), "{running:?}");
        assert_eq!(running.iter().any(|line| line.contains("aictl-proxy")), behind, "{running:?}");
    };
    folder.edit("aictl.yaml", "proxy: { managed: true }, ", "");
    let report = folder.deploy_as_it_is(&world.another()).await.report.unwrap();
    let without = report["revision"].as_u64().and_then(|revision| u32::try_from(revision).ok());
    published(false).await;
    folder.run(&world.another(), Act::Rollback(None)).await.report.unwrap();
    published(true).await;
    folder.run(&world.another(), Act::Rollback(without)).await.report.unwrap();
    published(false).await;
}

/// Without a release `start` writes the configuration, and reloads it where it changed.
#[tokio::test(start_paused = true)]
async fn a_start_before_the_first_release_leads_requests_to_the_service() {
    let (folder, world) = (Folder::new(), engine());
    write(&folder, "one");
    folder.file("aictl.yaml", MANAGED);
    let configuration = async || seen(&world).await.proxy.and_then(|proxy| proxy.configuration).unwrap_or_default();
    folder.start_as_it_is(&world.another()).await.report.unwrap();
    assert!(configuration().await.contains("proxy_pass http://$aictl_upstream:80;"));
    folder.edit("compose.yaml", "127.0.0.1:8080:80", "127.0.0.1:8080:81");
    let before = running(&world).await;
    folder.start_as_it_is(&world.another()).await.report.unwrap();
    assert!(configuration().await.contains("proxy_pass http://$aictl_upstream:81;"));
    assert_eq!(running(&world).await, before);
    let deployed = folder.deploy_as_it_is(&world.another()).await;
    deployed.report.unwrap();
    let reloads = deployed.warnings.iter().any(|warning| warning.contains("loads a new configuration"));
    assert!(!reloads, "{:?}", deployed.warnings);
}

/// The whole life of a compose file with one published port, on the real engine, with the real Compose in between.
#[test]
fn any_compose_file_is_deployed_without_a_gap_and_its_proxy_needs_no_aictl() {
    let Some(shop) = Shop::managed("deploy-managed") else { return };
    let run = |words: &[&str], code: i32| {
        let output = shop.project.command(words).env("ROUND", "3").output().unwrap();
        Outcome::from(output).ended(code).stdout
    };
    let output = shop.project.command(&["start"]).env("ROUND", "0").output().unwrap();
    Outcome::from(output).ended(0);
    assert_eq!(shop.served().as_deref(), Some("0"));
    shop.deploy("1", 0);
    let load = Load::start(shop.port, 6, 2);
    shop.deploy("2", 0);
    shop.deploy("3", 0);
    let seen = load.end();
    assert_eq!((seen.failed.as_slice(), seen.cut.as_slice()), (&[][..], &[][..]));
    assert_eq!(seen.rounds.iter().map(String::as_str).collect::<Vec<_>>(), ["1", "2", "3"]);
    let status = run(&["status"], 0);
    assert!(status.contains("aictl-proxy") && !status.contains("differs from"), "{status}");
    if let Some(compose) = std::env::var_os("AICTL_LAB_COMPOSE") {
        compose_takes_over(&shop, &compose, &run(&["render"], 0));
    }
    let load = Load::start(shop.port, 4, 0);
    shop.rollback(&[]);
    let seen = load.end();
    assert_eq!((seen.failed, shop.served().as_deref()), (Vec::new(), Some("2")));
    let kept = || docker(&["image", "ls", "-q", &format!("{}-*:release-*", shop.project.name())]);
    assert_ne!(kept(), "");
    run(&["stop", "--remove", "-v"], 0);
    assert_eq!((shop.project.everything(), kept()), (Vec::<String>::new(), String::new()));
}

/// The real Compose finds nothing to change in the rendered files, and a proxy that it makes anew serves by itself.
fn compose_takes_over(shop: &Shop, compose: &std::ffi::OsStr, rendered: &str) {
    shop.project.write("compose.aictl-proxy.yaml", rendered);
    let files = ["-p", shop.project.name(), "-f", "compose.yaml", "-f", "compose.aictl-proxy.yaml", "up", "-d"];
    let up = |words: &[&str]| {
        let mut up = Command::new(compose);
        up.args(files).args(words).env("ROUND", "3").current_dir(shop.project.path());
        Outcome::from(up.output().unwrap()).ended(0);
    };
    let before = shop.project.containers();
    up(&[]);
    assert_eq!(shop.project.containers(), before, "Compose recreated something");
    up(&["--force-recreate", "--no-deps", "aictl-proxy"]);
    assert_ne!(shop.project.containers(), before);
    eventually("the proxy serves again", Duration::from_secs(20), || shop.served().as_deref() == Some("3"));
    std::fs::remove_file(shop.project.path().join("compose.aictl-proxy.yaml")).unwrap();
}
