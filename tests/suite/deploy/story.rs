//! Sequences of deploys, rollbacks and starts, and what serves after each.

use aictl::engine::memory::{Fault, MemoryEngine};
use aictl::error::ErrorKind;
use aictl::plan::{Health, ObservedInstance};
use aictl::release::{ReleaseStatus, history, releases};
use aictl::session::GlobalOptions;
use aictl::target::{Journal as _, TargetError};

use super::process::{Act, FIRST, Files, Folder, PROJECT, SECOND, observe, serving};

async fn shop() -> (MemoryEngine, Folder) {
    (MemoryEngine::new().with_image("tool:1"), Folder::new())
}

async fn statuses(world: &MemoryEngine) -> Vec<ReleaseStatus> {
    let records = world.load_records(PROJECT).await.unwrap();
    releases(&history(&records, None)).into_iter().map(|past| past.status).collect()
}

async fn hash(world: &MemoryEngine, service: &str) -> Option<String> {
    serving(&observe(world).await, service).and_then(|c: &ObservedInstance| c.docker.config_hash.clone())
}

#[tokio::test(start_paused = true)]
async fn a_rollback_after_three_deploys_of_which_the_last_failed_keeps_or_restores_the_last_good_one() {
    use ReleaseStatus::{Deployed, Failed, RolledBack, Superseded};
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    let first = hash(&world, "api").await;
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
    let second = hash(&world, "api").await;
    world.set_health("api", Health::Unhealthy);
    let third = folder.run(&world.another(), Act::Deploy(Files { api: "three", ..SECOND })).await;
    assert_eq!(third.report.unwrap_err().0, ErrorKind::DeployFailed);
    world.set_health("api", Health::Healthy);
    assert_eq!(statuses(&world).await, [Superseded, Deployed, Failed]);
    assert_eq!(hash(&world, "api").await, second);
    // The second one serves: there is nothing to do.
    let report = folder.run(&world.another(), Act::Rollback(None)).await.report.unwrap();
    assert_eq!((report["changed"].as_bool(), report["restored"].as_u64()), (Some(false), Some(2)));
    assert_eq!(report["skipped"], serde_json::json!([[3, "it failed"]]));
    // And from it to the first one, as a new revision.
    let report = folder.run(&world.another(), Act::Rollback(Some(1))).await.report.unwrap();
    assert_eq!((report["revision"].as_u64(), report["was"].as_u64()), (Some(4), Some(2)));
    assert_eq!(hash(&world, "api").await, first);
    assert_eq!(statuses(&world).await, [Superseded, RolledBack, Failed, Deployed]);
    // The failed and the rolled back one are no place to go to.
    let (kind, message) = folder.run(&world.another(), Act::Rollback(Some(3))).await.report.unwrap_err();
    assert_eq!((kind, message.as_str()), (ErrorKind::Failed, "release 3 of shop cannot be restored: it failed"));
}

#[tokio::test(start_paused = true)]
async fn a_killed_third_deploy_is_rolled_back_to_the_last_good_release() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
    let second = (hash(&world, "api").await, hash(&world, "web").await);
    let third = Act::Deploy(Files { api: "three", ..SECOND });
    let process = world.another();
    folder.run(&process, third).await.report.unwrap();
    let switch = process.effect_names().iter().position(|name| name.starts_with("switch ")).unwrap() + 1;
    // The same again in a world of its own, killed right after the switch.
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
    folder.run(&world.another().fault_at(switch, Fault::DieAfter), third).await.report.unwrap_err();
    assert_ne!(hash(&world, "api").await, second.0);
    let report = folder.run(&world.another(), Act::Rollback(None)).await.report.unwrap();
    assert_eq!((report["revision"].as_u64(), report["restored"].as_u64()), (Some(4), Some(2)));
    assert_eq!((hash(&world, "api").await, hash(&world, "web").await), second);
}

