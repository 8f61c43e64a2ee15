//! Unused parts of a project: ended containers, containers of removed services, networks, and volumes if requested.
//! Reads an `Observed` and a stack when there is one; returns a plan in which every removal has its reason.
//! Never touches a running service of the files, nor a one-shot that others wait for, nor a volume that is mounted.

use std::collections::BTreeSet;

use super::{
    ContainerOperation, InstanceState, NetworkOperation, Observed, ObservedInstance, Operation, Phase, Plan, StepId,
    VolumeOperation, labels,
};
use crate::compose::model::{Condition, Stack};

/// Plans the cleanup. `data`: unused volumes go too.
pub fn plan_cleanup(observed: &Observed, stack: Option<&Stack>, project: &str, data: bool) -> Plan {
    let mut plan = Plan { project: project.to_owned(), names: observed.names(), ..Default::default() };
    let mut steps = Vec::new();
    let mut staying = Vec::new();
    for container in &observed.instances {
        match superfluous(container, stack) {
            Some(cause) => steps.push(remove_container(&mut plan, container, cause)),
            None => staying.push(container),
        }
    }
    let ours =
        |labels: &std::collections::BTreeMap<String, String>| labels.get(labels::PROJECT).is_some_and(|p| p == project);
    for network in observed.networks.iter().filter(|n| ours(&n.labels)) {
        if !staying.iter().any(|c| c.docker.networks.contains_key(&network.name)) {
            let remove =
                Operation::Network(NetworkOperation::Remove { id: network.id.clone(), name: network.name.clone() });
            plan.push(Phase::Retire, remove, "no container of the project is attached to it", &steps);
        }
    }
    let mounted: BTreeSet<&str> = staying
        .iter()
        .flat_map(|c| c.docker.mounts.iter().filter(|m| m.kind == "volume").map(|m| m.source.as_str()))
        .collect();
    for volume in observed.volumes.iter().filter(|v| data && ours(&v.labels)) {
        if !mounted.contains(volume.name.as_str()) {
            let remove = Operation::Volume(VolumeOperation::Remove { name: volume.name.clone() });
            plan.push(Phase::Retire, remove, "deletion of its data was requested", &steps);
        }
    }
    plan
}

/// Why a container is not needed, if it is not.
fn superfluous(container: &ObservedInstance, stack: Option<&Stack>) -> Option<&'static str> {
    let ended = !container.state.is_up() && container.state != InstanceState::Removing;
    if container.one_off {
        return ended.then_some("exited one-off container");
    }
    let known = stack.is_none_or(|s| s.all_services().any(|(name, _)| *name == container.service));
    if !known {
        return Some("its service is not defined in the compose files");
    }
    let done = container.state == InstanceState::Exited && container.exit_code == Some(0);
    let waited_for = stack.is_some_and(|s| {
        s.services.values().any(|other| {
            let dependency = other.depends_on.get(&container.service);
            dependency.is_some_and(|d| d.condition == Condition::ServiceCompletedSuccessfully)
        })
    });
    // Its completion is what others were started on; without it they would wait for another run.
    if done && waited_for {
        return None;
    }
    ended.then_some("it is not running")
}

fn remove_container(plan: &mut Plan, container: &ObservedInstance, cause: &str) -> StepId {
    let (service, id) = (container.service.clone(), container.id.clone());
    let mut after = Vec::new();
    if container.state.is_up() {
        let stop = Operation::Container(ContainerOperation::Stop {
            service: service.clone(),
            container: id.clone(),
            timeout: None,
        });
        after.push(plan.push(Phase::Switch, stop, cause, &[]));
    }
    let remove =
        Operation::Container(ContainerOperation::Remove { service, container: id, volumes: false, force: false });
    plan.push(Phase::Switch, remove, cause, &after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{Dependency, Service};
    use crate::plan::{DockerContainer, ObservedMount, ObservedNetwork, ObservedVolume};

    fn container(service: &str, state: InstanceState, network: &str) -> ObservedInstance {
        ObservedInstance {
            id: format!("id-{service}"),
            name: format!("p-{service}-1"),
            service: service.into(),
            state,
            exit_code: (state == InstanceState::Exited).then_some(0),
            docker: DockerContainer {
                networks: [(network.to_owned(), Default::default())].into(),
                ..Default::default()
            },
            ..Default::default()
        }
    }

    fn world() -> (Observed, Stack) {
        let labels: std::collections::BTreeMap<_, _> = [(labels::PROJECT.to_owned(), "p".to_owned())].into();
        let mut api = container("api", InstanceState::Running, "p_front");
        api.docker.mounts = vec![ObservedMount { kind: "volume".into(), source: "p_used".into(), target: "/d".into() }];
        let mut one_off = container("api", InstanceState::Exited, "p_front");
        (one_off.id, one_off.name, one_off.one_off) = ("id-run".into(), "p-api-run-1".into(), true);
        let containers = vec![
            api,
            one_off,
            container("init", InstanceState::Exited, "p_front"),
            container("old", InstanceState::Running, "p_back"),
            container("job", InstanceState::Exited, "p_back"),
        ];
        let network = |name: &str| ObservedNetwork { name: name.into(), labels: labels.clone(), ..Default::default() };
        let volume = |name: &str| ObservedVolume { name: name.into(), labels: labels.clone(), ..Default::default() };
        let observed = Observed {
            instances: containers,
            networks: vec![network("p_front"), network("p_back"), ObservedNetwork::default()],
            volumes: vec![
                volume("p_used"),
                volume("p_left"),
                ObservedVolume { name: "other".into(), ..Default::default() },
            ],
            ..Default::default()
        };
        let mut stack = Stack { name: "p".into(), ..Default::default() };
        let completed = Dependency { condition: Condition::ServiceCompletedSuccessfully, ..Default::default() };
        let api = Service { depends_on: [("init".to_owned(), completed)].into(), ..Default::default() };
        stack.services.extend([
            ("api".into(), api),
            ("init".into(), Service::default()),
            ("job".into(), Service::default()),
        ]);
        (observed, stack)
    }

    #[test]
    fn only_what_nobody_uses_goes_and_each_removal_has_its_reason() {
        let (observed, stack) = world();
        let lines = plan_cleanup(&observed, Some(&stack), "p", false).lines();
        assert_eq!(
            lines,
            [
                "remove container p-api-run-1: exited one-off container",
                "stop container p-old-1: its service is not defined in the compose files",
                "remove container p-old-1: its service is not defined in the compose files",
                "remove container p-job-1: it is not running",
                "remove network p_back: no container of the project is attached to it",
            ]
        );
    }

    #[test]
    fn volumes_go_only_when_asked_and_not_mounted() {
        let (observed, stack) = world();
        let volumes = |data| {
            let lines = plan_cleanup(&observed, Some(&stack), "p", data).lines();
            lines.into_iter().filter(|l| l.contains("volume")).collect::<Vec<_>>()
        };
        assert!(volumes(false).is_empty());
        assert_eq!(volumes(true), ["remove volume p_left: deletion of its data was requested"]);
    }
}
