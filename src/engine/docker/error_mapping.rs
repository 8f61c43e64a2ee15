//! What an engine's refusal means: its words and status become a `TargetError`.
//! Reads bollard's errors; returns the fact behind them where it is known, the engine's own words where not.
//! Never asks the engine anything.

use bollard::errors::Error as ApiError;

use crate::error::innermost;
use crate::plan::EngineInfo;
use crate::target::{ProgramFault, TargetError};

/// Whether the socket is there and this user must not use it.
pub(super) fn is_forbidden(error: &(dyn std::error::Error + 'static)) -> bool {
    let denied = |error: &&(dyn std::error::Error + 'static)| {
        error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    std::iter::successors(Some(error), |error| error.source()).any(|error| denied(&error))
}

/// The general mapping; `doing` is the operation in words: `creating network a_default`.
pub(super) fn map(engine: &impl AsRef<EngineInfo>, doing: &str, error: ApiError) -> TargetError {
    let address = &engine.as_ref().address;
    let operation = doing.to_owned();
    match error {
        ApiError::DockerResponseServerError { status_code, message } => refused(operation, status_code, message),
        ApiError::DockerStreamError { error } => refused(operation, 0, error),
        ApiError::DockerContainerWaitError { error, .. } => {
            TargetError::Refused { operation, status: 0, message: error }
        }
        // Not even a connection, or one that broke off in the middle: an engine that went away is no refusal.
        ApiError::HyperLegacyError { err } => {
            if let Some(failed) = super::tls::failure_of(address, &err) {
                return failed;
            }
            if is_forbidden(&err) {
                return TargetError::Forbidden { address: address.clone() };
            }
            let reason = innermost(&err);
            let reason = if err.is_connect() { reason } else { format!("{operation}: {reason}") };
            TargetError::Unreachable { address: address.clone(), reason }
        }
        ApiError::RequestTimeoutError => {
            TargetError::Unreachable { address: address.clone(), reason: format!("{operation}: timed out") }
        }
        other => TargetError::Broken { operation, message: innermost(&other) },
    }
}

/// Whether the engine rejects the request because another disk usage request is running.
pub(super) fn is_measuring(error: &TargetError) -> bool {
    matches!(error, TargetError::Refused { message, .. } if message.contains("disk usage operation is already running"))
}

/// An engine that saw only a part of an archive rejects it: the connection broke.
pub(super) fn cut_off(error: TargetError) -> TargetError {
    match error {
        TargetError::Refused { operation, message, .. } if message.contains("unexpected EOF") => {
            TargetError::Broken { operation, message }
        }
        other => other,
    }
}

/// Whether the error is about a full disk, for which the engine has no status code.
pub(super) fn is_disk_full(message: &str) -> bool {
    message.to_ascii_lowercase().contains("no space left on device")
}

/// Whether the registry requires or rejected credentials.
pub(super) fn is_about_credentials(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    let credentials = [
        "unauthorized",
        "authentication required",
        "incorrect username",
        "no basic auth credentials",
        // To anyone who may not write there.
        "requested access to the resource is denied",
    ];
    // "pull access denied … may require 'docker login'" is how a registry says that there is no such repository.
    credentials.iter().any(|word| lower.contains(word)) && !lower.contains("pull access denied")
}

/// The source path of a bind mount that does not exist on the engine's host.
pub(super) fn missing_bind_source(message: &str) -> Option<String> {
    let missing = message.contains("bind source path does not exist: ");
    missing.then(|| message.rsplit_once(": ").map_or("", |(_, path)| path).to_owned())
}

/// What is wrong with the program that a container was to run; the runtime says it in words alone:
/// `exec: "nosuch": executable file not found in $PATH`.
pub(super) fn program_fault(reason: &str) -> Option<ProgramFault> {
    let (_, said) = reason.split_once("exec: ")?;
    let absent = ["executable file not found", "no such file or directory"];
    let barred = ["permission denied", "is a directory", "exec format error"];
    if absent.iter().any(|words| said.contains(words)) {
        return Some(ProgramFault::Missing);
    }
    barred.iter().any(|words| said.contains(words)).then_some(ProgramFault::NotExecutable)
}

fn refused(operation: String, status: u16, message: String) -> TargetError {
    if is_disk_full(&message) || message.to_ascii_lowercase().contains("disk quota exceeded") {
        return TargetError::DiskFull { operation, reason: message };
    }
    if status == 404
        && let Some((kind, name)) = not_found(&message)
    {
        return TargetError::NotFound { kind, name };
    }
    TargetError::Refused { operation, status, message }
}

/// `No such container: x`, `network x not found`, `get x: no such volume`, `No such image: x:latest`.
fn not_found(message: &str) -> Option<(&'static str, String)> {
    let message = message.strip_prefix("Error response from daemon: ").unwrap_or(message);
    for kind in ["container", "image", "network", "volume", "exec instance"] {
        if let Some((_, name)) = message.split_once(&format!("o such {kind}: ")) {
            return Some((kind, name.trim().to_owned()));
        }
    }
    if let Some(name) = message.strip_prefix("network ").and_then(|rest| rest.strip_suffix(" not found")) {
        return Some(("network", name.to_owned()));
    }
    let name = message.strip_prefix("get ").and_then(|rest| rest.strip_suffix(": no such volume"));
    name.map(|name| ("volume", name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_engine_become_kinds() {
        for (message, kind, name) in [
            ("No such container: a-api-1", "container", "a-api-1"),
            ("network a_default not found", "network", "a_default"),
            ("get a_data: no such volume", "volume", "a_data"),
            ("No such image: api:latest", "image", "api:latest"),
        ] {
            let expected = TargetError::NotFound { kind, name: name.to_owned() };
            assert_eq!(refused("looking".into(), 404, message.into()), expected);
        }
    }

    #[test]
    fn a_full_disk_is_told_from_other_refusals() {
        let full = refused("building".into(), 500, "write /x: no space left on device".into());
        assert!(matches!(full, TargetError::DiskFull { .. }));
        assert!(matches!(refused("building".into(), 500, "else".into()), TargetError::Refused { status: 500, .. }));
    }
}
