//! Where the engine is: an explicit address, DOCKER_HOST, a docker context, or the default socket.
//! Reads the environment it is handed and the docker configuration folder; returns an `Address`.
//! Never connects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::target::TargetError;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The process environment as data.
pub type Environment = BTreeMap<String, String>;

/// Where an engine is and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As an operator writes it, without credentials: `unix:///var/run/docker.sock`.
    pub display: String,
    /// The way there.
    pub route: Route,
}

/// The way to an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A socket on this machine.
    Unix(PathBuf),
    /// A TCP port, in the clear or with TLS.
    Tcp { host: String, port: u16, tls: Option<TlsFiles> },
    /// `docker system dial-stdio` on another machine.
    Ssh(SshHost),
}

/// What TLS needs from the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authority the server is checked with; the machine's own when absent.
    pub ca: Option<PathBuf>,
    /// Certificate and key we show.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Take any server certificate (DOCKER_TLS without DOCKER_TLS_VERIFY, SkipTLSVerify of a context).
    pub skip_verify: bool,
}

/// A machine reached by ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// Login, ssh's default when absent.
    pub user: Option<String>,
    /// Host name or an alias of ssh's configuration.
    pub host: String,
    /// Port, ssh's default when absent.
    pub port: Option<u16>,
    /// Socket on the other machine, docker's default when absent.
    pub socket: Option<String>,
    /// Search path `ssh` is looked up in.
    pub search_path: Option<String>,
}

/// Finds the engine. Precedence as the Docker CLI has it: explicit address, DOCKER_HOST, DOCKER_CONTEXT, the current
/// context of the configuration, the default socket.
pub fn resolve(explicit: Option<&str>, environment: &Environment) -> Result<Address, TargetError> {
    let host = explicit.or_else(|| set(environment, "DOCKER_HOST"));
    if let Some(host) = host {
        return parse(host, environment, environment_tls(environment));
    }
    let folder = config_folder(environment);
    let context = match set(environment, "DOCKER_CONTEXT") {
        Some(name) => Some(name.to_owned()),
        None => folder.as_deref().and_then(current_context),
    };
    match (context, folder) {
        (Some(name), Some(folder)) if name != "default" => context_address(&name, &folder, environment),
        _ => parse(&format!("unix://{DEFAULT_SOCKET}"), environment, None),
    }
}

/// The folder of the Docker CLI's configuration: DOCKER_CONFIG or `~/.docker`.
pub fn config_folder(environment: &Environment) -> Option<PathBuf> {
    set(environment, "DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set(environment, "HOME").map(|home| Path::new(home).join(".docker")))
}

fn set<'a>(environment: &'a Environment, key: &str) -> Option<&'a str> {
    environment.get(key).map(String::as_str).filter(|value| !value.is_empty())
}

fn parse(text: &str, environment: &Environment, tls: Option<TlsFiles>) -> Result<Address, TargetError> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
    let route = match scheme {
        "unix" => Route::Unix(PathBuf::from(if rest.is_empty() { DEFAULT_SOCKET } else { rest })),
        "tcp" => tcp(text, rest, tls)?,
        "http" => tcp(text, rest, None)?,
        "https" => tcp(text, rest, Some(tls.unwrap_or_default()))?,
        "ssh" => Route::Ssh(ssh(text, rest, environment)?),
        "npipe" => return Err(bad(text, "named pipes exist on Windows only")),
        other => return Err(bad(text, format!("unknown scheme `{other}`; unix, tcp, http, https and ssh are known"))),
    };
    let display = match &route {
        Route::Unix(path) => format!("unix://{}", path.display()),
        _ => format!("{scheme}://{}", without_password(rest)),
    };
    Ok(Address { display, route })
}

fn without_password(rest: &str) -> String {
    match rest.rsplit_once('@') {
        Some((login, host)) => format!("{}@{host}", login.split(':').next().unwrap_or(login)),
        None => rest.to_owned(),
    }
}

