//! Contract of `Observe`.

use std::time::Duration;

use aictl::plan::{InstanceState, Scope, labels};
use aictl::target::TargetError;
use futures_util::StreamExt as _;
use serde_json::json;

use super::contract;
use super::lab::Lab;

contract!(
    a_created_container_is_observed_as_created,
    networks_and_volumes_are_found_by_project_and_by_name,
    the_exit_code_of_a_container_is_waited_for,
    changes_of_the_project_are_told,
    an_unknown_container_is_not_found,
);

fn sleeper() -> serde_json::Value {
    json!({"command": ["sleep", "1000"], "network_mode": "none", "stop_grace_period": "1s"})
}

async fn a_created_container_is_observed_as_created(lab: &Lab) {
    let id = lab.create(lab.spec("a", 2, sleeper())).await;
    let observed = lab.observe().await;
    let container = &observed.instances[0];
    assert_eq!((container.id.as_str(), container.state), (id.as_str(), InstanceState::Created));
    assert_eq!((container.service.as_str(), container.number, container.one_off), ("a", 2, false));
    assert_eq!(container.docker.config_hash.as_deref(), Some("0".repeat(64).as_str()));
    assert_eq!((container.exit_code, container.started_at.as_deref()), (None, None));
}

async fn networks_and_volumes_are_found_by_project_and_by_name(lab: &Lab) {
    lab.network("front").await.unwrap();
    lab.volume("data").await.unwrap();
    let found = lab.observe().await;
    let (network, volume) = (format!("{}_front", lab.project), format!("{}_data", lab.project));
    assert_eq!(found.networks.iter().map(|n| &n.name).collect::<Vec<_>>(), [&network]);
    assert_eq!(found.volumes.iter().map(|v| &v.name).collect::<Vec<_>>(), [&volume]);
    assert_eq!(found.networks[0].labels[labels::NETWORK], "front");
    assert_eq!(found.volumes[0].labels[labels::CONFIG_HASH].len(), 64);
    let scope = Scope {
        project: "aictl-test-nobody".into(),
        networks: vec![network.clone(), format!("{network}x")],
        volumes: vec![volume.clone(), lab.project.clone()],
        ..Scope::default()
    };
    let by_name = lab.target.observe(&scope).await.unwrap();
    assert_eq!((by_name.networks, by_name.volumes), (found.networks, found.volumes));
    assert!(lab.network("front").await.is_err());
}

async fn the_exit_code_of_a_container_is_waited_for(lab: &Lab) {
    let model = json!({"command": ["sh", "-c", "exit 3"], "network_mode": "none"});
    let id = lab.run(lab.spec("a", 1, model)).await;
    assert_eq!(lab.target.wait_exit(&id).await, Ok(3));
    // A container that ended already answers at once.
    assert_eq!(lab.target.wait_exit(&id).await, Ok(3));
}

async fn changes_of_the_project_are_told(lab: &Lab) {
    use aictl::plan::{Change, ChangeKind};
    let mut changes = lab.target.watch(&lab.project).await.unwrap();
    let id = lab.run(lab.spec("a", 1, json!({"command": ["true"], "network_mode": "none"}))).await;
    lab.target.wait_exit(&id).await.unwrap();
    lab.remove(&id).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 3 {
        let next = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
        told.push(next.expect("a change was not told").unwrap().unwrap());
    }
    let kinds = [ChangeKind::Started, ChangeKind::Died, ChangeKind::Removed];
    assert_eq!(told, kinds.map(|kind| Change { id: id.clone(), kind }));
}

async fn an_unknown_container_is_not_found(lab: &Lab) {
    let gone = format!("{}-gone", lab.project);
    let expected = TargetError::NotFound { kind: "container", name: gone.clone() };
    assert_eq!(lab.target.observe_instance(&gone).await, Err(expected.clone()));
    assert_eq!(lab.start(&gone).await, Err(expected));
}