/// A deploy killed while it bakes: `start` keeps both sides, `rollback` goes back, a deploy continues the bake.
#[tokio::test(start_paused = true)]
async fn an_interrupted_bake_is_kept_continued_or_rolled_back() {
    use ReleaseStatus::{Baking, Deployed, RolledBack, Superseded};
    let second = Files { bake: true, ..SECOND };
    for (act, expected) in [
        (Act::Start(second), vec![Superseded, Baking]),
        (Act::Rollback(None), vec![Superseded, RolledBack, Deployed]),
        (Act::Deploy(second), vec![Superseded, Deployed]),
    ] {
        let (world, folder) = shop().await;
        folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
        let first = hash(&world, "api").await;
        let cut = world.another();
        folder.run(&cut, Act::Deploy(second)).await.report.unwrap();
        let baking = cut.effect_names().iter().position(|name| name == "record deploy baking").unwrap() + 1;
        let (world, folder) = shop().await;
        folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
        folder.run(&world.another().fault_at(baking, Fault::DieAfter), Act::Deploy(second)).await.report.unwrap_err();
        assert_eq!(statuses(&world).await, [Superseded, Baking]);
        let apis = |observed: &aictl::plan::Observed| {
            observed.instances.iter().filter(|c| !c.one_off && c.service == "api").count()
        };
        assert_eq!(apis(&observe(&world).await), 2);
        let ended = folder.run(&world.another(), act).await;
        assert!(ended.report.is_ok(), "{act:?}: {ended:?}");
        assert_eq!(statuses(&world).await, expected, "{act:?}");
        assert_eq!(apis(&observe(&world).await), if matches!(act, Act::Start(_)) { 2 } else { 1 }, "{act:?}");
        assert_eq!(hash(&world, "api").await == first, matches!(act, Act::Rollback(_)), "{act:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_change_is_no_release() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    let process = world.another();
    let report = folder.run(&process, Act::Deploy(FIRST)).await.report.unwrap();
    assert_eq!((report["changed"].as_bool(), process.effects()), (Some(false), 0));
    assert_eq!(statuses(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_has_no_effect() {
    let (world, folder) = shop().await;
    let dry = || GlobalOptions { dry_run: true, ..Default::default() };
    for act in [Act::Deploy(FIRST), Act::Deploy(SECOND)] {
        let process = world.another();
        let report = folder.run_with(&process, act, dry()).await.report.unwrap();
        assert!(!report["steps"].as_array().unwrap().is_empty());
        assert_eq!(process.effects(), 0);
        folder.run(&world.another(), act).await.report.unwrap();
    }
    let process = world.another();
    let report = folder.run_with(&process, Act::Rollback(None), dry()).await.report.unwrap();
    assert!(!report["steps"].as_array().unwrap().is_empty());
    assert_eq!(process.effects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_brings_up_the_release_and_not_the_files() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
    let second = hash(&world, "api").await;
    // The other files are named, and nothing of them is applied.
    let process = world.another();
    let ended = folder.run(&process, Act::Start(FIRST)).await;
    assert_eq!(process.effects(), 0, "{:#?}", process.effect_names());
    assert!(ended.warnings.iter().any(|w| w.contains("the files differ from release 2 for api, db")), "{ended:?}");
    // All containers are gone: the same side comes back.
    let observed = observe(&world).await;
    assert!(observed.proxy.unwrap().green.contains("api"));
    for container in observed.instances {
        use aictl::plan::{ContainerOperation, Operation};
        use aictl::target::Perform as _;
        let (service, container) = (container.service, container.id);
        let remove = ContainerOperation::Remove { service, container, volumes: false, force: true };
        world.perform(&Operation::Container(remove), 0, &aictl::event::Silent).await.unwrap();
    }
    let ended = folder.run(&world.another(), Act::Start(FIRST)).await;
    assert!(ended.report.is_ok(), "{ended:?}");
    assert_eq!(hash(&world, "api").await, second);
    let process = world.another();
    let report = folder.run(&process, Act::Deploy(SECOND)).await.report.unwrap();
    assert_eq!((report["changed"].as_bool(), process.effects()), (Some(false), 0), "{:#?}", process.effect_names());
}

#[tokio::test(start_paused = true)]
async fn a_failed_migration_leaves_the_previous_release() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    let before = hash(&world, "api").await;
    folder.write(SECOND);
    folder.edit("aictl.yaml", "'true'", "'false'");
    let (kind, message) = folder.deploy_as_it_is(&world.another()).await.report.unwrap_err();
    assert_eq!((kind, message.as_str()), (ErrorKind::DeployFailed, "task `migrate` ended with exit code 1"));
    assert_eq!(hash(&world, "api").await, before);
}

#[tokio::test(start_paused = true)]
async fn a_missing_image_is_found_before_anything_changes() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    folder.write(SECOND);
    folder.edit("compose.yaml", "tool:1", "tool:2");
    let world = world.with_image("tool:2");
    folder.deploy_as_it_is(&world.another()).await.report.unwrap();
    for name in world.image_names() {
        if name != "tool:2" {
            world.forget_image(&name);
        }
    }
    let process = world.another();
    let (kind, message) = folder.run(&process, Act::Rollback(None)).await.report.unwrap_err();
    assert_eq!(kind, ErrorKind::Failed);
    assert!(message.starts_with("release 1 of shop cannot be restored: the image "), "{message}");
    assert_eq!(process.effects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_step_ends_with_the_code_of_a_failed_deploy() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    let refused = TargetError::Refused { operation: "x".into(), status: 500, message: "full".into() };
    let process = world.another().fault_at(4, Fault::Refuse(refused));
    let (kind, _) = folder.run(&process, Act::Deploy(SECOND)).await.report.unwrap_err();
    assert_eq!(kind, ErrorKind::DeployFailed, "{:#?}", process.effect_names());
}

/// Where a check looks decides when it runs: the new side is checked before the switch, what was replaced in place after
/// it. The record keeps the attempts.
#[tokio::test(start_paused = true)]
async fn a_failed_check_leaves_the_previous_release() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    let before = (hash(&world, "api").await, hash(&world, "db").await);
    for (files, check, switches) in
        [(Files { api: "3", ..FIRST }, "api works", false), (Files { api: "two", db: "3", ..FIRST }, "db works", true)]
    {
        let process = world.another();
        let (kind, message) = folder.run(&process, Act::Deploy(files)).await.report.unwrap_err();
        assert_eq!(kind, ErrorKind::DeployFailed, "{message}");
        assert!(message.contains(&format!("check `{check}` failed")) && message.contains('3'), "{message}");
        let switched = process.effect_names().iter().any(|name| name.starts_with("switch "));
        assert_eq!(switched, switches, "{:?}", process.effect_names());
        assert_eq!((hash(&world, "api").await, hash(&world, "db").await), before);
        let last = history(&world.load_records(PROJECT).await.unwrap(), None).pop().unwrap();
        assert_eq!(last.evidence.len(), 1, "{last:?}");
        assert!(last.evidence[0].attempts.iter().all(|line| line.contains('3')), "{:?}", last.evidence);
        assert!(!last.evidence[0].attempts.is_empty());
    }
    assert_eq!(statuses(&world).await.last(), Some(&ReleaseStatus::Failed));
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
    assert_ne!(hash(&world, "api").await, before.0);
}

/// A release whose stored configuration cannot be read keeps nobody from deploying, or from going back further.
#[tokio::test(start_paused = true)]
async fn a_release_with_a_damaged_or_missing_configuration_is_followed_by_a_new_one() {
    for (bytes, reason) in [(&b"{"[..], "is damaged"), (b"", "was removed")] {
        let (world, folder) = shop().await;
        folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
        let first = hash(&world, "api").await;
        folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
        world.set_configuration(PROJECT, 2, bytes);
        let said = format!("release 2 cannot be used: its configuration {reason}");
        let refused = folder.run(&world.another(), Act::Start(SECOND)).await.report.unwrap_err();
        assert_eq!(refused, (ErrorKind::Failed, said.clone()));
        let third = folder.run(&world.another(), Act::Deploy(Files { api: "three", ..SECOND })).await;
        assert_eq!(third.report.unwrap()["revision"].as_u64(), Some(3));
        assert!(third.warnings.iter().any(|warning| warning.starts_with(&said)), "{:?}", third.warnings);
        let refused = folder.run(&world.another(), Act::Rollback(None)).await.report.unwrap_err();
        assert_eq!(refused, (ErrorKind::Failed, said));
        folder.run(&world.another(), Act::Rollback(Some(1))).await.report.unwrap();
        assert_eq!(hash(&world, "api").await, first);
    }
}

/// An engine that goes away in the middle leaves a part of the steps: the next deploy finishes them.
#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_in_the_middle_is_more_than_a_failed_connection() {
    let (world, folder) = shop().await;
    folder.run(&world.another(), Act::Deploy(FIRST)).await.report.unwrap();
    let gone = || {
        let (address, reason) = ("unix:///engine.sock".to_owned(), "connection refused".to_owned());
        Fault::Refuse(TargetError::Unreachable { address, reason })
    };
    let lost = (8..80).fold(world.another(), |engine, at| engine.fault_at(at, gone()));
    let (kind, message) = folder.run(&lost, Act::Deploy(SECOND)).await.report.unwrap_err();
    assert_eq!(kind, ErrorKind::Partial, "{message}");
    assert!(message.starts_with("lost the connection to the engine during `deploy`, after "), "{message}");
    folder.run(&world.another(), Act::Deploy(SECOND)).await.report.unwrap();
}

/// Cleaning up after earlier releases is left to the next one: by itself it would be one, and push out the oldest that is kept.
#[tokio::test(start_paused = true)]
async fn deploys_without_a_change_make_no_release_however_many_are_kept() {
    let (world, folder) = shop().await;
    let rounds = ["one", "two", "three", "four", "five", "six", "seven"];
    for api in rounds {
        drop(world.another().with_image("tool:1"));
        folder.run(&world.another(), Act::Deploy(Files { api, ..FIRST })).await.report.unwrap();
    }
    let last = Act::Deploy(Files { api: "seven", ..FIRST });
    let process = world.another();
    let report = folder.run(&process, last).await.report.unwrap();
    assert_eq!((report["changed"].as_bool(), process.effects()), (Some(false), 0));
    assert_eq!(statuses(&world).await.len(), rounds.len());
    // The newest five are kept, however often two of them take turns.
    for to in [6, 7, 6] {
        folder.run(&world.another(), Act::Rollback(Some(to))).await.report.unwrap();
    }
    for to in [4, 5] {
        let report = folder.run(&world.another(), Act::Rollback(Some(to))).await.report.unwrap();
        assert_eq!(report["changed"].as_bool(), Some(true), "{to}: {report}");
    }
}
