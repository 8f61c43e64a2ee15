//! Containers, networks and volumes: created, seen, started, stopped, removed.

use std::time::{Duration, Instant};

use aictl::plan::{ContainerOperation, CopiedFile, InstanceState, Operation, Scope, labels};
use aictl::target::{ExecArgs, ExecInput, TargetError};
use futures_util::StreamExt as _;
use serde_json::json;

use super::contract;
use super::lab::{Kept, Lab};

contract!(
    a_created_container_is_observed_as_created,
    a_started_container_runs_and_a_stopped_one_says_how_it_ended,
    starting_what_runs_and_stopping_what_stopped_is_no_error,
    removing_what_is_gone_is_no_error,
    a_second_container_of_the_same_name_is_refused,
    a_missing_image_is_named,
    a_missing_bind_source_is_named_and_nothing_is_left,
    a_missing_network_is_named_at_the_start_at_the_latest,
    a_taken_port_names_the_container_that_holds_it,
    a_program_that_is_not_there_fails_the_start,
    networks_and_volumes_are_found_by_project_and_by_name,
    files_reach_the_container_with_owner_and_mode,
    files_reach_a_read_only_container,
    the_exit_code_of_a_container_is_waited_for,
    changes_of_the_project_are_told,
    an_unknown_container_is_not_found,
    a_container_is_renamed_killed_and_restarted,
);

const SLEEP: [&str; 2] = ["sleep", "1000"];

fn sleeper() -> serde_json::Value {
    json!({"command": SLEEP, "network_mode": "none", "stop_grace_period": "1s"})
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

async fn a_started_container_runs_and_a_stopped_one_says_how_it_ended(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    assert_eq!(lab.observe().await.instances[0].state, InstanceState::Running);
    let stop = Operation::Container(ContainerOperation::Stop {
        service: "a".into(),
        container: id.clone(),
        timeout: Some(Duration::from_millis(100)),
    });
    lab.perform(&stop).await.unwrap();
    let ended = lab.target.observe_instance(&id).await.unwrap();
    assert_eq!(ended.state, InstanceState::Exited);
    assert!(ended.exit_code.is_some() && ended.finished_at.is_some());
}

async fn starting_what_runs_and_stopping_what_stopped_is_no_error(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    lab.start(&id).await.unwrap();
    let stop = Operation::Container(ContainerOperation::Stop {
        service: "a".into(),
        container: id.clone(),
        timeout: Some(Duration::ZERO),
    });
    lab.perform(&stop).await.unwrap();
    lab.perform(&stop).await.unwrap();
    assert_eq!(lab.target.observe_instance(&id).await.unwrap().state, InstanceState::Exited);
}

async fn removing_what_is_gone_is_no_error(lab: &Lab) {
    let id = lab.create(lab.spec("a", 1, sleeper())).await;
    lab.remove(&id).await.unwrap();
    lab.remove(&id).await.unwrap();
    assert_eq!(lab.observe().await.instances, []);
}

async fn a_second_container_of_the_same_name_is_refused(lab: &Lab) {
    let first = lab.create(lab.spec("a", 1, sleeper())).await;
    lab.start(&first).await.unwrap();
    let again = Operation::Container(ContainerOperation::Create(Box::new(lab.spec("a", 1, sleeper()))));
    assert!(matches!(lab.perform(&again).await, Err(TargetError::Refused { status: 409, .. })));
    assert_eq!(lab.observe().await.instances.len(), 1);
}

async fn a_missing_image_is_named(lab: &Lab) {
    let mut spec = lab.spec("a", 1, sleeper());
    spec.image = "aictl-test/nowhere:1".into();
    let error = lab.perform(&Operation::Container(ContainerOperation::Create(Box::new(spec)))).await.unwrap_err();
    assert!(matches!(&error, TargetError::ImageMissing { image, .. } if image == "aictl-test/nowhere:1"), "{error}");
    let scope = Scope { images: vec!["aictl-test/nowhere:1".into(), lab.image.clone()], ..Scope::default() };
    let images = lab.target.observe(&scope).await.unwrap().images;
    assert_eq!(images.keys().collect::<Vec<_>>(), [&lab.image]);
}

async fn a_missing_bind_source_is_named_and_nothing_is_left(lab: &Lab) {
    let mut model = sleeper();
    model["volumes"] = json!([{"type": "bind", "source": "/nonexistent/x", "target": "/x",
        "bind": {"create_host_path": false}}]);
    let operation = Operation::Container(ContainerOperation::Create(Box::new(lab.spec("a", 1, model))));
    let missing = TargetError::MissingSource { service: "a".into(), path: "/nonexistent/x".into() };
    assert_eq!(lab.perform(&operation).await, Err(missing));
    assert_eq!(lab.observe().await.instances, []);
}

async fn a_missing_network_is_named_at_the_start_at_the_latest(lab: &Lab) {
    lab.network("here").await.unwrap();
    let model = json!({"command": SLEEP, "networks": {"here": null, "nowhere": null}});
    let operation = Operation::Container(ContainerOperation::Create(Box::new(lab.spec("a", 1, model))));
    let error = match lab.perform(&operation).await {
        Ok(created) => lab.start(&created.id.unwrap()).await.unwrap_err(),
        Err(error) => error,
    };
    let nowhere = format!("{}_nowhere", lab.project);
    assert!(matches!(&error, TargetError::NotFound { kind: "network", name } if *name == nowhere), "{error}");
}

async fn a_taken_port_names_the_container_that_holds_it(lab: &Lab) {
    lab.network("default").await.unwrap();
    let model = |port: &str| {
        json!({"command": SLEEP, "networks": {"default": null}, "stop_grace_period": "1s",
            "ports": [{"target": 80, "published": port, "protocol": "tcp"}]})
    };
    let first = lab.run(lab.spec("a", 1, model(""))).await;
    let first = lab.target.observe_instance(&first).await.unwrap();
    let port = first.ports.iter().find(|port| port.published != 0).unwrap().published;
    let second = lab.create(lab.spec("b", 1, model(&port.to_string()))).await;
    let error = lab.start(&second).await.unwrap_err();
    let TargetError::PortTaken { port: said, holder } = &error else { panic!("{error}") };
    assert!(said.ends_with(&format!(":{port}")), "{said}");
    assert_eq!(holder.as_deref(), Some(format!("container {}", first.name).as_str()));
}

async fn a_program_that_is_not_there_fails_the_start(lab: &Lab) {
    let id = lab.create(lab.spec("a", 1, json!({"command": ["/no/such"], "network_mode": "none"}))).await;
    let error = lab.start(&id).await.unwrap_err();
    let TargetError::StartFailed { container, reason } = &error else { panic!("{error}") };
    assert_eq!(container.name, format!("{}-a-1", lab.project));
    assert!(reason.contains("/no/such"), "{reason}");
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
        images: Vec::new(),
    };
    let by_name = lab.target.observe(&scope).await.unwrap();
    assert_eq!((by_name.networks, by_name.volumes), (found.networks, found.volumes));
    assert!(lab.network("front").await.is_err());
}

