//! What this version does not do is refused by name (78), before anything is changed.

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;

use super::process::{Act, FIRST, Folder};

const COMPOSE: &str = "
services:
  nginx: { image: tool:1, command: [serve], volumes: ['aictl_proxy:/etc/nginx/conf.d'] }
  api: { image: tool:1, command: [serve] EXTRA }
volumes: { aictl_proxy: {} }
";

/// The failure of a deploy with these parts of the environment.
async fn refused(proxy: &str, deploy: &str, api: &str) -> (ErrorKind, String) {
    let folder = Folder::new();
    let routes = "routes: [{ path: /, service: api, port: 80 }]";
    let text = format!(
        "name: shop\nenvironments:\n  prod:\n    compose: compose.yaml\n    proxy: {{ service: nginx, {routes}{proxy} }}\n    deploy: {{ {deploy} }}\n"
    );
    folder.file("aictl.yaml", &text);
    folder.file("compose.yaml", &COMPOSE.replace("EXTRA", api));
    let engine = MemoryEngine::new().with_image("tool:1");
    let ended = folder.deploy_as_it_is(&engine).await;
    assert_eq!(engine.effects(), 0);
    ended.report.unwrap_err()
}

#[tokio::test]
async fn keys_that_are_not_supported_yet_are_refused_by_name() {
    for (proxy, deploy, api, said) in [
        (", tls: { letsencrypt: { email: a@b.c } }", "", "", "environments.prod.proxy.tls.letsencrypt"),
        ("", "", ", scale: 2", "another number of replicas than 1"),
    ] {
        let (kind, message) = refused(proxy, deploy, api).await;
        assert_eq!(kind, ErrorKind::Config, "{message}");
        assert!(message.starts_with("not supported yet: ") && message.contains(said), "{message}");
    }
}

#[tokio::test]
async fn a_deploy_that_must_be_rehearsed_changes_nothing_without_a_verdict() {
    let (kind, message) = refused("", "rehearse: required", "").await;
    assert_eq!(kind, ErrorKind::ChecksFailed, "{message}");
    assert!(message.contains("was not rehearsed"), "{message}");
}

#[tokio::test]
async fn a_deploy_that_must_be_confirmed_changes_nothing_without_a_terminal() {
    let (kind, message) = refused("", "confirm: true", "").await;
    assert_eq!(kind, ErrorKind::NeedsConfirmation, "{message}");
}

#[tokio::test]
async fn a_check_of_a_service_that_does_not_exist_is_refused() {
    let folder = Folder::new();
    folder.write(FIRST);
    let text = std::fs::read_to_string(folder.path("aictl.yaml")).unwrap();
    folder.file("aictl.yaml", &text.replace("checks:\n", "checks:\n  - { name: typo, http: 'http://apii:80/' }\n"));
    let engine = MemoryEngine::new().with_image("tool:1");
    let (kind, message) = folder.deploy_as_it_is(&engine).await.report.unwrap_err();
    assert_eq!(kind, ErrorKind::Config, "{message}");
    assert!(message.contains("apii") && engine.effects() == 0, "{message}");
}

#[tokio::test]
async fn what_does_not_fit_the_stack_is_refused() {
    let tls = ", tls: { files: { certificate: /c.pem, key: /k.pem } }";
    let (kind, message) = refused(tls, "", "").await;
    assert_eq!(
        (kind, message.as_str()),
        (ErrorKind::Config, "`nginx` publishes no port for TLS: none of its ports ends in 443")
    );
    let (kind, message) = refused("", "", ", networks: [other] }\nnetworks: { other: {}").await;
    assert_eq!((kind, message.as_str()), (ErrorKind::Config, "`nginx` and `api` have no network in common"));
    let folder = Folder::new();
    folder.write(FIRST);
    let compose = "services: { nginx: { image: tool:1 }, api: { image: tool:1 }, web: { image: tool:1 }, db: { image: tool:1 } }\n";
    folder.file("compose.yaml", compose);
    let (kind, message) = folder.deploy_as_it_is(&MemoryEngine::new()).await.report.unwrap_err();
    assert_eq!(kind, ErrorKind::Config);
    assert!(message.contains("does not mount the volume of the proxy"), "{message}");
}

#[tokio::test]
async fn a_rollback_without_a_release_is_not_found() {
    let folder = Folder::new();
    folder.write(FIRST);
    let (kind, message) = folder.run(&MemoryEngine::new(), Act::Rollback(None)).await.report.unwrap_err();
    assert_eq!((kind, message.as_str()), (ErrorKind::NotFound, "shop has no release to roll back to"));
}
