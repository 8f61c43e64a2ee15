//! The turns in which replicas are replaced.

use super::*;
use crate::compose::model::{Deploy, Float32, GoDuration, UpdateConfig};

fn config(parallelism: u64) -> UpdateConfig {
    UpdateConfig { parallelism: Some(parallelism), ..Default::default() }
}

/// Four replicas whose configuration changed.
fn world(rolling: Rolling, config: Option<UpdateConfig>) -> World {
    let mut world = World::new();
    world.network();
    world.service("api", |service| {
        let deploy = Deploy { replicas: Some(4), update_config: config.clone(), ..Default::default() };
        service.deploy = Some(Deploy { rollback_config: config, ..deploy });
    });
    for number in 1..=4 {
        world.container("api", number).docker.config_hash = Some("old".to_owned());
    }
    world.options.rolling = rolling;
    world
}

/// Whether a step waits for another, directly or not.
fn waits(plan: &Plan, step: usize, other: usize) -> bool {
    let after = &plan.steps[step].after;
    after.iter().any(|before| before.0 == other || waits(plan, before.0, other))
}

/// The step with this verb on the new or old container with a number.
fn step(plan: &Plan, (verb, is_new): (&str, bool), number: u32) -> usize {
    let name = format!("shop-api-{number}");
    let is = |line: &String| {
        let line = line.split(": ").next().unwrap_or_default();
        line.starts_with(&format!("{verb} container")) && line.ends_with(&name) && line.contains('_') == is_new
    };
    plan.lines().iter().position(is).unwrap_or_else(|| panic!("{verb} {name}: {:#?}", plan.lines()))
}

const NEW: bool = true;
const OLD: bool = false;

#[test]
fn replicas_are_replaced_in_turns_and_all_at_once_by_a_start() {
    let plan = world(Rolling::Update, Some(config(2))).plan();
    let ready = |number| step(&plan, ("await", NEW), number);
    assert!(!waits(&plan, step(&plan, ("stop", OLD), 2), ready(1)));
    for before in [1, 2] {
        assert!(waits(&plan, step(&plan, ("stop", OLD), 3), ready(before)));
        assert!(waits(&plan, step(&plan, ("stop", OLD), 4), ready(before)));
    }
    assert!(waits(&plan, step(&plan, ("start", NEW), 1), step(&plan, ("stop", OLD), 1)));
    // One after the other where nothing is said, all of them at 0 and by a start.
    let follow = |rolling, config| {
        let plan = world(rolling, config).plan();
        (2..=4).all(|n| waits(&plan, step(&plan, ("stop", OLD), n), step(&plan, ("await", NEW), n - 1)))
    };
    assert!(follow(Rolling::Update, None) && follow(Rolling::Rollback, Some(config(1))));
    assert!(!follow(Rolling::Update, Some(config(0))) && !follow(Rolling::Off, Some(config(1))));
    let said = world(Rolling::Off, Some(config(1))).plan().warnings;
    assert!(said.iter().any(|warning| warning.contains("only `aictl deploy` follows update_config")), "{said:?}");
    assert_eq!(world(Rolling::Off, None).plan().warnings, [""; 0]);
}

#[test]
fn a_new_container_may_start_first_and_is_monitored_and_a_turn_is_followed_by_the_delay() {
    let seconds = |seconds: i64| GoDuration(seconds * 1_000_000_000);
    let config = UpdateConfig {
        order: "start-first".into(),
        delay: seconds(7),
        monitor: seconds(9),
        max_failure_ratio: Float32(0.5),
        ..config(2)
    };
    let plan = world(Rolling::Update, Some(config)).plan();
    for number in 1..=4 {
        assert!(waits(&plan, step(&plan, ("stop", OLD), number), step(&plan, ("await", NEW), number)));
    }
    let lines = plan.lines();
    let pauses: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].starts_with("pause 7s")).collect();
    assert_eq!(pauses.len(), 1, "{lines:#?}");
    assert!(waits(&plan, pauses[0], step(&plan, ("stop", OLD), 2)));
    assert!(waits(&plan, step(&plan, ("start", NEW), 3), pauses[0]));
    let ready = &plan.steps[step(&plan, ("await", NEW), 3)];
    let wait = serde_json::to_value(&ready.operation).unwrap();
    assert_eq!(wait["wait"]["ready"]["monitor"]["secs"], 9, "{wait}");
    assert_eq!(ready.allowance.as_ref().map(|allowance| allowance.most), Some(2));
    let stop = &plan.steps[step(&plan, ("stop", OLD), 3)];
    assert_eq!((stop.allowance.as_ref(), stop.undo.len()), (None, 1));
}
