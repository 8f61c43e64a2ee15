//! The plan of a deploy, its steps in words.

mod hold;
mod sides;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::compose::hash::config_hash;
use crate::compose::model::{
    Condition, Dependency, HealthTest, Healthcheck, Network, Service, ServicePort, Stack, Volume,
};
use crate::compose::model::{ServiceVolume, VolumeOptions};
use crate::plan::converge::{ConvergeOptions, Wanted};
use crate::plan::{
    ContainerOperation, DockerContainer, Health, ImageOperation, InstanceState, ObservedImage, ObservedInstance,
    ObservedMount, ObservedNetwork, ObservedPort, ObservedProxy, ObservedVolume, Operation, PROXY_FOLDER,
    ProxyOperation, labels,
};

const ROUTES: [(&str, &str); 1] = [("api", "/")];

struct World {
    stack: Stack,
    observed: Observed,
    pins: BTreeMap<String, String>,
    configuration: &'static str,
    routes: &'static [(&'static str, &'static str)],
    checks: Vec<DeployCheck>,
    bake: Duration,
    other_side: OtherSide,
    forget: BTreeSet<String>,
}

impl World {
    /// A proxy, an api behind it and a database; nothing runs yet.
    fn new() -> Self {
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        stack.networks.insert("default".into(), Network { name: "shop_default".into(), ..Default::default() });
        for key in ["aictl_proxy", "data"] {
            stack.volumes.insert(key.into(), Volume { name: format!("shop_{key}"), ..Default::default() });
        }
        let mut world = Self {
            stack,
            observed: Observed::default(),
            pins: BTreeMap::new(),
            configuration: "server {}",
            routes: &ROUTES,
            checks: vec![],
            bake: Duration::ZERO,
            other_side: OtherSide::Remove,
            forget: BTreeSet::new(),
        };
        world.service("db", |s| {
            s.healthcheck = Some(healthy());
            s.volumes.push(volume("data", "/data"));
        });
        world.service("api", |s| {
            s.healthcheck = Some(healthy());
            let healthy = Dependency { condition: Condition::ServiceHealthy, required: true, ..Default::default() };
            s.depends_on.insert("db".into(), healthy);
        });
        world.service("nginx", |s| {
            s.volumes.push(volume("aictl_proxy", PROXY_FOLDER));
            s.ports.push(ServicePort {
                target: 80,
                published: "8080".into(),
                protocol: "tcp".into(),
                ..Default::default()
            });
        });
        world
    }

    /// The same with all of it running and traffic on blue.
    fn running() -> Self {
        let mut world = Self::new();
        let labels: BTreeMap<String, String> = [(labels::PROJECT.to_owned(), "shop".to_owned())].into();
        world.observed.networks.push(ObservedNetwork {
            id: "n1".into(),
            name: "shop_default".into(),
            labels: labels.clone(),
            driver: "bridge".into(),
        });
        for name in ["shop_aictl_proxy", "shop_data"] {
            let (name, driver) = (name.to_owned(), "local".to_owned());
            world.observed.volumes.push(ObservedVolume { name, labels: labels.clone(), driver });
        }
        for service in ["db", "api", "nginx"] {
            world.container(service, 1);
        }
        world.proxy(&[]);
        world
    }

    fn service(&mut self, name: &str, configure: impl FnOnce(&mut Service)) {
        let mut service = Service { image: format!("{name}:1"), ..Default::default() };
        service.networks.insert("default".into(), None);
        configure(&mut service);
        self.stack.services.insert(name.into(), service);
        let image = ObservedImage { id: format!("sha256:{name}"), ..Default::default() };
        self.observed.images.insert(format!("{name}:1"), image);
    }

    fn proxy(&mut self, green: &[&str]) {
        let green = green.iter().map(|name| (*name).to_owned()).collect();
        self.observed.proxy =
            Some(ObservedProxy { configuration: Some("server {}".into()), green, ..Default::default() });
    }

    /// A running container that is exactly what its service wants.
    fn container(&mut self, service: &str, number: u32) -> &mut ObservedInstance {
        let wanted = &self.stack.services[service];
        let mounts = wanted.volumes.iter().map(|volume| ObservedMount {
            kind: "volume".into(),
            source: format!("shop_{}", volume.source),
            target: volume.target.clone(),
        });
        let ports = wanted.ports.iter().map(|port| ObservedPort {
            target: 80,
            protocol: "tcp".into(),
            host: "0.0.0.0".into(),
            published: port.published.parse().unwrap(),
        });
        self.observed.instances.push(ObservedInstance {
            id: format!("{}{number:02}", hex::encode(service)).repeat(64)[..64].to_owned(),
            name: format!("shop-{service}-{number}"),
            service: service.into(),
            number,
            state: InstanceState::Running,
            health: if wanted.healthcheck.is_some() { Health::Healthy } else { Health::None },
            ports: ports.collect(),
            docker: DockerContainer {
                config_hash: Some(config_hash(wanted)),
                image_id: format!("sha256:{service}"),
                networks: [("shop_default".to_owned(), ("n1".to_owned(), String::new()))].into(),
                mounts: mounts.collect(),
                ..Default::default()
            },
            ..Default::default()
        });
        self.observed.instances.last_mut().unwrap()
    }

