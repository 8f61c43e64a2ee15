//! Replicas are replaced in turns by a deploy, as `update_config` says, and by a rollback, as `rollback_config` says.

use std::time::Duration;

use aictl::engine::memory::{Fault, MemoryEngine};
use aictl::error::ErrorKind;
use aictl::session::GlobalOptions;
use aictl::target::TargetError;
use aictl::workflow::ship::deploy::DeployArgs;

use super::process::{Act, Ended, Folder};
use crate::support::project::{TestProject, docker};

const COMPOSE: &str = "
services:
  worker:
    image: tool:1
    command: [serve]
    environment: { ROUND: WORKER }
    deploy: { replicas: 4, update_config: { UPDATE }, rollback_config: { parallelism: 0 } }
";

fn write(folder: &Folder, round: &str, update: &str) {
    folder.file("aictl.yaml", "name: shop\nenvironments: { prod: { compose: compose.yaml } }\n");
    folder.file("compose.yaml", &COMPOSE.replace("WORKER", round).replace("UPDATE", update));
}

async fn deploy(folder: &Folder, engine: &MemoryEngine) -> Ended {
    folder.deploy_with(engine, (DeployArgs::default(), GlobalOptions::default())).await
}

/// The stops and starts of containers, in the order in which they happened: `-` and `+` with the number.
fn order(engine: &MemoryEngine) -> String {
    let sign = |name: &String| {
        let sign = if name.starts_with("stop") { "-" } else { "+" };
        let is = name.starts_with("stop ") || name.starts_with("start ");
        is.then(|| format!("{sign}{}", name.rsplit('-').next().unwrap_or_default()))
    };
    engine.effect_names().iter().filter_map(sign).collect()
}

fn refusal() -> Fault {
    let message = "the engine refuses as scripted".to_owned();
    Fault::Refuse(TargetError::Refused { operation: "engine".into(), status: 500, message })
}

#[tokio::test(start_paused = true)]
async fn replicas_follow_each_other_as_update_config_says_and_a_rollback_as_rollback_config_says() {
    let (folder, world) = (Folder::new(), MemoryEngine::new().with_image("tool:1"));
    write(&folder, "one", "");
    deploy(&folder, &world.another()).await.report.unwrap();
    for (round, update, expected) in [
        ("two", "parallelism: 1", "-1+1-2+2-3+3-4+4"),
        ("three", "parallelism: 1, order: start-first, delay: 10m", "+1-1+2-2+3-3+4-4"),
    ] {
        write(&folder, round, update);
        let (engine, began) = (world.another(), tokio::time::Instant::now());
        deploy(&folder, &engine).await.report.unwrap();
        assert_eq!(order(&engine), expected, "{:#?}", engine.effect_names());
        let paused = began.elapsed() >= Duration::from_secs(1800);
        assert_eq!(paused, update.contains("delay"), "{update}: {:?}", began.elapsed());
    }
    let engine = world.another();
    folder.run(&engine, Act::Rollback(Some(2))).await.report.unwrap();
    let order = order(&engine);
    let (stops, starts) = order.split_at(8);
    assert!(!stops.contains('+') && !starts.contains('-'), "all at once: {order}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_replica_ends_the_deploy_unless_update_config_allows_it() {
    for (update, code) in [
        ("parallelism: 1", Some(ErrorKind::DeployFailed)),
        ("parallelism: 1, max_failure_ratio: 0.2", Some(ErrorKind::DeployFailed)),
        ("parallelism: 1, max_failure_ratio: 0.25", None),
        ("parallelism: 1, failure_action: continue", None),
    ] {
        let (folder, world) = (Folder::new(), MemoryEngine::new().with_image("tool:1"));
        write(&folder, "one", update);
        deploy(&folder, &world.another()).await.report.unwrap();
        write(&folder, "two", update);
        let second = {
            let engine = world.copied();
            deploy(&folder, &engine).await.report.unwrap();
            let names = engine.effect_names();
            names.iter().position(|name| name.starts_with("start ") && name.ends_with("-2")).unwrap() + 1
        };
        let engine = world.another().fault_at(second, refusal());
        let ended = deploy(&folder, &engine).await;
        assert_eq!(ended.report.as_ref().err().map(|(kind, _)| *kind), code, "{update}: {ended:?}");
        let names = engine.effect_names();
        let went_on = names.iter().any(|name| name.starts_with("start ") && name.ends_with("-4"));
        assert_eq!(went_on, code.is_none(), "{update}: {names:#?}");
        assert_eq!(ended.warnings.iter().any(|warning| warning.contains("worker-2")), code.is_none(), "{ended:?}");
    }
}

/// On the real engine: at no moment are two of the three replicas away.
#[test]
fn a_rolling_deploy_keeps_all_but_one_replica_running() {
    let Some(stage) = TestProject::new("deploy-rolling") else { return };
    stage.write("aictl.yaml", "environments: { prod: { compose: compose.yaml } }\n");
    let compose = "services: { web: { image: 'aictl-lab/tool:1', command: [tool, serve], environment: { ROUND: 'ONE' },
        stop_grace_period: 1s, healthcheck: { test: [CMD, tool, ready], interval: 1s }, deploy: { replicas: 3,
        update_config: { parallelism: 1, delay: 1s, monitor: 1s } } } }\n";
    stage.write("compose.yaml", compose);
    stage.aictl(&["deploy"]).ended(0);
    stage.write("compose.yaml", &compose.replace("ONE", "two"));
    let mut deploy = stage.command(&["deploy"]).spawn().unwrap();
    let mut fewest = 3;
    let label = format!("label=com.docker.compose.project={}", stage.name());
    let ended = loop {
        let running = docker(&["ps", "-q", "--filter", &label, "--filter", "label=com.docker.compose.service=web"]);
        fewest = fewest.min(running.lines().count());
        if let Some(ended) = deploy.try_wait().unwrap() {
            break ended;
        }
    };
    assert!(ended.success());
    assert_eq!(fewest, 2);
    let refused = compose.replace("delay: 1s", "failure_action: pause");
    stage.write("compose.yaml", &refused);
    let said = stage.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("services.web.deploy.update_config.failure_action: pause"), "{said}");
}
