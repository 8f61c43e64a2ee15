//! Ways to an engine other than its default socket.

use aictl::engine::docker::{DockerEngine, Environment};
use aictl::target::{Observe as _, TargetError};

use crate::engine_contract::lab::{environment, skip};
use crate::support::project::write_program;

/// An `ssh` that stays on this machine: what follows the host name is run here.
fn with_ssh(folder: &std::path::Path, script: &str) -> Environment {
    write_program(&folder.join("ssh"), script);
    let mut environment = environment();
    let path = environment.get("PATH").cloned().unwrap_or_default();
    environment.insert("PATH".into(), format!("{}:{path}", folder.display()));
    environment
}

#[tokio::test]
async fn an_engine_behind_ssh_is_spoken_to_like_a_local_one() {
    let test = "an_engine_behind_ssh_is_spoken_to_like_a_local_one";
    if let Err(error) = DockerEngine::connect(None, &environment()).await {
        return skip(test, &error.to_string());
    }
    if std::process::Command::new("docker").arg("--version").output().is_err() {
        return skip(test, "the docker command is not there");
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexec \"$@\"\n";
    let environment = with_ssh(folder.path(), script);
    let engine = DockerEngine::connect(Some("ssh://deploy@prod:2222"), &environment).await.unwrap();
    let info = engine.observe_engine().await.unwrap();
    assert_eq!((info.address.as_str(), info.local), ("ssh://deploy@prod:2222", false));
    assert!(info.cpus > 0 && !info.version.is_empty());
    // Several at once: each has a process of its own.
    let all = futures_util::future::join_all((0..4).map(|_| engine.observe_projects())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[tokio::test]
async fn what_ssh_complains_about_is_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\necho 'deploy@prod: Permission denied (publickey).' >&2\nexit 255\n";
    let environment = with_ssh(folder.path(), script);
    let error = DockerEngine::connect(Some("ssh://deploy@prod"), &environment).await.err().unwrap();
    let TargetError::Unreachable { address, reason } = &error else { panic!("{error}") };
    assert_eq!(address, "ssh://deploy@prod");
    assert!(reason.contains("Permission denied"), "{reason}");
}

#[tokio::test]
async fn a_closed_port_and_a_missing_socket_are_unreachable() {
    for address in ["tcp://127.0.0.1:1", "unix:///nonexistent/docker.sock"] {
        let error = DockerEngine::connect(Some(address), &environment()).await.err().unwrap();
        assert!(matches!(&error, TargetError::Unreachable { address: named, .. } if named == address), "{error}");
    }
}

/// Answers one ping with these headers.
async fn answering(headers: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\nOK");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        let _ = stream.read(&mut buffer).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    address
}

#[tokio::test]
async fn an_old_engine_and_something_else_are_told_apart() {
    let old = answering("api-version: 1.39\r\nserver: Docker/18.09\r\n").await;
    let error = DockerEngine::connect(Some(&old), &environment()).await.err().unwrap();
    assert_eq!(error, TargetError::TooOld { address: old, found: "1.39".into(), needed: "1.41".into() });
    // As Debian's 4.3.1 answers.
    let podman = answering("api-version: 1.41\r\nlibpod-api-version: 4.3.1\r\nserver: Libpod/4.3.1 (linux)\r\n").await;
    let error = DockerEngine::connect(Some(&podman), &environment()).await.err().unwrap();
    assert!(matches!(&error, TargetError::UnsupportedEngine { engine, .. } if engine == "Podman 4.3.1"), "{error}");
    let other = answering("server: nginx\r\n").await;
    let error = DockerEngine::connect(Some(&other), &environment()).await.err().unwrap();
    assert!(error.to_string().ends_with("the server is not a Docker engine"), "{error}");
    let new = answering("api-version: 1.99\r\nserver: Docker/40.1.2 (linux)\r\n").await;
    let engine = DockerEngine::connect(Some(&new), &environment()).await.unwrap();
    assert_eq!((engine.greeting().api_version.as_str(), engine.greeting().version.as_str()), ("1.53", "40.1.2"));
}
