use serde_json::{Value, json};

use super::*;
use crate::compose::model::Service;
use crate::plan::{CopiedFile, NetworkAttachment};

fn spec(service: Value) -> ContainerSpec {
    ContainerSpec {
        project: "p".into(),
        name: "p-a-1".into(),
        service_name: "a".into(),
        number: 1,
        service: serde_json::from_value::<Service>(service).unwrap(),
        image: "tool".into(),
        labels: [("k".to_owned(), "v".to_owned())].into(),
        networks: vec![
            NetworkAttachment {
                network: "p_front".into(),
                key: "front".into(),
                aliases: vec!["p-a-1".into(), "a".into()],
            },
            NetworkAttachment {
                network: "p_back".into(),
                key: "back".into(),
                aliases: vec!["p-a-1".into(), "a".into()],
            },
        ],
        network_mode: None,
        ipc: None,
        pid: None,
        volumes_from: vec![],
        volume_names: [("data".to_owned(), "p_data".to_owned())].into(),
        files: vec![],
        bound_files: Default::default(),
        inherited_volumes: Default::default(),
        auto_remove: false,
        interactive: None,
    }
}

fn request(spec: &ContainerSpec, api: &str) -> Result<CreateRequest, TargetError> {
    let engine = EngineInfo { api_version: api.into(), ..EngineInfo::default() };
    create_request(spec, &Surroundings { engine: &engine, links: &[] })
}

fn body(service: Value) -> Value {
    request(&spec(service), "1.41").unwrap().body
}

#[test]
fn an_unset_command_stays_the_images_and_a_cleared_one_is_sent() {
    assert_eq!(body(json!({})).get("Cmd"), None);
    assert_eq!(body(json!({"command": [], "entrypoint": ["x"]}))["Cmd"], json!([]));
}

#[test]
fn a_variable_without_a_value_is_sent_by_name_only() {
    assert_eq!(body(json!({"environment": {"A": "1", "B": null}}))["Env"], json!(["A=1", "B"]));
}

#[test]
fn binds_that_create_their_source_and_plain_volumes_travel_as_strings() {
    let service = json!({"volumes": [
        {"type": "bind", "source": "/src", "target": "/t", "read_only": true, "bind": {"selinux": "z"}},
        {"type": "volume", "source": "data", "target": "/data", "volume": {}},
        {"type": "volume", "target": "/anonymous", "volume": {}},
        {"type": "bind", "source": "/must", "target": "/m", "bind": {"create_host_path": false}},
    ]});
    let host = &body(service)["HostConfig"];
    assert_eq!(host["Binds"], json!(["/src:/t:ro,z", "p_data:/data:rw"]));
    assert_eq!(
        host["Mounts"],
        json!([
            {"Type": "volume", "Target": "/anonymous", "VolumeOptions": {}},
            {"Type": "bind", "Source": "/must", "Target": "/m", "BindOptions": {}},
        ])
    );
}

#[test]
fn an_inherited_volume_takes_the_place_of_the_anonymous_one() {
    let mut spec = spec(json!({"volumes": [{"type": "volume", "target": "/a/", "volume": {}}]}));
    spec.inherited_volumes.insert("/a".into(), "f00".into());
    let body = request(&spec, "1.41").unwrap().body;
    assert_eq!(body["HostConfig"]["Mounts"], json!([{"Type": "volume", "Source": "f00", "Target": "/a"}]));
}

