//! What comes after what, and what is left for the next change.

use super::*;
use crate::plan::StepId;

/// A worker without a route: it is replaced in place, and nothing needs it.
fn with_worker() -> World {
    let mut world = World::running();
    world.service("worker", |service| service.healthcheck = Some(healthy()));
    world.container("worker", 1);
    assert_eq!(world.lines(), "");
    world
}

#[test]
fn a_service_that_is_replaced_in_place_waits_until_the_new_sides_are_ready() {
    let mut world = with_worker();
    world.outdated("api");
    world.outdated("worker");
    let plan = world.plan_after(Plan::default());
    let step = |words: &str| plan.lines().iter().position(|line| line.starts_with(words)).unwrap();
    let stop = step("stop container shop-worker-1");
    let ready = step("await health container shop-api-2");
    assert!(plan.steps[stop].after.contains(&StepId(ready)), "{:#?}", plan.lines());
    // What the new side needs comes before it.
    world.outdated("db");
    let plan = world.plan_after(Plan::default());
    let step = |words: &str| plan.lines().iter().position(|line| line.starts_with(words)).unwrap();
    assert!(step("stop container shop-db-1") < step("start container shop-api-2"));
}

#[test]
fn images_that_are_no_longer_kept_make_no_change_of_their_own() {
    let mut world = World::running();
    let tag = "shop-api:release-0123456789ab";
    let image = world.observed.images.values().next().unwrap().clone();
    world.observed.images.insert(tag.to_owned(), image);
    world.forget = BTreeSet::from([tag.to_owned()]);
    assert_eq!(world.lines(), "");
    world.outdated("api");
    assert!(world.lines().ends_with(&format!("r remove image {tag}: its release was removed")), "{}", world.lines());
}

#[test]
fn checks_of_new_containers_come_before_the_switch_and_others_after_it() {
    let mut world = World::running();
    let of = [("api works", Some("api")), ("db works", Some("db")), ("home", Some("nginx")), ("all", None)];
    let own = of.map(|(name, service)| (name, service, false));
    for (name, service, recognised) in own.into_iter().chain([("nginx answers", Some("nginx"), true)]) {
        let (name, service) = (name.to_owned(), service.map(str::to_owned));
        world.checks.push(DeployCheck { name, service, recognised, timeout: Duration::from_secs(9) });
    }
    world.bake = Duration::from_secs(300);
    assert_eq!(world.plan_after(Plan::default()).steps, [], "nothing changes");
    world.outdated("api");
    let lines = world.plan_after(Plan::default()).lines();
    let at = |part: &str| lines.iter().position(|line| line.contains(part));
    let switch = at("switch traffic of api to green").unwrap();
    assert!(at("check `api works` on shop-api-2: its container is new").unwrap() < switch, "{lines:#?}");
    assert!(at("check `home` on shop-nginx-1: it leads to new containers").unwrap() > switch, "{lines:#?}");
    assert!(at("check `all`: a new release serves").unwrap() > switch, "{lines:#?}");
    let (bake, drain) =
        (at("bake shop-api-2 for 300s: requests were switched").unwrap(), at("drain connections to shop-api-1"));
    assert!(at("check `all`").unwrap() < bake && bake < drain.unwrap(), "{lines:#?}");
    assert_eq!((at("db works"), at("nginx answers")), (None, None), "their containers stay");
    let removed = at("remove container shop-api-1").unwrap();
    assert!(at("check `all`").unwrap() < removed, "{lines:#?}");
}
