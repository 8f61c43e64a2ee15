//! Requests to a routed service that is replaced in place.

use super::*;

/// The database has a route of its own, and its container is outdated.
fn world() -> World {
    let mut world = World::running();
    world.routes = &[("api", "/"), ("db", "/db")];
    world.observed.engine.architecture = "x86_64".into();
    world.outdated("db");
    world
}

#[test]
fn they_are_held_until_the_new_container_answers() {
    let world = world();
    insta::assert_snapshot!(world.lines(), @"
    p create container 646201646201_shop-db-1: configuration changed
    s hold requests to db for at most 30s: its container is about to be replaced
    s drain connections to shop-db-1: requests under way may end
    s stop container shop-db-1: it is being replaced
    s start container 646201646201_shop-db-1: configuration changed
    s await health container 646201646201_shop-db-1: it was started
    s probe 646201646201_shop-db-1 at /db by a plain request: requests to it are held
    s release requests to db: its new container is ready
    p tag image db:1 as shop-db: it is kept for rollbacks
    r remove container shop-db-1: it was replaced
    r rename container 646201646201_shop-db-1 to shop-db-1: the old container gave up the name
    ");
    let plan = world.plan_after(Plan::default());
    assert!(
        plan.warnings[0].starts_with("requests to db wait while it is replaced, at most 30s"),
        "{:?}",
        plan.warnings
    );
    let operations = |found: &[Operation]| found.iter().map(|o| o.describe(&plan.names).infinitive).collect::<Vec<_>>();
    let undo = |verb: &str| {
        let step = plan.steps.iter().find(|step| step.operation.describe(&plan.names).infinitive == verb).unwrap();
        (step.tolerant, operations(&step.undo))
    };
    assert_eq!(undo("hold"), (true, vec!["probe", "release"]));
    assert_eq!(undo("release"), (false, vec!["hold"]));
}

#[test]
fn they_are_not_held_where_the_proxy_cannot() {
    let gap = |world: &World| {
        let plan = world.plan_after(Plan::default());
        assert!(!lines(&plan).contains("hold requests"), "{}", lines(&plan));
        plan.warnings.iter().any(|warning| warning.starts_with("db does not answer while it is replaced"))
    };
    let mut other_engine = world();
    other_engine.observed.engine.architecture = "riscv64".into();
    let mut earlier_configuration = world();
    earlier_configuration.configuration = "server { listen 81; }";
    let mut new_proxy = world();
    new_proxy.outdated("nginx");
    for world in [other_engine, earlier_configuration, new_proxy] {
        assert!(gap(&world));
    }
}

#[test]
fn one_service_is_held_at_a_time() {
    let mut world = world();
    world.routes = &[("api", "/"), ("db", "/db"), ("files", "/files")];
    world.service("files", |s| s.volumes.push(volume("data", "/data")));
    world.container("files", 1);
    world.outdated("files");
    let plan = world.plan_after(Plan::default());
    let steps = plan.steps.iter().enumerate();
    let of = |verb: &str| {
        steps
            .clone()
            .filter(|(_, s)| s.operation.describe(&plan.names).infinitive == verb)
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
    };
    let (holds, releases) = (of("hold"), of("release"));
    assert!(holds.len() == 2 && releases.len() == 2, "{}", lines(&plan));
    assert!(plan.steps[holds[1]].after.iter().any(|before| before.0 == releases[0]), "{}", lines(&plan));
}

#[test]
fn a_hold_that_an_interrupted_deploy_left_is_ended() {
    let mut world = World::running();
    world.observed.proxy.as_mut().unwrap().held.insert("db".into());
    assert_eq!(world.lines(), "s release requests to db: left over from an interrupted operation");
}
