//! What converge plans, as the steps in words.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::compose::hash::config_hash;
use crate::compose::model::{Condition, Dependency, HealthTest, Healthcheck, Network, ServicePort};
use crate::compose::model::{Service, Stack};
use crate::plan::content::ServiceContent;
use crate::plan::{DockerContainer, Health, InstanceState, ObservedImage, ObservedNetwork, ObservedPort, labels};

mod handovers_and_images;
mod rolling;
mod switches;

struct World {
    stack: Stack,
    observed: Observed,
    contents: BTreeMap<String, ServiceContent>,
    options: ConvergeOptions,
}

impl World {
    fn new() -> Self {
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        stack.networks.insert("default".into(), Network { name: "shop_default".into(), ..Default::default() });
        let options = ConvergeOptions { wait: true, ..Default::default() };
        Self { stack, observed: Observed::default(), contents: BTreeMap::new(), options }
    }

    fn service(&mut self, name: &str, configure: impl FnOnce(&mut Service)) -> &mut Self {
        let mut service = Service { image: format!("{name}:1"), ..Default::default() };
        service.networks.insert("default".into(), None);
        configure(&mut service);
        self.stack.services.insert(name.into(), service);
        let image = ObservedImage { id: format!("sha256:{name}"), ..Default::default() };
        self.observed.images.insert(format!("{name}:1"), image);
        self
    }

    fn network(&mut self) {
        let labels = [(labels::PROJECT.to_owned(), "shop".to_owned())].into();
        let network = ObservedNetwork { id: "n1".into(), name: "shop_default".into(), labels, driver: "bridge".into() };
        self.observed.networks.push(network);
    }

    /// A running container that is exactly what its service wants.
    fn container(&mut self, service: &str, number: u32) -> &mut ObservedInstance {
        let wanted = &self.stack.services[service];
        self.observed.instances.push(ObservedInstance {
            id: format!("{}{number:02}", hex::encode(service)).repeat(64)[..64].to_owned(),
            name: wanted.container_name("shop", service, number),
            service: service.into(),
            number,
            state: InstanceState::Running,
            health: if wanted.healthcheck.is_some() { Health::Healthy } else { Health::None },
            docker: DockerContainer {
                config_hash: Some(config_hash(wanted)),
                image_id: format!("sha256:{service}"),
                networks: [("shop_default".to_owned(), ("n1".to_owned(), String::new()))].into(),
                ..Default::default()
            },
            ..Default::default()
        });
        self.observed.instances.last_mut().unwrap()
    }

    /// All services, as `start` without names wants them.
    fn wanted<'a>(&'a self, selected: &'a BTreeSet<String>) -> Wanted<'a> {
        Wanted {
            stack: &self.stack,
            selected,
            contents: &self.contents,
            env_files: &[],
            version: "0",
            options: &self.options,
        }
    }

    fn selected(&self) -> BTreeSet<String> {
        self.stack.services.keys().cloned().collect()
    }

    fn plan(&self) -> Plan {
        plan_converge(&self.wanted(&self.selected()), &self.observed).unwrap()
    }