fn tcp(text: &str, rest: &str, tls: Option<TlsFiles>) -> Result<Route, TargetError> {
    let authority = rest.split('/').next().unwrap_or(rest);
    let (host, port) = host_and_port(text, authority)?;
    if rest.trim_end_matches('/').contains('/') {
        return Err(bad(text, "a path after the port is not supported"));
    }
    let port = port.unwrap_or(if tls.is_some() { 2376 } else { 2375 });
    Ok(Route::Tcp { host: if host.is_empty() { "127.0.0.1".to_owned() } else { host }, port, tls })
}

fn ssh(text: &str, rest: &str, environment: &Environment) -> Result<SshHost, TargetError> {
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) if !path.is_empty() => (authority, Some(format!("/{path}"))),
        Some((authority, _)) => (authority, None),
        None => (rest, None),
    };
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => return Err(bad(text, "a password cannot be part of an ssh address")),
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, authority),
    };
    let (host, port) = host_and_port(text, place)?;
    // ssh would read a leading dash as an option.
    if host.is_empty() || host.starts_with('-') || user.as_deref().is_some_and(|u| u.starts_with('-')) {
        return Err(bad(text, "no host name"));
    }
    Ok(SshHost { user, host, port, socket: path, search_path: set(environment, "PATH").map(str::to_owned) })
}

fn host_and_port(text: &str, authority: &str) -> Result<(String, Option<u16>), TargetError> {
    let number =
        |port: &str| port.parse::<u16>().map(Some).map_err(|_| bad(text, format!("`{port}` is not a valid port")));
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(|| bad(text, "`[` without `]`"))?;
        let port = after.strip_prefix(':').map_or(Ok(None), number)?;
        return Ok((host.to_owned(), port));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => Ok((host.to_owned(), number(port)?)),
        None => Ok((authority.to_owned(), None)),
    }
}