fn file(target: &str) -> CopiedFile {
    CopiedFile { target: target.into(), content: b"a $ecret '\"\n".to_vec(), uid: 7, gid: 8, mode: 0o440 }
}

async fn content(lab: &Lab, id: &str, path: &str) -> String {
    let args = ExecArgs {
        container: id.to_owned(),
        command: ["sh", "-c", &format!("stat -c %u:%g:%a {path}; cat {path}")].map(str::to_owned).to_vec(),
        ..ExecArgs::default()
    };
    let kept = Kept::default();
    assert_eq!(lab.target.exec(&args, ExecInput::default(), &kept).await, Ok(0));
    kept.text(aictl::event::Channel::Stdout)
}

async fn files_reach_the_container_with_owner_and_mode(lab: &Lab) {
    let mut spec = lab.spec("a", 1, sleeper());
    spec.files = vec![file("/run/secrets/token"), file("/plain"), file("/new/deep/file")];
    let id = lab.run(spec).await;
    for path in ["/run/secrets/token", "/plain", "/new/deep/file"] {
        assert_eq!(content(lab, &id, path).await, "7:8:440\na $ecret '\"\n");
    }
}

async fn files_reach_a_read_only_container(lab: &Lab) {
    let mut model = sleeper();
    model["read_only"] = json!(true);
    let mut spec = lab.spec("a", 1, model);
    spec.files = vec![file("/run/secrets/token"), file("/etc/app/x.conf")];
    let id = lab.run(spec).await;
    for path in ["/run/secrets/token", "/etc/app/x.conf"] {
        assert_eq!(content(lab, &id, path).await, "7:8:440\na $ecret '\"\n");
    }
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

async fn a_container_is_renamed_killed_and_restarted(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    let (service, name) = ("a".to_owned(), format!("{}-renamed", lab.project));
    let rename = Operation::Container(ContainerOperation::Rename {
        service: service.clone(),
        container: id.clone(),
        name: name.clone(),
    });
    lab.perform(&rename).await.unwrap();
    assert_eq!(lab.target.observe_instance(&name).await.unwrap().id, id);
    let kill = Operation::Container(ContainerOperation::Kill {
        service: service.clone(),
        container: id.clone(),
        signal: "SIGKILL".into(),
    });
    lab.perform(&kill).await.unwrap();
    assert_eq!(lab.target.wait_exit(&id).await, Ok(137));
    assert_eq!(lab.perform(&kill).await.unwrap().warnings.len(), 1);
    let began = Instant::now();
    let restart = Operation::Container(ContainerOperation::Restart {
        service,
        container: id.clone(),
        timeout: Some(Duration::ZERO),
    });
    lab.perform(&restart).await.unwrap();
    assert_eq!(lab.target.observe_instance(&id).await.unwrap().state, InstanceState::Running);
    assert!(began.elapsed() < Duration::from_secs(30));
}
