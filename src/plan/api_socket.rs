//! What `use_api_socket` means: the engine's socket and the operator's registry logins inside the container.
//! Reads the docker configuration file; completes the services of a stack as Compose does before it hashes them.
//! Never asks credential helpers: what they keep is not meant to be copied.

use std::path::Path;

use crate::compose::model::{ConfigSource, FileReference, ServiceVolume, Stack};
use crate::input_file::Files;

/// The socket, on the engine's machine and in the container.
const SOCKET: &str = "/var/run/docker.sock";
/// The key of the config that holds the logins; no file can have it.
const CONFIG: &str = "#apisocket";
/// Where clients in the container look for them.
const FOLDER: &str = "/run/secrets/docker";

/// Gives the services that ask for it what they ask for. `docker_config` is the folder of the Docker CLI's settings.
pub fn grant(stack: &mut Stack, docker_config: Option<&Path>, disk: &dyn Files) {
    if !stack.services.values().any(|service| service.use_api_socket) {
        return;
    }
    let content = logins(docker_config, disk).to_string();
    stack.configs.insert(CONFIG.to_owned(), ConfigSource { name: CONFIG.to_owned(), content, ..Default::default() });
    for service in stack.services.values_mut().filter(|service| service.use_api_socket) {
        service.volumes.push(ServiceVolume {
            r#type: "bind".to_owned(),
            source: SOCKET.to_owned(),
            target: SOCKET.to_owned(),
            ..Default::default()
        });
        let target = format!("{FOLDER}/config.json");
        service.configs.push(FileReference { source: CONFIG.to_owned(), target, ..Default::default() });
        service.environment.insert("DOCKER_CONFIG".to_owned(), Some(FOLDER.to_owned()));
    }
}

fn logins(folder: Option<&Path>, disk: &dyn Files) -> serde_json::Value {
    let text = folder.and_then(|folder| disk.read(&folder.join("config.json")).ok()).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let auths = config.get("auths").filter(|auths| auths.is_object()).cloned();
    serde_json::json!({ "auths": auths.unwrap_or_else(|| serde_json::json!({})) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::hash::config_hash;
    use crate::compose::model::Service;
    use crate::input_file::LocalFiles;

    #[test]
    fn a_granted_service_hashes_as_in_compose() {
        // The label Compose 5.6.1 put on the container of this service.
        let service: Service = serde_json::from_value(serde_json::json!({
            "command": ["sleep", "100"], "image": "aictl-lab/tool:1", "networks": {"default": null}, "use_api_socket": true,
        }))
        .unwrap();
        let mut stack = Stack { services: [("a".to_owned(), service)].into(), ..Stack::default() };
        grant(&mut stack, None, &LocalFiles);
        let expected = "c6e477268272b999c4bf4dcc6c9e59f4ca3b42c9240261a3274a585e112f526d";
        assert_eq!(config_hash(&stack.services["a"]), expected);
        assert_eq!(stack.configs[CONFIG].content, r#"{"auths":{}}"#);
    }

    #[test]
    fn only_logins_are_copied_from_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"auths":{"r":{"auth":"x"}},"credsStore":"desktop"}"#)
            .unwrap();
        assert_eq!(logins(Some(folder.path()), &LocalFiles), serde_json::json!({"auths": {"r": {"auth": "x"}}}));
    }
}