/// DOCKER_TLS_VERIFY asks for checked TLS, DOCKER_TLS for TLS; files are those of DOCKER_CERT_PATH.
fn environment_tls(environment: &Environment) -> Option<TlsFiles> {
    let verify = set(environment, "DOCKER_TLS_VERIFY").is_some();
    if !verify && set(environment, "DOCKER_TLS").is_none() {
        return None;
    }
    let folder = set(environment, "DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config_folder(environment));
    Some(tls_files(&folder.unwrap_or_default(), !verify))
}

fn tls_files(folder: &Path, skip_verify: bool) -> TlsFiles {
    let existing = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    TlsFiles { ca: existing("ca.pem"), client: existing("cert.pem").zip(existing("key.pem")), skip_verify }
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

fn current_context(folder: &Path) -> Option<String> {
    let text = std::fs::read(folder.join("config.json")).ok()?;
    let config: ConfigFile = serde_json::from_slice(&text).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints", default)]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_verify: bool,
}

/// A context lives in `contexts/meta/SHA256(name)/meta.json`, its TLS files in `contexts/tls/SHA256(name)/docker/`.
fn context_address(name: &str, folder: &Path, environment: &Environment) -> Result<Address, TargetError> {
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let shown = format!("context {name}");
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let text = std::fs::read(&path).map_err(|_| bad(&shown, "context not found"))?;
    let meta: ContextMeta = serde_json::from_slice(&text).map_err(|e| bad(&shown, e.to_string()))?;
    let endpoint = meta.endpoints.get("docker").ok_or_else(|| bad(&shown, "it has no docker endpoint"))?;
    if endpoint.host.is_empty() {
        return parse(&format!("unix://{DEFAULT_SOCKET}"), environment, None);
    }
    let tls = tls_files(&folder.join("contexts/tls").join(&id).join("docker"), endpoint.skip_verify);
    let wanted = tls.ca.is_some() || tls.client.is_some() || tls.skip_verify;
    parse(&endpoint.host, environment, wanted.then_some(tls))
}

fn bad(address: &str, reason: impl Into<String>) -> TargetError {
    TargetError::BadAddress { address: without_password(address), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn write_context(folder: &Path, name: &str, host: &str) -> String {
        let id = hex::encode(Sha256::digest(name.as_bytes()));
        let meta = folder.join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).unwrap();
        id
    }

    #[test]
    fn without_anything_the_default_socket_is_taken() {
        let address = resolve(None, &environment(&[])).unwrap();
        assert_eq!(address.route, Route::Unix(DEFAULT_SOCKET.into()));
        assert_eq!(address.display, "unix:///var/run/docker.sock");
    }

    #[test]
    fn an_explicit_address_beats_docker_host_which_beats_the_context() {
        let folder = tempfile::tempdir().unwrap();
        write_context(folder.path(), "remote", "tcp://context:1");
        std::fs::write(folder.path().join("config.json"), r#"{"currentContext":"remote"}"#).unwrap();
        let config = folder.path().to_str().unwrap();
        let both = environment(&[("DOCKER_CONFIG", config), ("DOCKER_HOST", "tcp://host:2")]);
        assert_eq!(resolve(Some("unix:///x.sock"), &both).unwrap().route, Route::Unix("/x.sock".into()));
        assert_eq!(resolve(None, &both).unwrap().display, "tcp://host:2");
        let context = environment(&[("DOCKER_CONFIG", config)]);
        assert_eq!(resolve(None, &context).unwrap().display, "tcp://context:1");
        let chosen = environment(&[("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "default")]);
        assert_eq!(resolve(None, &chosen).unwrap().route, Route::Unix(DEFAULT_SOCKET.into()));
    }

    #[test]
    fn a_context_with_certificates_is_reached_with_tls() {
        let folder = tempfile::tempdir().unwrap();
        let id = write_context(folder.path(), "safe", "tcp://engine");
        let tls = folder.path().join("contexts/tls").join(id).join("docker");
        std::fs::create_dir_all(&tls).unwrap();
        std::fs::write(tls.join("ca.pem"), "").unwrap();
        let env = environment(&[("DOCKER_CONFIG", folder.path().to_str().unwrap()), ("DOCKER_CONTEXT", "safe")]);
        let Route::Tcp { port, tls: Some(files), .. } = resolve(None, &env).unwrap().route else {
            panic!("not a TLS route");
        };
        assert_eq!((port, files.ca, files.skip_verify), (2376, Some(tls.join("ca.pem")), false));
    }

    #[test]
    fn an_unknown_context_is_named() {
        let env = environment(&[("HOME", "/nonexistent"), ("DOCKER_CONTEXT", "gone")]);
        let error = resolve(None, &env).unwrap_err();
        assert_eq!(error.to_string(), "invalid engine address `context gone`: context not found");
    }

    #[test]
    fn tls_variables_choose_port_and_verification() {
        let verified = environment(&[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/nonexistent")]);
        let Route::Tcp { port, tls, .. } = resolve(Some("tcp://h"), &verified).unwrap().route else { panic!() };
        assert_eq!((port, tls), (2376, Some(TlsFiles::default())));
        let Route::Tcp { port, tls, .. } = resolve(Some("tcp://h"), &environment(&[])).unwrap().route else { panic!() };
        assert_eq!((port, tls), (2375, None));
    }

    #[test]
    fn ssh_addresses_are_taken_apart_and_passwords_refused() {
        let Route::Ssh(host) = resolve(Some("ssh://deploy@prod:2222/run/d.sock"), &environment(&[])).unwrap().route
        else {
            panic!("not an ssh route");
        };
        assert_eq!((host.user.as_deref(), host.host.as_str(), host.port), (Some("deploy"), "prod", Some(2222)));
        assert_eq!(host.socket.as_deref(), Some("/run/d.sock"));
        for wrong in
            ["ssh://", "ssh://-oProxyCommand=x", "ssh://u:secret@h", "npipe:////./pipe/x", "ftp://h", "tcp://h:x"]
        {
            let error = resolve(Some(wrong), &environment(&[])).unwrap_err();
            assert!(matches!(error, TargetError::BadAddress { .. }), "{wrong}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
