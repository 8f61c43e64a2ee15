//! Which side serves, and what becomes of the other.

use super::*;

#[test]
fn where_the_side_of_the_proxy_has_no_container_the_other_is_used_or_a_new_one_made_there() {
    let mut world = World::running();
    world.proxy(&["api"]);
    assert!(world.lines().contains("switch traffic of api to blue"), "{}", world.lines());
    world.observed.instances.retain(|c| c.service != "api");
    let lines = world.lines();
    assert!(lines.contains("create container shop-api-2") && !lines.contains("switch traffic"), "{lines}");
}

#[test]
fn a_side_that_is_kept_is_started_where_it_was_stopped() {
    let mut world = World::running();
    world.proxy(&["api"]);
    world.container("api", 2);
    world.outdated("api");
    world.other_side = OtherSide::Keep;
    assert_eq!(world.lines(), "", "both sides run");
    let old = world.observed.instances.iter_mut().find(|c| c.name == "shop-api-1").unwrap();
    (old.state, old.exit_code) = (InstanceState::Exited, Some(137));
    let lines = world.lines();
    assert!(lines.contains("start container shop-api-1: it is not running, it exited with 137"), "{lines}");
    assert!(!lines.contains("remove") && !lines.contains("switch traffic"), "{lines}");
}

#[test]
fn memory_limits_of_both_sides_are_held_against_the_host() {
    let mut world = World::running();
    world.outdated("api");
    let warnings = |world: &World| world.plan_after(Plan::default()).warnings.join("\n");
    world.stack.services.get_mut("api").unwrap().mem_limit.0 = 600 << 20;
    world.observed.engine.memory = 1000 << 20;
    let said = warnings(&world);
    assert!(said.contains("memory limits total 1200 MiB, including 600 MiB for old containers"), "{said}");
    world.observed.engine.memory = 1200 << 20;
    assert_eq!(warnings(&world), "");
    // Unknown.
    world.observed.engine.memory = 0;
    assert_eq!(warnings(&world), "");
}
