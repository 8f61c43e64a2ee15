//! Streams to the ports of containers.

use std::time::{Duration, Instant};

use aictl::plan::ObservedInstance;
use aictl::target::{BoxDuplex, TargetError};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::contract;
use super::lab::Lab;

contract!(
    a_dialled_port_carries_bytes_both_ways,
    a_port_nobody_listens_on_is_told_from_one_that_is_out_of_reach,
    a_container_that_ended_is_not_dialled,
);

async fn echo(lab: &Lab) -> ObservedInstance {
    lab.network("net").await.unwrap();
    let model = json!({"command": ["nc", "-ll", "-p", "7000", "-e", "cat"], "networks": {"net": null}});
    let id = lab.run(lab.spec("echo", 1, model)).await;
    lab.target.observe_instance(&id).await.unwrap()
}

/// The server listens a moment after its container started.
async fn dialled(lab: &Lab, container: &ObservedInstance) -> BoxDuplex {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match lab.target.dial().unwrap().dial(container, 7000).await {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn a_dialled_port_carries_bytes_both_ways(lab: &Lab) {
    let container = echo(lab).await;
    let mut stream = dialled(lab, &container).await;
    for text in ["ping", "and again"] {
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut back = vec![0; text.len()];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut back)).await;
        read.expect("no answer").unwrap();
        assert_eq!(back, text.as_bytes());
    }
    lab.target.dial().unwrap().close_helpers().await;
}

async fn a_port_nobody_listens_on_is_told_from_one_that_is_out_of_reach(lab: &Lab) {
    let container = echo(lab).await;
    drop(dialled(lab, &container).await);
    let refused = lab.target.dial().unwrap().dial(&container, 7001).await.err();
    assert_eq!(refused, Some(TargetError::NotListening { container: container.name.clone(), port: 7001 }));
    lab.target.dial().unwrap().close_helpers().await;
}

async fn a_container_that_ended_is_not_dialled(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, json!({"command": ["true"], "network_mode": "none"}))).await;
    lab.target.wait_exit(&id).await.unwrap();
    let container = lab.target.observe_instance(&id).await.unwrap();
    let refused = lab.target.dial().unwrap().dial(&container, 7000).await.err().unwrap();
    assert!(matches!(refused, TargetError::NoRoute { .. }), "{refused}");
}

/// The same promises where no address of the container is in reach: an engine on the other side of a TCP tunnel.
mod by_helper {
    use std::sync::Arc;

    use aictl::engine::docker::DockerEngine;
    use tokio::net::{TcpListener, UnixStream};

    use super::*;
    use crate::engine_contract::lab::{environment, skip};
    use crate::support::project::{docker, engine_socket};

    /// A port of this machine that leads to the engine, so that the engine's own address says nothing of its networks.
    async fn tunnel() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut far = UnixStream::connect(engine_socket().unwrap()).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        address
    }

    async fn lab(test: &str) -> Option<Lab> {
        let mut lab = Lab::docker(test).await?;
        if engine_socket().is_none() {
            skip(test, "the tunnel leads to the engine's socket on this machine");
            return None;
        }
        lab.target = Arc::new(DockerEngine::connect(Some(&tunnel().await), &environment()).await.unwrap());
        Some(lab)
    }

    fn helpers(lab: &Lab) -> Vec<String> {
        let label = format!("label=io.aictl.project={}", lab.project);
        let words = ["ps", "-a", "--filter", &label, "--filter", "label=io.aictl.role=dial", "--format", "{{.Names}}"];
        docker(&words).lines().map(str::to_owned).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bytes_go_both_ways_and_hanging_up_leaves_no_helper() {
        let Some(lab) = lab("dial-helper").await else { return };
        let container = echo(&lab).await;
        let mut stream = dialled(&lab, &container).await;
        stream.write_all(b"through").await.unwrap();
        let mut back = [0; 7];
        tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut back)).await.unwrap().unwrap();
        assert_eq!(&back, b"through");
        let several =
            futures_util::future::join_all((0..5).map(|_| lab.target.dial().unwrap().dial(&container, 7000))).await;
        assert!(several.iter().all(Result::is_ok));
        assert_eq!(helpers(&lab).len(), 1, "one helper serves every connection of a network");
        assert_eq!(lab.observe().await.instances.len(), 1, "the helper must not be listed as part of the stack");
        lab.target.dial().unwrap().close_helpers().await;
        assert_eq!(helpers(&lab), Vec::<String>::new());
        lab.clean().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_port_nobody_listens_on_ends_the_stream_at_once() {
        let Some(lab) = lab("dial-helper-refused").await else { return };
        let container = echo(&lab).await;
        drop(dialled(&lab, &container).await);
        let ended = match lab.target.dial().unwrap().dial(&container, 7001).await {
            Ok(mut stream) => {
                let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0; 1])).await;
                read.expect("the stream of a refused connection stayed open").unwrap_or(0) == 0
            }
            Err(error) => matches!(error, TargetError::NotListening { .. }),
        };
        assert!(ended);
        lab.target.dial().unwrap().close_helpers().await;
        lab.clean().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_dialler_that_dies_leaves_no_helper() {
        let Some(mut lab) = lab("dial-helper-died").await else { return };
        let container = echo(&lab).await;
        drop(dialled(&lab, &container).await);
        assert_eq!(helpers(&lab).len(), 1);
        // Nothing hangs up: the connections just end, as they do when a process is killed.
        lab.target = Arc::new(DockerEngine::connect(None, &environment()).await.unwrap());
        crate::support::project::eventually("the helper ends with its dialler", Duration::from_secs(20), || {
            helpers(&lab).is_empty()
        });
        lab.clean().await;
    }
}
