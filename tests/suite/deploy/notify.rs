//! The results of deploys and rollbacks that are sent to the channels of aictl.yaml.

use aictl::engine::memory::{Fault, MemoryEngine};
use aictl::error::ErrorKind;
use aictl::plan::Health;
use aictl::session::GlobalOptions;
use serde_json::Value;

use super::process::{Act, Ended, Folder, SECRET};
use crate::support::http_server::{HttpServer, OK, Request};

const COMPOSE: &str = "
services:
  api:
    image: tool:1
    command: [serve]
    environment: { ROUND: ROUND_NUMBER, PASSWORD: SECRET_VALUE }
    healthcheck: { test: [CMD, 'true'], interval: 5s }
";

fn write(folder: &Folder, round: &str, notify: &str) {
    folder.file("compose.yaml", &COMPOSE.replace("ROUND_NUMBER", round).replace("SECRET_VALUE", SECRET));
    let project = "name: shop\nenvironments: { prod: { compose: compose.yaml, deploy: { drain: 0s } } }\n";
    folder.file("aictl.yaml", &format!("{project}notify: {{ {notify} }}\n"));
}

/// The events that came since the last look.
fn events(server: &HttpServer) -> Vec<Value> {
    server.take().iter().map(Request::json).collect()
}

async fn deploy(folder: &Folder, engine: &MemoryEngine) -> Ended {
    folder.deploy_with(engine, (Default::default(), GlobalOptions::default())).await
}

#[tokio::test]
async fn results_are_sent_and_no_change_is_none() {
    let (world, folder, server) = (MemoryEngine::new().with_image("tool:1"), Folder::new(), HttpServer::open(&[OK]));
    let webhook = format!("webhook: '{}'", server.url("/events"));
    write(&folder, "one", &webhook);
    let dry = GlobalOptions { dry_run: true, ..Default::default() };
    folder.deploy_with(&world.another(), (Default::default(), dry)).await.report.unwrap();
    assert!(events(&server).is_empty());
    let ended = deploy(&folder, &world.another()).await;
    assert_eq!(ended.report.unwrap()["changed"], true);
    let [event] = &events(&server)[..] else { panic!("not one event") };
    let of = |event: &Value, keys: [&str; 5]| keys.map(|key| event[key].to_string()).join(" ");
    let keys = ["event", "result", "release", "was", "error"];
    assert_eq!(of(event, keys), r#""deploy" "succeeded" 1 null null"#);
    assert_eq!([&event["project"], &event["environment"]], ["shop", "prod"]);
    // Nothing to do.
    let ended = deploy(&folder, &world.another()).await;
    assert_eq!(ended.report.unwrap()["changed"], false);
    assert!(events(&server).is_empty());
    // A failure, with its reason; what holds the value of a secret is redacted.
    write(&folder, "two", &webhook);
    world.set_health("api", Health::Unhealthy);
    let ended = deploy(&folder, &world.another()).await;
    assert_eq!(ended.report.unwrap_err().0, ErrorKind::DeployFailed);
    let [event] = &events(&server)[..] else { panic!("not one event") };
    assert_eq!([&event["result"], &event["release"], &event["was"]], [&Value::from("failed"), &2.into(), &1.into()]);
    let text = event["text"].as_str().unwrap();
    assert!(text.starts_with("shop (prod): deploy failed\nrelease 2, was 1\n"), "{text}");
    assert!(text.contains("\nsee `aictl show 2`\nerror: ") && text.contains("unhealthy"), "{text}");
    assert!(!event.to_string().contains(SECRET));
    world.set_health("api", Health::Healthy);
    deploy(&folder, &world.another()).await.report.unwrap();
    events(&server);
    folder.run(&world.another(), Act::Rollback(Some(1))).await.report.unwrap();
    let [event] = &events(&server)[..] else { panic!("not one event") };
    assert_eq!(
        [&event["event"], &event["result"], &event["restored"]],
        [&Value::from("rollback"), &"succeeded".into(), &1.into()]
    );
    // Only what failed, and an interruption is one.
    write(&folder, "three", &format!("on: failure, {webhook}"));
    deploy(&folder, &world.another()).await.report.unwrap();
    assert!(events(&server).is_empty());
    write(&folder, "four", &format!("on: failure, {webhook}"));
    let process = world.another().fault_at(6, Fault::Interrupt);
    assert_eq!(deploy(&folder, &process).await.report.unwrap_err().0, ErrorKind::Interrupted);
    let [event] = &events(&server)[..] else { panic!("not one event") };
    assert_eq!(event["result"], "interrupted");
}

#[tokio::test]
async fn a_channel_that_fails_is_a_warning_and_changes_no_exit_code() {
    let (world, folder, broken) =
        (MemoryEngine::new().with_image("tool:1"), Folder::new(), HttpServer::open(&[Some((404, "", "no PATH"))]));
    let (good, token) = (HttpServer::open(&[OK]), "/services/canary0slack0webhook");
    let notify = format!(
        "slack: '{}', webhook: '{}', email: {{ smtp: '${{MAIL}}', from: a@b, to: a@b }}",
        broken.url(token),
        good.url("/")
    );
    write(&folder, "one", &notify);
    let ended = deploy(&folder, &world.another()).await;
    ended.report.unwrap();
    assert_eq!(good.requests().len(), 1);
    let told = |words: &str| ended.warnings.iter().filter(|warning| warning.starts_with(words)).count();
    assert_eq!(told("the result was not sent to slack: "), 1, "{:?}", ended.warnings);
    assert_eq!(told("the result was not sent to email: notify.email.smtp: the variable MAIL is not set"), 1);
    assert!(!ended.warnings.iter().any(|warning| warning.contains("canary")), "{:?}", ended.warnings);
    write(&folder, "two", &notify);
    world.set_health("api", Health::Unhealthy);
    let ended = deploy(&folder, &world.another()).await;
    assert_eq!(ended.report.unwrap_err().0, ErrorKind::DeployFailed, "{:?}", ended.warnings);
    assert_eq!(broken.requests().len(), 2);
}
