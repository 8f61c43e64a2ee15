//! Contract of `Perform`: containers, networks and volumes are created, started, stopped and removed.

use std::time::{Duration, Instant};

use aictl::plan::{ContainerOperation, CopiedFile, InstanceState, Operation, Scope};
use aictl::target::{ExecArgs, ExecInput, PortOwner, ProgramFault, TargetError};
use serde_json::json;

use super::contract;
use super::lab::{Kept, Lab};

contract!(
    a_started_container_runs_and_a_stopped_one_says_how_it_ended,
    starting_what_runs_and_stopping_what_stopped_is_no_error,
    removing_what_is_gone_is_no_error,
    a_second_container_of_the_same_name_is_refused,
    a_missing_image_is_named,
    a_missing_bind_source_is_named_and_nothing_is_left,
    a_missing_network_is_named_at_the_start_at_the_latest,
    a_taken_port_names_the_container_that_holds_it,
    a_program_that_is_not_there_fails_the_start,
    files_reach_the_container_with_owner_and_mode,
    files_reach_a_read_only_container,
    a_container_is_renamed_killed_and_restarted,
);

const SLEEP: [&str; 2] = ["sleep", "1000"];

fn sleeper() -> serde_json::Value {
    json!({"command": SLEEP, "network_mode": "none", "stop_grace_period": "1s"})
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
    assert_eq!(holder, &Some(PortOwner::Container(first.name)));
}

async fn a_program_that_is_not_there_fails_the_start(lab: &Lab) {
    let id = lab.create(lab.spec("a", 1, json!({"command": ["/no/such"], "network_mode": "none"}))).await;
    let error = lab.start(&id).await.unwrap_err();
    let TargetError::StartFailed { container, reason, program, .. } = &error else { panic!("{error}") };
    assert_eq!(*program, Some(ProgramFault::Missing), "{reason}");
    assert_eq!(container.name, format!("{}-a-1", lab.project));
    assert!(reason.contains("/no/such"), "{reason}");
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
