//! Plans of deploys: what they show, saving them, and carrying out a saved one only while nothing has changed.

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::event::Silent;
use aictl::plan::{ContainerOperation, Operation};
use aictl::session::GlobalOptions;
use aictl::target::Perform as _;
use aictl::workflow::ship::deploy::DeployArgs;
use aictl::workflow::ship::plan::PlanArgs;
use serde_json::{Value, json};

use super::process::{Act, Ended, FIRST, Files, Folder, SECOND, SECRET, observe};

const FILE: &str = "deploy.plan";

/// A project whose first files are deployed and whose second ones are in the folder.
async fn shop() -> (MemoryEngine, Folder) {
    let (world, folder) = (MemoryEngine::new().with_image("tool:1"), Folder::new());
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    folder.write(SECOND);
    (world, folder)
}

async fn save(world: &MemoryEngine, folder: &Folder) -> Value {
    let process = world.another();
    let args = PlanArgs { out: Some(FILE.into()), exit_code: true, ..Default::default() };
    let report = folder.plan(&process, args).await.report.unwrap();
    assert_eq!((process.effects(), report["code"].as_u64()), (0, Some(6)), "{report:#}");
    report
}

async fn deploy_saved(process: &MemoryEngine, folder: &Folder) -> Ended {
    let args = DeployArgs { plan: Some(FILE.into()), ..Default::default() };
    folder.deploy_with(process, (args, GlobalOptions::default())).await
}

async fn remove(world: &MemoryEngine, service: &str) {
    let found = observe(world).await.instances.into_iter().find(|c| c.service == service).unwrap();
    let remove =
        ContainerOperation::Remove { service: service.to_owned(), container: found.id, volumes: false, force: true };
    world.perform(&Operation::Container(remove), 0, &Silent).await.unwrap();
}

