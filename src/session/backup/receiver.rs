//! The container that receives the WAL of a PostgreSQL server: a helper of the project in the server's network, made by
//! `backup create` and removed with the stack.

use std::collections::BTreeMap;

use super::parts::ServicePart;
use crate::backup::physical::{RECEIVE, SLOT, SPOOL};
use crate::backup::{Inside, PartKind};
use crate::compose::model::{Service, ServiceVolume, ShellCommand, Stack, Volume};
use crate::plan::{
    ContainerOperation, ContainerSpec, Observed, ObservedInstance, Phase, Plan, StartTurn, StepId, VolumeOperation,
    labels,
};
use crate::project::BackupPolicy;
use crate::target::Target;

/// The port of a server that does not say another one.
const PORT: &str = "5432";
/// The user of a server that does not name another one.
const USER: &str = "postgres";

/// Whether WAL is received for a part.
pub fn is_received(part: &ServicePart) -> bool {
    part.kind == PartKind::Postgres && part.data.physical
}

/// The name of the container.
pub fn receiver_name(project: &str, service: &str) -> String {
    format!("{project}-{service}-aictl-wal")
}

/// Running commands in it.
pub fn receiver<'t>(target: &'t dyn Target, (project, service): (&str, &str)) -> Inside<'t> {
    Inside {
        target,
        service: service.to_owned(),
        container: receiver_name(project, service),
        environment: Vec::new(),
        login: "",
        user: None,
    }
}

/// The services whose WAL should be received and is not.
pub fn not_receiving(stack: &Stack, observed: &Observed, policy: &BackupPolicy) -> Vec<String> {
    let wanted = policy.include.iter().filter(|(_, data)| data.physical).map(|(service, _)| service);
    let up = |container: &&ObservedInstance| container.state.is_up();
    let server = |service: &String| {
        observed.instances.iter().filter(up).find(|container| !container.one_off && container.service == *service)
    };
    let receives = |service: &String, server: &ObservedInstance| {
        let name = receiver_name(&stack.name, service);
        let found = observed.instances.iter().filter(up).find(|container| container.name == name);
        found.is_some_and(|found| found.labels.get(labels::WAL_OF) == Some(&server.id))
    };
    wanted.filter(|service| server(service).is_some_and(|server| !receives(service, server))).cloned().collect()
}

/// Steps that make the receivers of these parts, where they do not run for the containers that there are. One that fails is a
/// warning: the dumps are made all the same, and the part that lacks its WAL fails.
pub fn receiver_steps(stack: &Stack, parts: &[ServicePart], observed: &Observed) -> Plan {
    let mut plan = Plan { project: stack.name.clone(), names: observed.names(), ..Plan::default() };
    for part in parts.iter().filter(|part| part.kind == PartKind::Postgres && !is_received(part)) {
        let name = receiver_name(&stack.name, &part.service);
        if let Some(found) = observed.instances.iter().find(|container| container.name == name) {
            let (service, container) = (part.service.clone(), found.id.clone());
            let remove = ContainerOperation::Remove { service, container, volumes: true, force: true };
            let step = plan.push(Phase::Prepare, remove, "`physical` is not set: no WAL is received", &[]);
            plan.tolerate(step);
        }
    }
    for part in parts.iter().filter(|part| is_received(part)) {
        if let Some(container) = part.container.as_ref().filter(|container| container.state.is_up()) {
            plan_receiver(&mut plan, &ReceivedServer { stack, part, server: container }, observed);
        }
    }
    plan
}

/// Whose WAL is received.
struct ReceivedServer<'a> {
    stack: &'a Stack,
    part: &'a ServicePart,
    server: &'a ObservedInstance,
}