    fn outdated(&mut self, service: &str) {
        let found = self.observed.instances.iter_mut().find(|c| c.service == service).unwrap();
        found.docker.config_hash = Some("other".into());
    }

    fn plan_after(&self, images: Plan) -> Plan {
        let selected: BTreeSet<String> = self.stack.services.keys().cloned().collect();
        let options = ConvergeOptions { wait: true, release: true, ..Default::default() };
        let wanted = Wanted {
            stack: &self.stack,
            selected: &selected,
            contents: &BTreeMap::new(),
            env_files: &[],
            version: "0",
            options: &options,
        };
        let routed = self.routes.iter().map(|(service, _)| ((*service).to_owned(), None)).collect();
        let proxy = WantedProxy {
            service: "nginx".into(),
            configuration: self.configuration.into(),
            fingerprint: self.configuration.into(),
            secret: "s".into(),
            paths: self
                .routes
                .iter()
                .map(|(name, path)| ((*name).to_owned(), vec![(80, (*path).to_owned())]))
                .collect(),
        };
        let deploy = Deploy {
            wanted: &wanted,
            strategies: &strategies(&self.stack, &routed).unwrap(),
            proxy: Some(&proxy),
            tasks: &[],
            checks: &self.checks,
            pins: &self.pins,
            drain: Duration::from_secs(30),
            bake: self.bake,
            other_side: &self.other_side,
            keep_all: false,
            forget: &self.forget,
        };
        let plan = plan_deploy(&deploy, images, &self.observed).unwrap();
        assert_eq!(plan.out_of_order(), None, "{:#?}", plan.lines());
        plan
    }

    fn lines(&self) -> String {
        lines(&self.plan_after(Plan::default()))
    }
}

fn lines(plan: &Plan) -> String {
    let phase = |phase| match phase {
        Phase::Prepare => 'p',
        Phase::Switch => 's',
        Phase::Retire => 'r',
    };
    let line = |(line, step): (String, &crate::plan::Step)| format!("{} {line}", phase(step.phase));
    plan.lines().into_iter().zip(&plan.steps).map(line).collect::<Vec<_>>().join("\n")
}

fn healthy() -> Healthcheck {
    Healthcheck { test: HealthTest(vec!["CMD".into(), "true".into()]), ..Default::default() }
}

fn volume(source: &str, target: &str) -> ServiceVolume {
    let volume = Some(VolumeOptions::default());
    ServiceVolume {
        r#type: "volume".into(),
        source: source.into(),
        target: target.into(),
        volume,
        ..Default::default()
    }
}

#[test]
fn unchanged_means_an_empty_plan_on_either_side() {
    let mut world = World::running();
    assert_eq!(world.lines(), "");
    world.observed.instances.retain(|c| c.service != "api");
    world.container("api", 2);
    world.proxy(&["api"]);
    assert_eq!(world.lines(), "");
}