/// Nothing is changed, and the message says what differs.
async fn stale(world: &MemoryEngine, folder: &Folder, said: &str) {
    let process = world.another();
    let (kind, message) = deploy_saved(&process, folder).await.report.unwrap_err();
    assert_eq!((kind, process.effects()), (ErrorKind::StalePlan, 0), "{message}\n{:#?}", process.effect_names());
    assert!(message.contains(said) && !message.contains(SECRET), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_carried_out_once() {
    let (world, folder) = shop().await;
    let planned = save(&world, &folder).await;
    let ended = deploy_saved(&world.another(), &folder).await.report.unwrap();
    assert_eq!((ended["revision"].as_u64(), &ended["steps"]), (Some(2), &planned["steps"]));
    stale(&world, &folder, "it was made for release 1, now release 2 serves").await;
    let again = folder.plan(&world.another(), PlanArgs { exit_code: true, ..Default::default() }).await.report.unwrap();
    assert_eq!((&again["steps"], &again["changes"], &again["code"]), (&json!([]), &json!([]), &json!(0)), "{again:#}");
}

#[tokio::test(start_paused = true)]
async fn the_first_deploy_can_be_saved_too() {
    let (world, folder) = (MemoryEngine::new().with_image("tool:1"), Folder::new());
    folder.write(FIRST);
    save(&world, &folder).await;
    assert!(!std::fs::read_to_string(folder.path(FILE)).unwrap().contains(SECRET));
    let report = deploy_saved(&world.another(), &folder).await.report.unwrap();
    assert_eq!(report["revision"].as_u64(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_stale_once_engine_or_files_have_changed() {
    let (world, folder) = shop().await;
    save(&world, &folder).await;
    remove(&world, "web").await;
    stale(&world, &folder, "only now: create container shop-web-1: it does not exist").await;

    let (world, folder) = shop().await;
    save(&world, &folder).await;
    folder.edit("compose.yaml", SECRET, "another-v4lue-that-nobody-sees");
    stale(&world, &folder, "the files differ for api").await;
    folder.edit("compose.yaml", "another-v4lue-that-nobody-sees", SECRET);
    folder.edit("aictl.yaml", "'true'", "'false'");
    stale(&world, &folder, "the files differ for what belongs to no service").await;
    folder.edit("aictl.yaml", "'false'", "'true'");
    folder.write(Files { api: "three", ..SECOND });
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
    stale(&world, &folder, "now release 2 serves").await;
}

#[tokio::test(start_paused = true)]
async fn neither_report_nor_file_contains_a_secret() {
    let (world, folder) = shop().await;
    // The value of the release is no longer in the files.
    folder.edit("compose.yaml", SECRET, "another-v4lue-that-nobody-sees");
    let report = save(&world, &folder).await;
    let file = std::fs::read_to_string(folder.path(FILE)).unwrap();
    for text in [&report.to_string(), &file] {
        assert!(!text.contains(SECRET) && !text.contains("another-v4lue"), "{text}");
    }
    let hash = observe(&world).await.instances[0].docker.config_hash.clone().unwrap();
    assert!(!file.contains(&hash) && !file.contains("config_hash"), "{file}");
    let changes = report["changes"].as_array().unwrap();
    let of = |key: &str| changes.iter().find(|c| c["service"] == "api" && c["key"] == key).unwrap().clone();
    let password = json!({ "service": "api", "key": "environment.PASSWORD", "change": "changed", "hidden": true });
    assert_eq!(of("environment.PASSWORD"), password);
    let round = of("environment.ROUND");
    assert_eq!((&round["before"], &round["after"], &round["hidden"]), (&json!("one"), &json!("two"), &json!(false)));
    assert_eq!(changes.len(), 3, "{changes:#?}");
    for said in ["api: environment.ROUND: \\\"one\\\" -> \\\"two\\\"", "api: environment.PASSWORD: changed"] {
        assert!(report["text"].as_str().unwrap().contains(said), "{said}: {}", report["text"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_why_a_service_is_not_rolled() {
    let (world, folder) = shop().await;
    folder.edit("compose.yaml", "environment: { ROUND: WEB }", "environment: { ROUND: NEW }\n    container_name: web");
    folder.edit("aictl.yaml", "service: web, port: 80", "service: web, port: 80, strategy: recreate");
    let report = folder.plan(&world.another(), PlanArgs::default()).await.report.unwrap();
    let reason = |name: &str| {
        let found = report["strategies"].as_array().unwrap().iter().find(|s| s["service"] == name).unwrap().clone();
        format!("{} {}", found["strategy"].as_str().unwrap(), found["reason"].as_str().unwrap())
    };
    assert_eq!(reason("api"), "blue-green a route leads to it");
    assert_eq!(reason("db"), "recreate no route leads to it");
    assert_eq!(reason("web"), "recreate the project file says so");
    let services = PlanArgs { services: vec!["api".into()], ..Default::default() };
    assert_eq!(folder.plan(&world.another(), services).await.report.unwrap_err().0, ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_a_plan_for_this_project_is_refused_before_anything_changes() {
    let (world, folder) = shop().await;
    save(&world, &folder).await;
    let text = std::fs::read_to_string(folder.path(FILE)).unwrap();
    for (content, said) in [
        (text[..text.len() / 2].to_owned(), "the saved plan is truncated or corrupt"),
        (text.replacen("shop-api-2", "shop-api-4", 1), "the saved plan is truncated or corrupt"),
        (text.replacen("\"aictl_plan\": 1", "\"aictl_plan\": 9", 1), "has format 9, this aictl reads up to 1"),
        ("services: {}\n".to_owned(), "not a plan saved by `aictl plan --out FILE`"),
    ] {
        folder.file(FILE, &content);
        let process = world.another();
        let (kind, message) = deploy_saved(&process, &folder).await.report.unwrap_err();
        assert_eq!((kind, process.effects()), (ErrorKind::Config, 0), "{message}");
        assert!(message.contains(said), "{message}");
    }
    // Nor is such a file replaced by a plan.
    let args = PlanArgs { out: Some(FILE.into()), ..Default::default() };
    folder.plan(&world.another(), args).await.report.unwrap_err();
    assert_eq!(std::fs::read_to_string(folder.path(FILE)).unwrap(), "services: {}\n");
    folder.file(FILE, &text);
    for (from, to, said) in [
        ("  prod:", "  other: { compose: compose.yaml }\n  prod:", "for environment prod, not for environment other"),
        ("name: shop", "name: store", "for project shop, not for store"),
    ] {
        folder.edit("aictl.yaml", from, to);
        let process = world.another();
        let environment = Some(if to.contains("other") { "other" } else { "prod" }.to_owned());
        let args = DeployArgs { plan: Some(FILE.into()), ..Default::default() };
        let options = GlobalOptions { environment, ..Default::default() };
        let (kind, message) = folder.deploy_with(&process, (args, options)).await.report.unwrap_err();
        assert_eq!((kind, process.effects()), (ErrorKind::Usage, 0), "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn status_and_plan_show_where_what_runs_differs_from_the_release() {
    let (world, folder) = shop().await;
    folder.write(FIRST);
    let status = || async { folder.status(&world.another()).await.report.unwrap() };
    assert_eq!((&status().await["release"], &status().await["drift"]), (&json!(1), &Value::Null));
    remove(&world, "api").await;
    let seen = status().await;
    let missing = json!([{ "service": "api", "kind": "missing", "message": "shop-api-1 is missing" }]);
    assert_eq!(seen["drift"], missing, "{seen:#}");
    assert!(seen["text"].as_str().unwrap().contains("differs from release 1: api: shop-api-1 is missing"), "{seen:#}");
    let plan = folder.plan(&world.another(), PlanArgs::default()).await.report.unwrap();
    assert_eq!(plan["drift"], missing, "{plan:#}");
    folder.run(&world.another(), Act::Start(FIRST)).await.report.unwrap();
    assert_eq!(status().await["drift"], Value::Null);
}
