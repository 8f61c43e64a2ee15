//! Ports that move, shared namespaces, links, and what depends on how an image turns out.
//! Plans of small worlds, as the rest of the tests.
//! The world is that of the parent.

use super::*;

fn publishes(service: &mut Service, host_ip: &str, published: &str) {
    let (host_ip, published) = (host_ip.to_owned(), published.to_owned());
    service.ports = vec![ServicePort { host_ip, published, target: 80, ..Default::default() }];
}

#[test]
fn who_holds_a_port_that_moves_lets_go_before_the_other_starts() {
    let mut world = World::new();
    world.service("old", |s| publishes(s, "", "8000"));
    world.network();
    let port = ObservedPort { target: 80, protocol: "tcp".into(), host: "0.0.0.0".into(), published: 8000 };
    world.container("old", 1).ports = vec![port];
    world.service("new", |s| publishes(s, "127.0.0.1", "8000"));
    let plan = world.plan();
    assert!(!plan.lines().iter().any(|l| l.starts_with("stop")), "both want it, and the files are wrong: {plan:?}");

    world.service("old", |_| {});
    let plan = world.plan();
    let (stop, start) = (at(&plan, "stop container shop-old-1"), at(&plan, "start container shop-new-1"));
    assert!(plan.steps[start.0].after.contains(&stop), "{:#?}", plan.lines());
    assert_eq!(plan.lines().iter().filter(|l| l.starts_with("stop")).count(), 1, "{:#?}", plan.lines());
    assert!(plan.steps[stop.0].undo_unless.contains(&start), "it cannot come back once the port is taken");

    world.stack.services.remove("old");
    assert!(!world.lines().contains("stop container"), "an orphan stays unless it is to go");
    world.options.remove_orphans = true;
    let plan = world.plan();
    let (stop, start) = (at(&plan, "stop container shop-old-1"), at(&plan, "start container shop-new-1"));
    let remove = at(&plan, "remove container shop-old-1");
    assert!(plan.steps[start.0].after.contains(&stop), "{:#?}", plan.lines());
    assert!(plan.steps[remove.0].after.contains(&start), "until then it may have to come back: {:#?}", plan.lines());
    assert!(matches!(&plan.steps[stop.0].undo[..], [Operation::Container(ContainerOperation::Start { .. })]));
}

#[test]
fn who_shares_a_namespace_is_restarted_with_it() {
    let mut world = World::new();
    world.service("host", |_| {});
    world.network();
    world.container("host", 1).started_at = Some("2026-01-01T00:00:00.5Z".into());
    let host = world.observed.instances[0].id.clone();
    let joined = format!("container:{host}");
    world.service("guest", |s| s.network_mode.clone_from(&joined));
    world.container("guest", 1).started_at = Some("2026-01-01T00:00:00.75Z".into());
    world.service("guest", |s| {
        s.network_mode = "service:host".into();
        waits_for(s, "host", Condition::ServiceStarted);
    });
    let hash = |mode: &str, world: &World| {
        let service = world.stack.services["guest"].clone();
        config_hash(&Service { network_mode: mode.to_owned(), ..service })
    };
    world.observed.instances[1].docker.config_hash = Some(hash(&joined, &world));
    assert!(world.plan().is_empty(), "{}", world.lines());
    world.observed.instances[0].started_at = Some("2026-01-01T00:00:01Z".into());
    assert!(world.lines().contains("restart container shop-guest-1: host, whose namespace it shares"));
    world.observed.instances[0].docker.config_hash = Some("other".into());
    let plan = world.plan();
    let stop = at(&plan, "stop container shop-host-1");
    let undo = &plan.steps[stop.0].undo;
    assert!(
        matches!(
            &undo[..],
            [
                Operation::Container(ContainerOperation::Start { .. }),
                Operation::Container(ContainerOperation::Restart { .. })
            ]
        ),
        "{undo:?}"
    );
}

#[test]
fn a_link_is_made_after_what_it_leads_to_and_a_wait_for_health_needs_a_check() {
    let mut world = World::new();
    world.service("web", |_| {});
    world.service("api", |s| {
        s.links = vec!["web:w".into()];
        waits_for(s, "web", Condition::ServiceHealthy);
    });
    let plan = world.plan();
    let (first, second) = (at(&plan, "create container shop-web-1"), at(&plan, "create container shop-api-1"));
    assert!(plan.steps[second.0].after.contains(&first), "{:#?}", plan.lines());
    assert!(plan.warnings[0].contains("until web is healthy"), "{:?}", plan.warnings);
}

