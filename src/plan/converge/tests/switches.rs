//! Switches that ask for a change, and which services they are for.

use std::collections::BTreeSet;

use super::*;
use crate::plan::ObservedMount;

/// `start --force-recreate -V app`: what app depends on is none of the switches' business, nor is its one-shot run again.
#[test]
fn switches_are_for_the_named_services_only() {
    let mut world = World::new();
    world.network();
    world.service("db", |_| ()).service("init", |_| ()).service("app", |s| {
        waits_for(s, "db", Condition::ServiceStarted);
        waits_for(s, "init", Condition::ServiceCompletedSuccessfully);
    });
    let anonymous = ObservedMount { kind: "volume".into(), source: "0".repeat(64), target: "/d".into() };
    world.container("db", 1).docker.mounts.push(anonymous.clone());
    let init = world.container("init", 1);
    (init.state, init.exit_code) = (InstanceState::Exited, Some(0));
    world.container("app", 1).docker.mounts.push(anonymous);
    world.options.named = ["app".to_owned()].into();
    assert_eq!(world.plan().lines(), [""; 0]);
    let touched = |world: &World| -> BTreeSet<String> {
        let lines = world.plan().lines();
        let services = ["db", "init", "app"].into_iter();
        services
            .filter(|name| lines.iter().any(|line| line.contains(&format!("shop-{name}-1"))))
            .map(str::to_owned)
            .collect()
    };
    world.options.recreate = Recreate::Always;
    assert_eq!(touched(&world), ["app".to_owned()].into());
    world.options.recreate = Recreate::Changed;
    world.options.renew_anonymous_volumes = true;
    assert_eq!(touched(&world), ["app".to_owned()].into(), "asked for though nothing else changed");
    world.options.named.clear();
    assert_eq!(touched(&world), ["app".to_owned(), "db".to_owned(), "init".to_owned()].into());
}