    fn lines(&self) -> String {
        let plan = self.plan();
        let lines = plan.lines().into_iter().zip(&plan.steps).enumerate().map(|(i, (line, s))| {
            let after: Vec<String> = s.after.iter().map(|a| a.0.to_string()).collect();
            format!("{i} {line} <- [{}]", after.join(" "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn healthy(service: &mut Service) {
    let test = HealthTest(vec!["CMD".into(), "true".into()]);
    service.healthcheck = Some(Healthcheck { test, ..Default::default() });
}

fn waits_for(service: &mut Service, name: &str, condition: Condition) {
    service.depends_on.insert(name.into(), Dependency { condition, required: true, ..Default::default() });
}

#[test]
fn a_first_start_creates_everything_at_once_and_starts_in_order() {
    let mut world = World::new();
    world.service("db", healthy);
    world.service("api", |s| waits_for(s, "db", Condition::ServiceHealthy));
    insta::assert_snapshot!(world.lines(), @"
    0 create network shop_default: it does not exist <- []
    1 create container shop-db-1: it does not exist <- [0]
    2 start container shop-db-1: it was created <- [1]
    3 await health container shop-db-1: it was started <- [2]
    4 create container shop-api-1: it does not exist <- [0]
    5 start container shop-api-1: it was created <- [3 4]
    6 await container shop-api-1: it was started <- [5]
    ");
}

#[test]
fn unchanged_means_nothing_is_touched() {
    let mut world = World::new();
    world.service("db", healthy);
    world.service("api", |s| waits_for(s, "db", Condition::ServiceHealthy));
    world.network();
    world.container("db", 1);
    world.container("api", 1);
    assert!(world.plan().is_empty(), "{}", world.lines());
}

#[test]
fn a_changed_service_is_replaced_and_the_old_container_comes_back_when_the_new_one_cannot_start() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.network();
    world.container("api", 1).docker.config_hash = Some("other".into());
    insta::assert_snapshot!(world.lines(), @"
    0 create container 617069016170_shop-api-1: configuration changed <- []
    1 stop container shop-api-1: it is being replaced <- [0]
    2 start container 617069016170_shop-api-1: configuration changed <- [0 1]
    3 await container 617069016170_shop-api-1: it was started <- [2]
    4 remove container shop-api-1: it was replaced <- [0 1 2]
    5 rename container 617069016170_shop-api-1 to shop-api-1: the old container gave up the name <- [4]
    ");
    let plan = world.plan();
    assert!(matches!(&plan.steps[1].undo[..], [Operation::Container(ContainerOperation::Start { .. })]));
    assert_eq!(plan.steps[1].undo_unless, [StepId(2)]);
    assert!(matches!(&plan.steps[0].undo[..], [Operation::Container(ContainerOperation::Remove { .. })]));
    assert_eq!(plan.steps[0].undo_unless, [StepId(2)]);
}

#[test]
fn changed_image_and_content_replace_with_their_cause() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.network();
    world.container("api", 1).docker.image_id = "sha256:old".into();
    assert!(world.lines().contains("create container 617069016170_shop-api-1: image changed"));
    let container = &mut world.observed.instances[0];
    container.docker.image_id = "sha256:api".into();
    container.labels.insert(labels::CONTENT.into(), "old".into());
    let content = ServiceContent { digest: Some("new".into()), ..Default::default() };
    world.contents.insert("api".into(), content);
    assert!(world.lines().contains("content of its configs, secrets or mounted files changed"));
    world.observed.instances[0].labels.clear();
    assert!(world.plan().is_empty(), "a container Compose made has no content label and stays");
}

#[test]
fn scaling_down_retires_the_highest_numbers_and_scaling_up_fills_the_gaps() {
    let mut world = World::new();
    world.service("api", |s| s.scale = Some(2));
    world.network();
    for number in [2, 3, 4] {
        world.container("api", number);
    }
    insta::assert_snapshot!(world.lines(), @"
    0 stop container shop-api-4: api is scaled to 2 <- []
    1 remove container shop-api-4: api is scaled to 2 <- [0]
    ");
    world.observed.instances.truncate(1);
    assert!(world.lines().contains("create container shop-api-1"));
}

#[test]
fn a_finished_one_shot_is_run_again_only_with_what_waits_for_it() {
    let mut world = World::new();
    world.service("migrate", |_| {});
    world.service("api", |s| waits_for(s, "migrate", Condition::ServiceCompletedSuccessfully));
    world.network();
    world.container("api", 1);
    let job = world.container("migrate", 1);
    (job.state, job.exit_code) = (InstanceState::Exited, Some(0));
    assert!(world.plan().is_empty(), "{}", world.lines());
    world.observed.instances[0].state = InstanceState::Exited;
    let lines = world.lines();
    assert!(lines.contains("start container shop-migrate-1") && lines.contains("await completion"), "{lines}");
}

#[test]
fn orphans_are_named_and_removed_only_when_asked() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.service("old", |_| {});
    world.network();
    world.container("api", 1);
    world.container("old", 1);
    world.stack.services.remove("old");
    let plan = world.plan();
    assert!(plan.is_empty() && plan.warnings[0].contains("shop-old-1"), "{:?}", plan.warnings);
    world.options.remove_orphans = true;
    assert!(world.lines().contains("remove container shop-old-1: its service is not defined in the compose files"));
}

#[test]
fn services_that_only_the_present_release_has_are_removed_and_other_orphans_stay() {
    let mut world = World::new();
    for name in ["api", "old", "foreign"] {
        world.service(name, |_| {});
    }
    world.network();
    for name in ["api", "old", "foreign"] {
        world.container(name, 1);
    }
    world.stack.services.retain(|name, _| name == "api");
    world.options.dropped_services.insert("old".into());
    let lines = world.lines();
    assert!(lines.contains("remove container shop-old-1: the release does not have its service"), "{lines}");
    assert!(!lines.contains("container shop-foreign-1"), "{lines}");
    let plan = world.plan();
    assert!(plan.warnings.iter().any(|w| w.contains("shop-foreign-1")) && !plan.warnings[0].contains("shop-old-1"));
}

#[test]
fn an_interrupted_replacement_is_finished() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.network();
    world.container("api", 1).state = InstanceState::Exited;
    let new = world.container("api", 1);
    new.id = "f".repeat(64);
    new.name = "617069016170_shop-api-1".into();
    new.labels.insert(labels::REPLACE.into(), "shop-api-1".into());
    insta::assert_snapshot!(world.lines(), @"
    0 remove container shop-api-1: left over from an interrupted replacement <- []
    1 rename container 617069016170_shop-api-1 to shop-api-1: its replacement was interrupted before the last step <- [0]
    ");
}

#[test]
fn a_missing_external_network_is_an_error_with_a_hint() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.stack.networks.get_mut("default").unwrap().external = true;
    let error = plan_converge(&world.wanted(&world.selected()), &world.observed).unwrap_err();
    assert_eq!(error.to_string(), "network `shop_default` is declared external and does not exist");
}

#[test]
fn a_changed_network_is_renewed_after_its_containers_let_go() {
    let mut world = World::new();
    world.service("api", |_| {});
    world.network();
    world.observed.networks[0].labels.insert(labels::CONFIG_HASH.into(), "other".into());
    world.container("api", 1);
    insta::assert_snapshot!(world.lines(), @"
    0 stop container shop-api-1: configuration of network shop_default changed <- []
    1 remove container shop-api-1: configuration of network shop_default changed <- [0]
    2 remove network shop_default: configuration of network shop_default changed <- [1]
    3 create network shop_default: configuration of network shop_default changed <- [2]
    4 create container shop-api-1: its network is recreated <- [3]
    5 start container shop-api-1: it was created <- [4]
    6 await container shop-api-1: it was started <- [5]
    ");
}

#[test]
fn a_shared_namespace_follows_the_container_it_lives_in() {
    let mut world = World::new();
    world.service("vpn", |_| {});
    world.service("client", |s| {
        s.networks.clear();
        s.network_mode = "service:vpn".into();
        waits_for(s, "vpn", Condition::ServiceStarted);
    });
    let plan = world.plan();
    let client = plan.steps.iter().find_map(|s| match &s.operation {
        Operation::Container(ContainerOperation::Create(spec)) if spec.service_name == "client" => Some(spec),
        _ => None,
    });
    assert_eq!(client.unwrap().network_mode.as_deref(), Some("container:shop-vpn-1"));
}

#[test]
fn a_dependent_with_restart_follows_its_replaced_dependency() {
    let mut world = World::new();
    world.service("db", |_| {});
    world.service("api", |s| {
        waits_for(s, "db", Condition::ServiceStarted);
        s.depends_on.get_mut("db").unwrap().restart = true;
    });
    world.network();
    world.container("db", 1).docker.config_hash = Some("other".into());
    world.container("api", 1);
    assert!(world.lines().contains("restart container shop-api-1: db was replaced"), "{}", world.lines());
}

/// Where a step stands in the plan's lines.
#[track_caller]
fn at(plan: &Plan, words: &str) -> StepId {
    let lines = plan.lines();
    let found = lines.iter().position(|line| line.starts_with(words));
    StepId(found.unwrap_or_else(|| panic!("no `{words}` in {lines:#?}")))
}
