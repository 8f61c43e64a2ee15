//! Replacing pods: a restart, and an upgrade under load.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::project::ClusterProject;
use crate::support::project::eventually;

#[test]
fn a_restart_replaces_the_pods_of_the_named_services() {
    let Some(project) = ClusterProject::new("restart") else { return };
    project.aictl(&["restart"]).ended(10);
    project.aictl(&["deploy"]).ended(0);
    let before = project.ready_pods();
    project.aictl(&["restart", "worker"]).ended(10);
    project.aictl(&["restart", "--dry-run"]).ended(0);
    assert_eq!(project.ready_pods(), before);
    project.aictl(&["restart", "api"]).ended(0);
    let after = project.ready_pods();
    assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
    project.aictl(&["plan", "--exit-code"]).ended(0);
    let said = project.aictl(&["start"]).ended(78).stderr;
    assert!(said.contains("aictl deploy"), "{said}");
}

const SERVICE: &str = "replicas: 2\ngrace: 10\nlifecycle: { preStop: { exec: { command: [sleep, \"3\"] } } }\n\
                       extra:\n- { apiVersion: v1, kind: Service, metadata: { name: web }, \
                       spec: { selector: { app: api }, ports: [ { port: 80, targetPort: 8080 } ] } }\n";

/// The body of one answer.
fn get(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((address, 80))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: web\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn no_request_fails_while_pods_are_replaced() {
    let Some(project) = ClusterProject::new("load") else { return };
    project.values(SERVICE);
    project.aictl(&["deploy"]).ended(0);
    let address = project.kubectl(&["get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
    project.values(&format!("{SERVICE}command: [tool, serve, --port, \"8080\", --text, two]\n"));
    let ended = AtomicBool::new(false);
    let answers: Vec<String> = std::thread::scope(|scope| {
        let load = || {
            let mut answers = Vec::new();
            while !ended.load(Ordering::SeqCst) {
                answers.push(get(&address).unwrap_or_else(|error| format!("failed: {error}")));
            }
            answers
        };
        let threads = [scope.spawn(load), scope.spawn(load)];
        project.aictl(&["deploy"]).ended(0);
        let pods = || project.kubectl(&["get", "pods", "-l", "app=api", "-o", "name"]).lines().count();
        eventually("the old pods have ended", Duration::from_secs(30), || pods() == 2);
        ended.store(true, Ordering::SeqCst);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let failed: Vec<&String> = answers.iter().filter(|text| !text.contains("200 OK")).collect();
    assert!(failed.is_empty(), "{} of {} failed: {:?}", failed.len(), answers.len(), failed.first());
    assert!(answers.len() > 100, "{}", answers.len());
    assert!(answers.last().unwrap().contains("two"), "{:?}", answers.last());
}
