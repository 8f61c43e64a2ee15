//! Credentials for registries: those `docker login` stored, in the configuration file or behind a helper program.
//! Reads the docker configuration folder and runs `docker-credential-NAME get`; returns one registry's credentials.
//! Never stores or shows them.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hyper::header::HeaderName;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::address::Environment;
use super::locate::config_folder;
use crate::input_file::{Files, LocalFiles};
use crate::process;

/// The key under which the Docker Hub's credentials are kept.
const HUB: &str = "https://index.docker.io/v1/";

/// A helper may ask its user for a PIN.
const HELPER: Duration = Duration::from_secs(60);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// Credentials for a registry.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) identity_token: String,
    pub(super) server: String,
}

impl Credentials {
    /// The value of the `X-Registry-Auth` header.
    pub(super) fn header(&self) -> String {
        URL_SAFE.encode(self.value().to_string())
    }

    /// The header itself.
    pub(super) fn as_header(&self) -> (HeaderName, String) {
        (HeaderName::from_static("x-registry-auth"), self.header())
    }

    pub(super) fn value(&self) -> serde_json::Value {
        if self.identity_token.is_empty() {
            json!({ "username": self.username, "password": self.password, "serveraddress": self.server })
        } else {
            json!({ "identitytoken": self.identity_token, "serveraddress": self.server })
        }
    }
}

/// The registry of an image reference, as credentials are kept under it.
pub(super) fn registry(image: &str) -> String {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => match first {
            "docker.io" | "index.docker.io" => HUB.to_owned(),
            other => other.to_owned(),
        },
        _ => HUB.to_owned(),
    }
}

/// The credentials for one registry, if there are any.
pub(super) async fn for_registry(registry: &str, environment: &Environment) -> Option<Credentials> {
    let config = load(environment)?;
    let key = host(registry);
    if let Some(helper) = config.cred_helpers.iter().find(|(name, _)| host(name) == key).map(|(_, helper)| helper) {
        return ask(helper, registry, environment).await;
    }
    if !config.creds_store.is_empty()
        && let Some(found) = ask(&config.creds_store, registry, environment).await
    {
        return Some(found);
    }
    let (name, auth) = config.auths.into_iter().find(|(name, _)| host(name) == key)?;
    auth.credentials(name)
}

/// All credentials that are known without naming an image: a build may pull from any registry.
pub(super) async fn all(environment: &Environment) -> Vec<Credentials> {
    let Some(config) = load(environment) else { return Vec::new() };
    let names: Vec<String> = config.auths.into_keys().chain(config.cred_helpers.into_keys()).collect();
    let mut all = Vec::new();
    for name in names {
        all.extend(for_registry(&name, environment).await);
    }
    all
}

fn load(environment: &Environment) -> Option<Config> {
    let text = LocalFiles.read(&config_folder(environment)?.join("config.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

impl Auth {
    fn credentials(self, server: String) -> Option<Credentials> {
        let (mut username, mut password) = (self.username, self.password);
        if !self.auth.is_empty() {
            let decoded = String::from_utf8(STANDARD.decode(&self.auth).ok()?).ok()?;
            let (user, secret) = decoded.split_once(':')?;
            (username, password) = (user.to_owned(), secret.trim_end_matches('\0').to_owned());
        }
        let found = Credentials { username, password, identity_token: self.identitytoken, server };
        (!found.username.is_empty() || !found.identity_token.is_empty()).then_some(found)
    }
}

/// Without scheme and path: keys are written both ways.
fn host(registry: &str) -> &str {
    let rest = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

async fn ask(helper: &str, registry: &str, environment: &Environment) -> Option<Credentials> {
    tokio::time::timeout(HELPER, ask_now(helper, registry, environment)).await.ok().flatten()
}

async fn ask_now(helper: &str, registry: &str, environment: &Environment) -> Option<Credentials> {
    let search_path = environment.get("PATH").map(String::as_str);
    let mut command = process::command_in(&format!("docker-credential-{helper}"), search_path).ok()?;
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(registry.as_bytes()).await.ok()?;
    let output = child.wait_with_output().await.ok().filter(|output| output.status.success())?;
    let helped: Helped = serde_json::from_slice(&output.stdout).ok()?;
    let server = registry.to_owned();
    Some(if helped.username == "<token>" {
        Credentials { identity_token: helped.secret, server, ..Credentials::default() }
    } else {
        Credentials { username: helped.username, password: helped.secret, server, ..Credentials::default() }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn environment(folder: &std::path::Path, config: &str) -> Environment {
        std::fs::write(folder.join("config.json"), config).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        [("DOCKER_CONFIG".to_owned(), folder.display().to_string()), ("PATH".to_owned(), path)].into()
    }

    #[test]
    fn the_registry_of_an_image_is_its_first_part_when_it_looks_like_a_host() {
        for (image, expected) in [
            ("redis:7", HUB),
            ("library/redis", HUB),
            ("docker.io/library/redis", HUB),
            ("localhost/x", "localhost"),
            ("registry.example.com:5000/a/b@sha256:00", "registry.example.com:5000"),
        ] {
            assert_eq!(registry(image), expected, "{image}");
        }
    }

    #[tokio::test]
    async fn a_login_is_found_however_its_registry_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let auth = STANDARD.encode("ann:p:w");
        let config = format!(r#"{{"auths": {{"https://r.example.com/v1/": {{"auth": "{auth}"}}}}}}"#);
        let found = for_registry("r.example.com", &environment(folder.path(), &config)).await.unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("ann", "p:w"));
        assert!(for_registry("other.example.com", &environment(folder.path(), &config)).await.is_none());
    }

    #[tokio::test]
    async fn a_helper_program_is_asked_for_its_registry() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-lab");
        let script = "#!/bin/sh\nread server\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"<token>\",\"Secret\":\"t-%s\"}' \"$server\" \"$server\"\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment = environment(folder.path(), r#"{"credHelpers": {"r.example.com": "lab"}}"#);
        let found = for_registry("r.example.com", &environment).await.unwrap();
        assert_eq!(found.identity_token, "t-r.example.com");
        assert_eq!(all(&environment).await.len(), 1);
    }
}
