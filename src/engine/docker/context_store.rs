//! The Docker CLI's contexts as they lie on the disk.
//! Reads `contexts/meta/SHA256(name)/meta.json` and `contexts/tls/SHA256(name)/docker/` of its configuration folder.
//! Never writes there and never connects.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::address::{Address, DEFAULT_SOCKET, Environment, TlsFiles, fault, parse};
use crate::error::nearest;
use crate::input_file::{Files, LocalFiles};
use crate::target::{AddressPart, TargetError};

/// The context that is none: the default socket.
pub(super) const DEFAULT: &str = "default";

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

/// The context `docker context use` chose. A configuration that is there and cannot be read is an error: it may name
/// another engine than the default one.
pub(super) fn current(folder: &Path) -> Result<Option<String>, TargetError> {
    let path = folder.join("config.json");
    let unreadable = |reason: String| {
        fault(AddressPart::Context, &path.display().to_string(), format!("the current context is unknown: {reason}"))
    };
    let text = match LocalFiles.read(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let config: ConfigFile = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    Ok(config.current_context.filter(|name| !name.is_empty()))
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Name", default)]
    name: String,
    // Other tools keep endpoints of their own there, in whatever shape.
    #[serde(rename = "Endpoints", default)]
    endpoints: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_verify: bool,
}

/// Where a context's engine is. `folder` is the Docker CLI's configuration folder.
pub(super) fn address(name: &str, folder: &Path, environment: &Environment) -> Result<Address, TargetError> {
    let shown = format!("context {name}");
    let bad = |reason: String| fault(AddressPart::Context, &shown, reason);
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let text = match LocalFiles.read(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(unknown(name, folder));
        }
        Err(error) => return Err(bad(format!("{}: {error}", path.display()))),
    };
    let meta: ContextMeta = serde_json::from_slice(&text).map_err(|e| bad(format!("{}: {e}", path.display())))?;
    let Some(endpoint) = meta.endpoints.get("docker") else { return Err(bad(no_docker(&meta))) };
    let endpoint = DockerEndpoint::deserialize(endpoint).map_err(|e| bad(format!("{}: {e}", path.display())))?;
    if endpoint.host.is_empty() {
        return parse(&format!("unix://{DEFAULT_SOCKET}"), environment, None);
    }
    let tls = tls(&folder.join("contexts/tls").join(&id).join("docker"), endpoint.skip_verify).map_err(&bad)?;
    parse(&endpoint.host, environment, tls).map_err(|error| match error {
        TargetError::BadAddress { address, reason, .. } => bad(format!("its host `{address}`: {reason}")),
        other => other,
    })
}

/// A context has TLS when it has a file for it, or says that no certificate is checked.
fn tls(folder: &Path, skip_verify: bool) -> Result<Option<TlsFiles>, String> {
    let existing = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    let (ca, certificate, key) = (existing("ca.pem"), existing("cert.pem"), existing("key.pem"));
    let files = TlsFiles { ca, client: pair(certificate, key, folder)?, skip_verify };
    Ok((files != TlsFiles::default()).then_some(files))
}

/// A certificate and its key: both or none.
pub(super) fn pair(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    folder: &Path,
) -> Result<Option<(PathBuf, PathBuf)>, String> {
    let lacks = |has: &str, lacks: &str| Err(format!("{} has {has} and no {lacks}", folder.display()));
    match (certificate, key) {
        (Some(_), None) => lacks("cert.pem", "key.pem"),
        (None, Some(_)) => lacks("key.pem", "cert.pem"),
        (certificate, key) => Ok(certificate.zip(key)),
    }
}

fn no_docker(meta: &ContextMeta) -> String {
    let others: Vec<&str> = meta.endpoints.keys().map(String::as_str).collect();
    match &others[..] {
        [] => "it has no docker endpoint".to_owned(),
        others => format!("it has no docker endpoint, only one for {}", others.join(" and ")),
    }
}

fn unknown(name: &str, folder: &Path) -> TargetError {
    let known = names(folder);
    let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    TargetError::BadAddress {
        part: AddressPart::Context,
        address: format!("context {name}"),
        reason: format!("there is no context of this name in {}", folder.join("contexts").display()),
        nearest: near,
    }
}

/// The contexts there are.
fn names(folder: &Path) -> Vec<String> {
    let metas = std::fs::read_dir(folder.join("contexts/meta")).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| {
        let meta: ContextMeta = serde_json::from_slice(&LocalFiles.read(&entry.path().join("meta.json")).ok()?).ok()?;
        Some(meta.name)
    };
    let mut names: Vec<String> = metas.filter_map(name).chain([DEFAULT.to_owned()]).collect();
    names.sort();
    names
}