#[test]
fn volumes_of_another_service_are_hashed_as_compose_does_and_keep_their_mode() {
    let mut world = World::new();
    world.service("data", |_| {});
    world.network();
    world.container("data", 1);
    let data = world.observed.instances[0].id.clone();
    world.service("side", |s| {
        s.volumes_from = vec!["data:ro".into(), "container:other:rw".into()];
        waits_for(s, "data", Condition::ServiceStarted);
    });
    let plan = world.plan();
    let create = at(&plan, "create container shop-side-1");
    let Operation::Container(ContainerOperation::Create(spec)) = &plan.steps[create.0].operation else {
        panic!("{create:?}")
    };
    assert_eq!(spec.volumes_from, [format!("{data}:ro"), "other:rw".to_owned()]);
    assert_eq!(spec.service.volumes_from, [data, "other".to_owned()]);
    assert_eq!(spec.labels[labels::CONFIG_HASH], config_hash(&spec.service));
}

/// The plan of a start whose image steps come first.
fn after_images(world: &World, images: &[&str]) -> Plan {
    let selected = world.stack.services.keys().cloned().collect();
    let wanted = Wanted {
        stack: &world.stack,
        selected: &selected,
        contents: &world.contents,
        env_files: &[],
        version: "0",
        options: &world.options,
    };
    let mut plan = Plan { project: "shop".into(), ..Default::default() };
    for image in images {
        let build = crate::plan::ImageOperation::Build {
            service: image.trim_end_matches(":1").to_owned(),
            image: (*image).to_owned(),
            build: Box::default(),
            platform: None,
            no_cache: false,
            pull: false,
        };
        plan.push(Phase::Prepare, build, "a build was requested", &[]);
    }
    plan_after_images(&wanted, &world.observed, plan, None).unwrap()
}

#[test]
fn a_build_announces_the_replacement_that_follows_when_the_image_changes() {
    let mut world = World::new();
    world.service("db", |_| {});
    world.service("api", |s| waits_for(s, "db", Condition::ServiceStarted));
    world.network();
    world.container("db", 1);
    world.container("api", 1);
    let plan = after_images(&world, &["api:1"]);
    let lines = plan.lines();
    assert_eq!(lines[0], "build image api:1 of api: a build was requested");
    assert!(lines.len() > 3, "{lines:#?}");
    for line in &lines[1..] {
        assert!(line.ends_with("(if image api:1 changed)"), "only the service of the image is touched: {lines:#?}");
    }
    assert_eq!(plan.out_of_order(), None);
    let changed = |id: &str| [("api:1".to_owned(), id.to_owned())].into();
    let guard = plan.steps[1].guard.as_ref().unwrap();
    assert!(guard.holds(&changed("sha256:other")) && !guard.holds(&changed("sha256:api")));
}

#[test]
fn a_stopped_container_is_started_or_replaced_as_its_image_turns_out() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.network();
    let container = world.container("api", 1);
    (container.state, container.exit_code) = (InstanceState::Exited, Some(1));
    let lines = after_images(&world, &["api:1"]).lines();
    assert!(
        lines.iter().any(|l| l.starts_with("start container") && l.ends_with("(unless image api:1 changed)")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|l| l.starts_with("create container") && l.ends_with("(if image api:1 changed)")),
        "{lines:#?}"
    );
}

#[test]
fn an_image_that_was_absent_decides_about_health_when_it_is_there() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.observed.images.clear();
    let plan = after_images(&world, &["api:1"]);
    assert!(plan.steps.iter().all(|step| step.guard.is_none()), "{:#?}", plan.lines());
    let by_image = |step: &crate::plan::Step| {
        matches!(
            &step.operation,
            Operation::Wait(crate::plan::WaitOperation::Ready {
                readiness: crate::plan::Readiness::ByImage { .. },
                ..
            })
        )
    };
    assert!(plan.steps.iter().any(by_image), "{:#?}", plan.lines());
}
