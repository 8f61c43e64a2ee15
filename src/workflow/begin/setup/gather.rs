//! What `setup` plans from: the facts `doctor` collects, and what the package repositories offer where that decides.
//! Reads through doctor's eyes; asks the package manager only on distributions that may have no engine.
//! Never judges, and never changes anything.

use std::time::Duration;

use super::machine::ThisMachine;
use crate::error::Result;
use crate::host::facts::Facts;
use crate::host::install::{
    EngineState, Machine, SetupError, SetupFacts, Trouble, asks_repositories, is_engine_package,
};
use crate::host::{SystemRoot, program};
use crate::plan::EngineInfo;
use crate::session::Context;
use crate::session::load::load_project_file;
use crate::session::machine_facts::observe_facts;
use crate::target::TargetError;

/// Package metadata may have to be fetched first.
const REPOSITORIES: Duration = Duration::from_secs(300);

/// Where an engine that is installed here listens.
const SOCKETS: [&str; 2] = ["unix:///var/run/docker.sock", "unix:///run/docker.sock"];

/// What there is.
pub(super) struct Found {
    pub(super) facts: SetupFacts,
    pub(super) engine: Option<EngineInfo>,
    /// Why it is not known what the stack needs.
    pub(super) unreadable: Option<String>,
}

/// Looks at everything.
pub(super) async fn gather(context: &Context, machine: &ThisMachine) -> Result<Found> {
    let project = load_project_file(context)?;
    let seen = observe_facts(context, &project).await?;
    let root = SystemRoot::of_this_machine();
    let mut facts = SetupFacts {
        engine: engine_state(seen.engine.as_ref().err())?,
        os: seen.machine.os.clone(),
        is_root: seen.machine.is_root,
        user: seen.machine.user.clone(),
        lacks_profiles: root.confines_programs() && program(&root, "apparmor_parser").is_none(),
        offered: Vec::new(),
        timeout: context.options.timeout,
        built_image: built_image(&seen, &root),
        kernel: seen.machine.kernel.clone().unwrap_or_default(),
        map_count_for: seen.stack.elasticsearch.as_ref().map(|(service, _)| service.clone()),
        overcommit_for: seen.stack.redis.clone(),
        presence: seen.presence,
    };
    if asks_repositories(&facts) {
        facts.offered = offered(machine).await?;
    }
    Ok(Found { facts, engine: seen.engine.ok(), unreadable: seen.stack.unreadable })
}

fn built_image(seen: &Facts, root: &SystemRoot) -> Option<String> {
    let has_program = ["mmdebstrap", "debootstrap"].iter().any(|name| program(root, name).is_some());
    seen.stack.built_image.clone().filter(|_| !has_program)
}

/// What an error of the first connection means for a setup. Where the address itself is wrong, nothing can be planned.
fn engine_state(error: Option<&TargetError>) -> Result<EngineState> {
    let Some(error) = error else { return Ok(EngineState::Answers) };
    Ok(match error {
        TargetError::Forbidden { address } if SOCKETS.contains(&address.as_str()) => EngineState::Forbidden,
        TargetError::Forbidden { address } => {
            EngineState::Elsewhere { address: address.clone(), reason: "permission denied".to_owned() }
        }
        TargetError::Unreachable { address, .. } if SOCKETS.contains(&address.as_str()) => EngineState::Silent,
        TargetError::Unreachable { address, reason } => {
            EngineState::Elsewhere { address: address.clone(), reason: reason.clone() }
        }
        TargetError::UnsupportedEngine { engine, missing, .. } => {
            EngineState::Unsupported { engine: engine.clone(), missing }
        }
        TargetError::TooOld { found, .. } => EngineState::TooOld { found: found.clone() },
        other => return Err(other.clone().into()),
    })
}

async fn offered(machine: &ThisMachine) -> Result<Vec<String>> {
    let command = ["dnf", "-q", "repoquery", "--qf", "%{name}\n", "docker-ce", "moby-engine"].map(str::to_owned);
    let failed = |trouble, tail| SetupError::Step { step: "ask the package repositories".to_owned(), trouble, tail };
    let end = match tokio::time::timeout(REPOSITORIES, machine.run(&command, &|_| ())).await {
        Err(_) => return Err(failed(Trouble::TimedOut, Vec::new()).into()),
        Ok(Err(error)) => return Err(failed(Trouble::NoProgram, vec![error.to_string()]).into()),
        Ok(Ok(end)) => end,
    };
    if end.code != Some(0) {
        return Err(failed(Trouble::of(&end.tail), end.tail).into());
    }
    Ok(end.tail.into_iter().filter(|name| is_engine_package(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::AddressPart;

    fn unreachable(address: &str, reason: &str) -> TargetError {
        TargetError::Unreachable { address: address.into(), reason: reason.into() }
    }

    #[test]
    fn only_a_silent_socket_of_this_machine_is_set_up() {
        let state = |error: TargetError| engine_state(Some(&error)).unwrap();
        assert_eq!(engine_state(None).unwrap(), EngineState::Answers);
        let here = "unix:///var/run/docker.sock";
        assert_eq!(state(unreachable(here, "No such file or directory")), EngineState::Silent);
        assert_eq!(state(TargetError::Forbidden { address: here.into() }), EngineState::Forbidden);
        for away in ["unix:///tmp/other.sock", "ssh://ops@prod", "tcp://10.0.0.1:2376"] {
            assert!(matches!(state(unreachable(away, "refused")), EngineState::Elsewhere { .. }), "{away}");
        }
        let bad =
            TargetError::BadAddress { part: AddressPart::Host, address: "x".into(), reason: "y".into(), nearest: None };
        assert!(engine_state(Some(&bad)).is_err());
    }
}