#[test]
fn a_changed_service_gets_a_second_side_and_nothing_goes_before_the_switch_was_verified() {
    let mut world = World::running();
    world.outdated("api");
    insta::assert_snapshot!(world.lines(), @"
    p create container shop-api-2: configuration changed
    p start container shop-api-2: configuration changed
    p await health container shop-api-2: it was started
    p tag image api:1 as shop-api: it is kept for rollbacks
    p probe shop-api-2 at / by the probe header: its requests are to be switched
    s switch traffic of api to green: the new side answers
    s probe shop-api-2 at / by a plain request: its requests were switched
    s drain connections to shop-api-1: its connections may end by themselves
    r stop container shop-api-1: it was replaced
    r remove container shop-api-1: it was replaced
    ");
    let plan = world.plan_after(Plan::default());
    let retiring = plan.steps.iter().filter(|step| step.phase == Phase::Retire);
    let before = plan.steps.iter().filter(|step| step.phase != Phase::Retire).count();
    for step in retiring {
        assert_eq!(step.after.iter().filter(|id| id.0 < before).count(), before, "{step:?}");
    }
    let switch = plan.steps.iter().find(|s| matches!(s.operation, Operation::Proxy(ProxyOperation::Switch { .. })));
    let back = &switch.unwrap().undo;
    assert!(matches!(&back[0], Operation::Proxy(ProxyOperation::Switch { green, .. }) if green.is_empty()));
    assert!(matches!(&back[1], Operation::Proxy(ProxyOperation::Drain { container, .. }) if container == "shop-api-2"));
}

#[test]
fn a_service_replaced_in_place_comes_back_until_the_first_removal() {
    let mut world = World::running();
    world.outdated("db");
    insta::assert_snapshot!(world.lines(), @"
    p create container 646201646201_shop-db-1: configuration changed
    s stop container shop-db-1: it is being replaced
    s start container 646201646201_shop-db-1: configuration changed
    s await health container 646201646201_shop-db-1: it was started
    p tag image db:1 as shop-db: it is kept for rollbacks
    r remove container shop-db-1: it was replaced
    r rename container 646201646201_shop-db-1 to shop-db-1: the old container gave up the name
    ");
    let plan = world.plan_after(Plan::default());
    let first = plan.steps.iter().position(|step| step.phase == Phase::Retire).unwrap();
    for step in plan.steps.iter().filter(|step| !step.undo.is_empty()) {
        assert!(step.undo_unless.iter().all(|id| id.0 >= first), "{step:?}");
    }
    let start =
        plan.steps.iter().find(|s| matches!(s.operation, Operation::Container(ContainerOperation::Start { .. })));
    assert!(matches!(&start.unwrap().undo[..], [Operation::Container(ContainerOperation::Remove { .. })]));
}

#[test]
fn a_first_deploy_writes_the_configuration_before_the_proxy_starts() {
    insta::assert_snapshot!(World::new().lines(), @"
    p create network shop_default: it does not exist
    p create volume shop_aictl_proxy: it does not exist
    p create volume shop_data: it does not exist
    p create container shop-db-1: it does not exist
    s start container shop-db-1: it was created
    s await health container shop-db-1: it was started
    p create container shop-api-1: it does not exist
    s start container shop-api-1: it does not exist
    s await health container shop-api-1: it was started
    p create container shop-nginx-1: it does not exist
    p write configuration of proxy shop-nginx-1: it reads it when it starts
    s start container shop-nginx-1: it was created
    s await container shop-nginx-1: it was started
    p tag image api:1 as shop-api: it is kept for rollbacks
    p tag image db:1 as shop-db: it is kept for rollbacks
    p tag image nginx:1 as shop-nginx: it is kept for rollbacks
    s probe shop-api-1 at / by a plain request: its route is new or changed
    ");
}

#[test]
fn a_changed_configuration_is_checked_before_it_is_loaded() {
    let mut world = World::running();
    world.configuration = "server { listen 81; }";
    insta::assert_snapshot!(world.lines(), @"
    p write configuration of proxy shop-nginx-1: the configuration changed
    p check configuration of proxy shop-nginx-1: it was written
    s reload configuration of proxy shop-nginx-1: it is valid
    s probe shop-api-1 at / by a plain request: its route is new or changed
    ");
    assert!(world.plan_after(Plan::default()).warnings[0].contains("kept-alive"));
}

#[test]
fn what_an_interrupted_deploy_left_is_finished_or_removed() {
    // Killed before the switch: the complete new side is used.
    let mut world = World::running();
    world.container("api", 2);
    world.outdated("api");
    insta::assert_snapshot!(world.lines(), @"
    p await health container shop-api-2: an interrupted deploy left it
    p tag image api:1 as shop-api: it is kept for rollbacks
    p probe shop-api-2 at / by the probe header: its requests are to be switched
    s switch traffic of api to green: the new side answers
    s probe shop-api-2 at / by a plain request: its requests were switched
    s drain connections to shop-api-1: its connections may end by themselves
    r stop container shop-api-1: it was replaced
    r remove container shop-api-1: it was replaced
    ");
    // Killed after the switch: only the old side is left to go.
    world.proxy(&["api"]);
    insta::assert_snapshot!(world.lines(), @"
    r stop container shop-api-1: left over from an interrupted deploy
    r remove container shop-api-1: left over from an interrupted deploy
    ");
    // Killed before the switch, and the old version is wanted again.
    let mut world = World::running();
    world.container("api", 2).docker.config_hash = Some("newer".into());
    insta::assert_snapshot!(world.lines(), @"
    r stop container shop-api-2: left over from an interrupted deploy
    r remove container shop-api-2: left over from an interrupted deploy
    ");
    // Killed before the start of the new side.
    let mut world = World::running();
    world.outdated("api");
    world.container("api", 2).state = InstanceState::Created;
    assert!(world.lines().starts_with("p remove container shop-api-2"), "{}", world.lines());
}

#[test]
fn an_image_that_is_built_counts_as_changed_and_its_name_goes_back_on_a_failure() {
    let world = World::running();
    let mut images = Plan { project: "shop".into(), ..Default::default() };
    let (service, image) = ("api".to_owned(), "api:1".to_owned());
    let pull = ImageOperation::Pull { service, image, platform: None, sources: Vec::new() };
    images.push(Phase::Prepare, pull, "pull requested", &[]);
    let plan = world.plan_after(images);
    assert!(lines(&plan).contains("switch traffic of api to green"), "{}", lines(&plan));
    assert!(plan.steps.iter().all(|step| step.guard.is_none()));
    let Operation::Image(ImageOperation::Tag { image, repository, tag, .. }) = &plan.steps[0].undo[0] else { panic!() };
    assert_eq!((image.as_str(), repository.as_str(), tag.as_deref()), ("sha256:api", "api", Some("1")));
}

#[test]
fn an_earlier_image_gets_its_name_back_before_anything_is_made_from_it() {
    let mut world = World::running();
    world.pins.insert("api".into(), "sha256:0123456789abcdef".into());
    let lines = world.lines();
    assert!(lines.starts_with("p tag image 0123456789ab as api:1: the release uses this image"), "{lines}");
    assert!(lines.contains("switch traffic of api to green"), "{lines}");
}
