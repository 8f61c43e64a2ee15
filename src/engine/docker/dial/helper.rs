//! The helper container that relays bytes where no address of the network can be reached from here.
//! Reads which images of the stack are on the engine; creates one container a network, and one exec in it a connection.
//! Never outlives this process: it ends with its standard input, and the engine removes it then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use serde::Deserialize;
use serde_json::json;

use super::dialled::Helper;
use super::relay;
use crate::engine::docker::confined::confined;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::perform::start;
use crate::engine::docker::query::encoded;
use crate::engine::docker::state::ROLE;
use crate::engine::docker::{DockerEngine, observe};
use crate::plan::{ObservedInstance, labels};
use crate::target::{BoxDuplex, TargetError};

/// How long a helper may take to run, and a relay in it to connect.
const STARTING: Duration = Duration::from_secs(30);
const CONNECTING: Duration = Duration::from_secs(10);

/// Reads until its standard input ends: with our connection, whatever ends that.
const WAIT: &str = "while read -r _; do :; done";

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

/// The network a container is reached on, as the engine's network mode, and its address there.
fn place(container: &ObservedInstance) -> Option<(String, String)> {
    let mode = container.docker.network_mode.as_str();
    if mode == "host" || mode.starts_with("container:") {
        return Some((mode.to_owned(), "127.0.0.1".to_owned()));
    }
    let attached = container.docker.networks.iter().find(|(_, (_, address))| !address.is_empty());
    attached.map(|(network, (_, address))| (network.clone(), address.clone()))
}

impl DockerEngine {
    pub(super) async fn dial_by_helper(
        &self,
        container: &ObservedInstance,
        port: u16,
    ) -> Result<BoxDuplex, TargetError> {
        let no_route = |reason: String| TargetError::NoRoute { container: container.name.clone(), port, reason };
        let Some((network, address)) = place(container) else {
            return Err(no_route("it is not attached to a network".to_owned()));
        };
        let late = |_| no_route("the helper container on its network timed out".to_owned());
        for fresh in [false, true] {
            let helper = self.helper_on(&network, container, fresh).await?;
            let dialled = relay::connect(&self.connection, &helper.id, &address, port);
            match tokio::time::timeout(CONNECTING, dialled).await.map_err(late)? {
                Ok(Some(stream)) => return Ok(stream),
                Ok(None) => return Err(TargetError::NotListening { container: container.name.clone(), port }),
                // Somebody removed the helper: another one is made, once.
                Err(TargetError::NotFound { .. } | TargetError::Refused { status: 409, .. }) if !fresh => {}
                Err(error) => return Err(no_route(error.to_string())),
            }
        }
        Err(no_route("the helper container on its network was removed".to_owned()))
    }

    /// The helper of a network; the first dial makes it. One at a time: engines of old count a network's endpoints
    /// wrongly when several containers join it at once.
    async fn helper_on(
        &self,
        network: &str,
        container: &ObservedInstance,
        fresh: bool,
    ) -> Result<Arc<Helper>, TargetError> {
        let mut helpers = Arc::clone(&self.dialled.helpers).lock_owned().await;
        if fresh {
            helpers.remove(network);
        }
        if let Some(helper) = helpers.get(network) {
            return Ok(Arc::clone(helper));
        }
        // A task of its own, which holds the lock to its end: who gives up a dial in the middle leaves no container that
        // `remove_helpers` does not know of.
        let (engine, network, container) = (self.clone(), network.to_owned(), container.clone());
        let name = container.name.clone();
        let making = tokio::spawn(async move {
            let helper = Arc::new(engine.new_helper(&network, &container).await?);
            helpers.insert(network, Arc::clone(&helper));
            Ok(helper)
        });
        making.await.unwrap_or_else(|error| Err(no_helper(name, &error.to_string())))
    }

    async fn new_helper(&self, network: &str, container: &ObservedInstance) -> Result<Helper, TargetError> {
        let project = container.labels.get(labels::PROJECT).cloned().unwrap_or_default();
        let mut reason = "no image of the stack is present on the engine".to_owned();
        for image in self.images_of(&project, container).await? {
            match run(&self.connection, (&project, network), &image).await {
                Ok(helper) => return Ok(helper),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(no_helper(container.name.clone(), &reason))
    }

    /// Ids of the images the project's containers run on, the container's own first.
    async fn images_of(&self, project: &str, container: &ObservedInstance) -> Result<Vec<String>, TargetError> {
        let mut images = vec![container.docker.image_id.clone()];
        for other in observe::containers(&self.connection, project).await? {
            if !images.contains(&other.docker.image_id) {
                images.push(other.docker.image_id);
            }
        }
        Ok(images)
    }

    pub(in crate::engine::docker) async fn remove_helpers(&self) {
        let helpers = std::mem::take(&mut *self.dialled.helpers.lock().await);
        for helper in helpers.values() {
            remove(&self.connection, &helper.id).await;
        }
    }
}

fn no_helper(container: String, reason: &str) -> TargetError {
    TargetError::NoRoute { container, port: 0, reason: format!("could not run a helper container: {reason}") }
}

/// Creates, attaches and starts a helper, and proves that it can relay. What fails leaves nothing behind.
async fn run(connection: &Connection, place: (&str, &str), image: &str) -> Result<Helper, TargetError> {
    let (project, network) = place;
    let doing = format!("running a helper on {network}");
    let name = format!("{project}-aictl-dial-{}", unique());
    let path = format!("/containers/create?name={}", encoded(&name));
    let answer = connection.post(&path, &container(project, network, image), &doing).await?;
    let created: Created = serde_json::from_slice(&answer)
        .map_err(|e| TargetError::Broken { operation: doing.clone(), message: e.to_string() })?;
    let began = async {
        let attach = format!("/containers/{}/attach?stream=1&stdin=1", created.id);
        let input = connection.hijack(&attach, &json!({}), &doing).await?;
        start(connection, &created.id).await?;
        relay::check(connection, &created.id).await?;
        Ok(input)
    };
    let late = |_| Err(TargetError::TimedOut { what: doing.clone(), after: STARTING });
    match tokio::time::timeout(STARTING, began).await.unwrap_or_else(late) {
        Ok(input) => Ok(Helper { id: created.id, _input: std::sync::Mutex::new(input) }),
        Err(error) => {
            remove(connection, &created.id).await;
            Err(error)
        }
    }
}

async fn remove(connection: &Connection, id: &str) {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    // It may be gone already: it removes itself when its standard input ends.
    let _ = connection.api.remove_container(id, Some(options)).await;
}

fn unique() -> String {
    let mut bytes = [0; 6];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        Err(_) => std::process::id().to_string(),
    }
}

/// A container that may do nothing but read its standard input and open connections on one network.
fn container(project: &str, network: &str, image: &str) -> serde_json::Value {
    let labels = BTreeMap::from([(labels::AICTL_PROJECT, project), (ROLE, "dial"), ("io.aictl.oneoff", "True")]);
    json!({
        "Image": image,
        "Entrypoint": ["sh", "-c", WAIT],
        "Cmd": [],
        "Env": [],
        "User": "65534:65534",
        "WorkingDir": "/",
        "Labels": labels,
        "Healthcheck": { "Test": ["NONE"] },
        "OpenStdin": true,
        "StdinOnce": true,
        "AttachStdin": true,
        "StopSignal": "SIGKILL",
        "HostConfig": confined((128, 256), json!({ "NetworkMode": network, "AutoRemove": true })),
    })
}