#[test]
fn deploy_limits_win_over_the_legacy_keys() {
    let host = &body(json!({"cpus": 0.1, "mem_limit": "1000",
        "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "2000", "pids": 7}}}}))["HostConfig"];
    assert_eq!(
        (&host["NanoCpus"], &host["Memory"], &host["PidsLimit"]),
        (&json!(500_000_000), &json!(2000), &json!(7))
    );
    assert_eq!(body(json!({"cpus": 0.1}))["HostConfig"]["NanoCpus"], json!(100_000_000));
}

#[test]
fn restart_words_become_the_engines() {
    let policy = |service: Value| body(service)["HostConfig"]["RestartPolicy"].clone();
    assert_eq!(policy(json!({"restart": "on-failure:3"})), json!({"Name": "on-failure", "MaximumRetryCount": 3}));
    let deployed = json!({"restart": "no", "deploy": {"restart_policy": {"condition": "any", "max_attempts": 2}}});
    assert_eq!(policy(deployed), json!({"Name": "always", "MaximumRetryCount": 2}));
}

#[test]
fn old_engines_get_one_network_in_the_request_and_new_ones_all() {
    let spec = spec(json!({"networks": {"front": {"ipv4_address": "10.0.0.9"}, "back": null}}));
    let old = request(&spec, "1.41").unwrap().body["NetworkingConfig"]["EndpointsConfig"].clone();
    assert_eq!(old.as_object().unwrap().len(), 1);
    assert_eq!(old["p_front"]["IPAMConfig"], json!({"IPv4Address": "10.0.0.9"}));
    let new = request(&spec, "1.44").unwrap().body["NetworkingConfig"]["EndpointsConfig"].clone();
    assert_eq!(new.as_object().unwrap().len(), 2);
    assert_eq!(new["p_back"]["Aliases"], json!(["p-a-1", "a"]));
}

#[test]
fn a_mac_address_goes_where_the_engine_looks_for_it() {
    let spec = spec(json!({"mac_address": "02:00:00:00:00:01"}));
    let old = request(&spec, "1.41").unwrap().body;
    assert_eq!(old["MacAddress"], json!("02:00:00:00:00:01"));
    let new = request(&spec, "1.44").unwrap().body;
    assert_eq!(new.get("MacAddress"), None);
    assert_eq!(new["NetworkingConfig"]["EndpointsConfig"]["p_front"]["MacAddress"], json!("02:00:00:00:00:01"));
}

#[test]
fn a_start_interval_the_engine_does_not_know_is_left_out_and_said() {
    let spec = spec(json!({"healthcheck": {"test": ["CMD", "true"], "start_interval": "1s"}}));
    let old = request(&spec, "1.41").unwrap();
    assert_eq!(old.body["Healthcheck"], json!({"Test": ["CMD", "true"]}));
    assert_eq!(old.warnings.len(), 1);
    assert_eq!(request(&spec, "1.44").unwrap().body["Healthcheck"]["StartInterval"], json!(1_000_000_000));
}

#[test]
fn image_volumes_need_a_newer_engine() {
    let spec = spec(json!({"volumes": [{"type": "image", "source": "x", "target": "/x"}]}));
    assert!(matches!(request(&spec, "1.47"), Err(TargetError::Unsupported { .. })));
    assert!(request(&spec, "1.48").is_ok());
}

#[test]
fn files_of_a_read_only_container_get_a_volume_at_their_directory() {
    let mut spec = spec(json!({"read_only": true}));
    let file = |target: &str| CopiedFile { target: target.into(), content: vec![], uid: 0, gid: 0, mode: 0o444 };
    spec.files = vec![file("/run/secrets/a"), file("/run/secrets/b")];
    let mounts = request(&spec, "1.41").unwrap().body["HostConfig"]["Mounts"].clone();
    assert_eq!(mounts, json!([{"Type": "volume", "Target": "/run/secrets"}]));
    spec.files = vec![file("/plain")];
    assert!(request(&spec, "1.41").unwrap_err().to_string().contains("/plain"));
}

#[test]
fn an_attached_one_off_container_takes_our_input_once() {
    let mut spec = spec(json!({"tty": true}));
    spec.interactive = Some(false);
    let body = request(&spec, "1.41").unwrap().body;
    assert_eq!((body.get("Tty"), &body["OpenStdin"], &body["StdinOnce"]), (None, &json!(true), &json!(true)));
}

#[test]
fn unconfined_system_paths_clear_the_engines_masks() {
    let host = &body(json!({"security_opt": ["systempaths=unconfined", "no-new-privileges"]}))["HostConfig"];
    assert_eq!((&host["MaskedPaths"], &host["SecurityOpt"]), (&json!([]), &json!(["no-new-privileges"])));
    assert!(request(&spec(json!({"security_opt": ["nonsense"]})), "1.41").is_err());
}
