//! An engine's address taken apart: socket, TCP port with or without TLS, or a machine behind ssh.
//! Reads the text of an address; returns an `Address`.
//! Never connects and never reads a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::target::{AddressPart, TargetError};

use crate::project::SshAddress;

pub(super) const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

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
    /// Authorities the server is checked with; the machine's own when absent.
    pub ca: Option<PathBuf>,
    /// Certificate and key we show.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Take any server certificate (`verify: false`, DOCKER_TLS without DOCKER_TLS_VERIFY, SkipTLSVerify of a context).
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

/// The value of a variable; an empty one is none.
pub(super) fn set<'a>(environment: &'a Environment, key: &str) -> Option<&'a str> {
    environment.get(key).map(String::as_str).filter(|value| !value.is_empty())
}

/// Takes an address apart. `tls`: the TLS settings for it; a scheme without TLS is rejected.
pub(super) fn parse(text: &str, environment: &Environment, tls: Option<TlsFiles>) -> Result<Address, TargetError> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
    let route = match scheme {
        "unix" => Route::Unix(PathBuf::from(if rest.is_empty() { DEFAULT_SOCKET } else { rest })),
        "tcp" => tcp(text, rest, tls)?,
        "http" if tls.is_some() => {
            return Err(bad(text, "http:// is not encrypted, but TLS is configured; write tcp://"));
        }
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
    let SshAddress { user, host, port, socket } = SshAddress::parse(rest).map_err(|reason| bad(text, reason))?;
    Ok(SshHost { user, host, port, socket, search_path: set(environment, "PATH").map(str::to_owned) })
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

/// A fault of the address's own text.
pub(super) fn bad(address: &str, reason: impl Into<String>) -> TargetError {
    fault(AddressPart::Host, address, reason)
}

/// A fault of one part of what says where the engine is.
pub(super) fn fault(part: AddressPart, address: &str, reason: impl Into<String>) -> TargetError {
    // Text of a project goes to the terminal: control characters stay out of it.
    let shown = |text: String| text.replace(char::is_control, "?");
    TargetError::BadAddress {
        part,
        address: shown(without_password(address)),
        reason: shown(reason.into()),
        nearest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_addresses_are_taken_apart_and_passwords_refused() {
        let Route::Ssh(host) = parse("ssh://deploy@prod:2222/run/d.sock", &Environment::new(), None).unwrap().route
        else {
            panic!("not an ssh route");
        };
        assert_eq!((host.user.as_deref(), host.host.as_str(), host.port), (Some("deploy"), "prod", Some(2222)));
        assert_eq!(host.socket.as_deref(), Some("/run/d.sock"));
        for wrong in
            ["ssh://", "ssh://-oProxyCommand=x", "ssh://u:secret@h", "npipe:////./pipe/x", "ftp://h", "tcp://h:x"]
        {
            let error = parse(wrong, &Environment::new(), None).unwrap_err();
            assert!(matches!(error, TargetError::BadAddress { .. }), "{wrong}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