fn plan_receiver(plan: &mut Plan, source: &ReceivedServer<'_>, observed: &Observed) {
    let ReceivedServer { stack, part, server } = source;
    let name = receiver_name(&stack.name, &part.service);
    let found = observed.instances.iter().find(|container| container.name == name);
    let fits = |found: &ObservedInstance| {
        found.state.is_up()
            && found.labels.get(labels::WAL_OF) == Some(&server.id)
            && found.docker.image_id == server.docker.image_id
    };
    if found.is_some_and(fits) {
        return;
    }
    let mut last: Vec<StepId> = Vec::new();
    let mut push = |operation: crate::plan::Operation, cause: &str| {
        let step = plan.push(Phase::Prepare, operation, cause, &last);
        plan.tolerate(step);
        last = vec![step];
    };
    let spec = source.spec(&name);
    let volume = spec.volume_names.values().next().cloned().unwrap_or_default();
    if !observed.volumes.iter().any(|found| found.name == volume) {
        let (project, key) = (stack.name.clone(), key(&part.service));
        let made = Box::new(Volume { name: volume.clone(), ..Volume::default() });
        push(
            VolumeOperation::Create { project, key, name: volume, volume: made }.into(),
            "the WAL is received into it",
        );
    }
    if let Some(found) = found {
        let (service, container) = (part.service.clone(), found.id.clone());
        let remove = ContainerOperation::Remove { service, container, volumes: true, force: true };
        push(remove.into(), "it does not receive the WAL of the server that runs");
    }
    push(ContainerOperation::Create(Box::new(spec)).into(), "`physical: true`: it receives the WAL");
    let (service, turn) = (part.service.clone(), StartTurn::UntilStarted);
    push(ContainerOperation::Start { service, container: name, turn }.into(), "it was created");
}

fn key(service: &str) -> String {
    format!("{service}-{}", labels::WAL_VOLUME)
}

impl ReceivedServer<'_> {
    /// The container. Its labels are those of a one-off container: neither Compose nor `start` takes it for one of the service.
    fn spec(&self, name: &str) -> ContainerSpec {
        let Self { stack, part, server } = self;
        let key = key(&part.service);
        ContainerSpec {
            project: stack.name.clone(),
            name: name.to_owned(),
            service_name: part.service.clone(),
            number: 1,
            service: self.service(&key),
            image: server.docker.image_id.clone(),
            labels: receiver_labels((&stack.name, &part.service), &server.id),
            networks: Vec::new(),
            network_mode: Some(format!("container:{}", server.id)),
            ipc: None,
            pid: None,
            volumes_from: Vec::new(),
            volume_names: BTreeMap::from([(key.clone(), format!("{}_{key}", stack.name))]),
            files: Vec::new(),
            bound_files: BTreeMap::new(),
            inherited_volumes: BTreeMap::new(),
            auto_remove: false,
            interactive: None,
        }
    }

    fn service(&self, volume: &str) -> Service {
        let words = |words: &[&str]| ShellCommand(Some(words.iter().map(|word| (*word).to_owned()).collect()));
        let mount = ServiceVolume {
            r#type: "volume".to_owned(),
            source: volume.to_owned(),
            target: SPOOL.to_owned(),
            ..ServiceVolume::default()
        };
        let mut service = Service {
            entrypoint: words(&["sh", "-c", RECEIVE, "aictl", SPOOL, SLOT]),
            command: words(&[]),
            user: "0".to_owned(),
            restart: "unless-stopped".to_owned(),
            volumes: vec![mount],
            ..Service::default()
        };
        // What initdb trusts for replication: the server's own machine, which this container shares.
        let user = self.part.data.user.clone().or_else(|| self.variable("POSTGRES_USER"));
        let login = [
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGUSER", user.unwrap_or_else(|| USER.to_owned())),
            ("PGPORT", self.variable("PGPORT").unwrap_or_else(|| PORT.to_owned())),
        ];
        service.environment.extend(login.map(|(name, value)| (name.to_owned(), Some(value))));
        service
    }

    /// A variable of the service.
    fn variable(&self, name: &str) -> Option<String> {
        let declared = self.stack.services.get(&self.part.service)?;
        declared.environment.get(name).cloned().flatten().filter(|value| !value.is_empty())
    }
}

fn receiver_labels((project, service): (&str, &str), server: &str) -> BTreeMap<String, String> {
    let pairs = [
        (labels::PROJECT, project),
        (labels::SERVICE, service),
        (labels::CONTAINER_NUMBER, "1"),
        (labels::ONE_OFF, "True"),
        (labels::CONFIG_HASH, "none"),
        (labels::WAL_OF, server),
    ];
    pairs.into_iter().map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
}
