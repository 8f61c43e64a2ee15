//! Where the engine is: what an environment of aictl.yaml names, DOCKER_HOST, a docker context, or the default socket.
//! Reads the environment it is handed and the docker configuration folder; returns an `Address`.
//! Never connects.

use std::path::{Path, PathBuf};

use super::address::{Address, DEFAULT_SOCKET, Environment, Route, TlsFiles, fault, parse, set};
use super::context_store::{self, pair};
use crate::project::{DockerTarget, DockerTls};
use crate::target::{AddressPart, TargetError};

/// Where the Docker CLI looks when TLS is asked for and no host is named.
const DEFAULT_TLS_HOST: &str = "tcp://localhost:2376";

/// Finds the engine. What the project's environment names goes first; then as the Docker CLI does it: DOCKER_HOST,
/// DOCKER_CONTEXT, the current context of the configuration, the default socket.
///
/// Paths of `named` are absolute.
pub fn locate(named: Option<&DockerTarget>, environment: &Environment) -> Result<Address, TargetError> {
    match named {
        Some(DockerTarget { host: None, context: Some(context), .. }) => {
            of_context(context, environment, |environment| {
                // A named default is the socket itself, whatever the variables say.
                parse(&format!("unix://{DEFAULT_SOCKET}"), environment, None)
            })
        }
        Some(DockerTarget { host: Some(host), tls, .. }) => of_host(host, tls.as_ref(), environment),
        _ => of_surroundings(environment),
    }
}

/// The same for an address alone, as `--host` of the Docker CLI takes it.
pub fn resolve(host: Option<&str>, environment: &Environment) -> Result<Address, TargetError> {
    let named = host.map(|host| DockerTarget { host: Some(host.to_owned()), ..DockerTarget::default() });
    locate(named.as_ref(), environment)
}

/// The folder of the Docker CLI's configuration: DOCKER_CONFIG or `~/.docker`.
pub fn config_folder(environment: &Environment) -> Option<PathBuf> {
    set(environment, "DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set(environment, "HOME").map(|home| Path::new(home).join(".docker")))
}

fn of_host(host: &str, tls: Option<&DockerTls>, environment: &Environment) -> Result<Address, TargetError> {
    let Some(tls) = tls else { return parse(host, environment, tls_of(host, environment)?) };
    let address = parse(host, environment, Some(named_tls(host, tls)?))?;
    if !matches!(address.route, Route::Tcp { .. }) {
        return Err(fault(AddressPart::Tls, host, "TLS is for tcp:// only"));
    }
    Ok(address)
}

/// Names the place of an address that is not accepted.
fn from_place(error: TargetError, place: &str) -> TargetError {
    match error {
        TargetError::BadAddress { part, address, reason, nearest } => {
            TargetError::BadAddress { part, address, reason: format!("{reason} (from {place})"), nearest }
        }
        other => other,
    }
}

fn of_surroundings(environment: &Environment) -> Result<Address, TargetError> {
    if let Some(host) = set(environment, "DOCKER_HOST") {
        let found = tls_of(host, environment).and_then(|tls| parse(host, environment, tls));
        return found.map_err(|error| from_place(error, "DOCKER_HOST"));
    }
    let context = match (set(environment, "DOCKER_CONTEXT"), config_folder(environment)) {
        (Some(name), _) => Some(name.to_owned()),
        (None, Some(folder)) => context_store::current(&folder)?,
        (None, None) => None,
    };
    of_context(context.as_deref().unwrap_or(context_store::DEFAULT), environment, |environment| match environment_tls(
        environment,
    )? {
        Some(tls) => parse(DEFAULT_TLS_HOST, environment, Some(tls)),
        None => parse(&format!("unix://{DEFAULT_SOCKET}"), environment, None),
    })
}

fn of_context(
    name: &str,
    environment: &Environment,
    default: impl Fn(&Environment) -> Result<Address, TargetError>,
) -> Result<Address, TargetError> {
    if name == context_store::DEFAULT {
        return default(environment);
    }
    let lost = || fault(AddressPart::Context, &format!("context {name}"), "neither DOCKER_CONFIG nor HOME is set");
    context_store::address(name, &config_folder(environment).ok_or_else(lost)?, environment)
}

/// The variables ask for TLS over TCP; a socket and ssh have a way of their own, as for the Docker CLI.
fn tls_of(host: &str, environment: &Environment) -> Result<Option<TlsFiles>, TargetError> {
    let elsewhere = ["unix://", "ssh://"].iter().any(|scheme| host.trim().starts_with(scheme));
    if elsewhere { Ok(None) } else { environment_tls(environment) }
}

/// DOCKER_TLS_VERIFY asks for checked TLS, DOCKER_TLS for TLS; files are those of DOCKER_CERT_PATH. As for the Docker
/// CLI `ca.pem` must be there, and a certificate needs its key.
fn environment_tls(environment: &Environment) -> Result<Option<TlsFiles>, TargetError> {
    let verify = set(environment, "DOCKER_TLS_VERIFY").is_some();
    if !verify && set(environment, "DOCKER_TLS").is_none() {
        return Ok(None);
    }
    let folder = set(environment, "DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config_folder(environment));
    let variable = if verify { "DOCKER_TLS_VERIFY" } else { "DOCKER_TLS" };
    let wrong = |reason: String| fault(AddressPart::Tls, variable, reason);
    directory(&folder.unwrap_or_default(), !verify).map(Some).map_err(wrong)
}

/// `ca.pem`, and `cert.pem` with `key.pem` where they are.
fn directory(folder: &Path, skip_verify: bool) -> Result<TlsFiles, String> {
    let existing = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    let ca = existing("ca.pem").ok_or_else(|| format!("{} does not exist", folder.join("ca.pem").display()))?;
    let client = pair(existing("cert.pem"), existing("key.pem"), folder)?;
    Ok(TlsFiles { ca: Some(ca), client, skip_verify })
}

/// The TLS settings of aictl.yaml: they are all there is, the variables add nothing.
fn named_tls(host: &str, tls: &DockerTls) -> Result<TlsFiles, TargetError> {
    let wrong = |reason: String| fault(AddressPart::Tls, host, reason);
    let files = match tls {
        DockerTls::Directory(folder) => return directory(Path::new(folder), false).map_err(wrong),
        DockerTls::Files(files) => files,
    };
    let existing = |path: &Option<String>| match path.as_ref().map(PathBuf::from) {
        Some(path) if !path.exists() => Err(wrong(format!("{} does not exist", path.display()))),
        path => Ok(path),
    };
    let (ca, certificate, key) = (existing(&files.ca)?, existing(&files.cert)?, existing(&files.key)?);
    if certificate.is_some() != key.is_some() {
        return Err(wrong("`cert` and `key` belong together".to_owned()));
    }
    Ok(TlsFiles { ca, client: certificate.zip(key), skip_verify: files.verify == Some(false) })
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
