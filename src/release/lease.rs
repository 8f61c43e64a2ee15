//! The lease: who may change the stack right now.
//! Decides whether a lease that was observed is alive, dead or unknown; all times are the engine's.
//! Never acquires anything.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who holds or wants a lease, as far as an operator needs to know to talk to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseOwner {
    /// Login name.
    pub user: String,
    /// Host name of the operator's machine.
    pub host: String,
    /// Boot id of that machine: with the process id it identifies a process on the same host.
    pub boot_id: String,
    /// Process id.
    pub pid: u32,
    /// The process namespace the id is of: `pid:[4026531836]`. Two containers of one host name count apart from one.
    #[serde(default)]
    pub pid_namespace: String,
    /// When the process began, in the kernel's ticks since boot: its id is used again after it.
    #[serde(default)]
    pub process_start: u64,
    /// The verb: `start`, `deploy`.
    pub operation: String,
    /// Version of aictl.
    pub version: String,
}

/// A lease this process holds. `execute` does not compile without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The project it is for.
    pub project: String,
    /// Id the engine gave it; the fencing token.
    pub id: String,
    /// Who holds it.
    pub owner: LeaseOwner,
    /// The dead owner it was taken from, if any.
    pub taken_over: Option<LeaseOwner>,
}

/// A held lease, as found on the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedLease {
    /// The project it is for.
    pub project: String,
    /// Id on the engine.
    pub id: String,
    /// Who holds it; unknown when the owner died before saying so.
    pub owner: Option<LeaseOwner>,
    /// What holds it where that is another program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_program: Option<String>,
    /// Seconds since it was taken, by the engine's clock.
    pub held_seconds: Option<u64>,
    /// Seconds since its last heartbeat, by the engine's clock.
    pub heartbeat_age_seconds: Option<u64>,
    /// Alive, dead, or unknown.
    pub verdict: LeaseVerdict,
}

/// Whether the owner of a lease still lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaseVerdict {
    /// Its heartbeat is young.
    Alive,
    /// Its process is gone, or its heartbeat is older than the time to live.
    Dead,
    /// Nothing is known of the owner.
    #[default]
    Unknown,
}

impl LeaseVerdict {
    /// A heartbeat is written every 8 seconds; one nearly four times that old belongs to a dead process or a cut network.
    pub const TIME_TO_LIVE: Duration = Duration::from_secs(30);

    /// Judges by heartbeat age, and at once when the owner's process is known to be gone (`process_gone`).
    pub fn judge(heartbeat_age: Option<Duration>, process_gone: bool) -> Self {
        match heartbeat_age {
            _ if process_gone => Self::Dead,
            Some(age) if age > Self::TIME_TO_LIVE => Self::Dead,
            Some(_) => Self::Alive,
            None => Self::Unknown,
        }
    }
}

impl ObservedLease {
    /// Whether the lease may be taken over without asking.
    pub fn looks_dead(&self) -> bool {
        self.verdict == LeaseVerdict::Dead
    }

    /// One line for messages: `start by ann on laptop (pid 4711) since 12s`.
    pub fn summary(&self) -> String {
        let since = self.held_seconds.map(|s| format!(" since {s}s")).unwrap_or_default();
        match (&self.owner, &self.other_program) {
            (Some(o), _) => format!("`{}` by {} on {} (pid {}){since}", o.operation, o.user, o.host, o.pid),
            (None, Some(program)) => format!("{program}{since}"),
            (None, None) => format!("an unknown owner{since}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gone_process_is_dead_however_young_its_heartbeat() {
        assert_eq!(LeaseVerdict::judge(Some(Duration::from_secs(1)), true), LeaseVerdict::Dead);
        assert_eq!(LeaseVerdict::judge(Some(Duration::from_secs(1)), false), LeaseVerdict::Alive);
        assert_eq!(LeaseVerdict::judge(Some(Duration::from_secs(31)), false), LeaseVerdict::Dead);
        assert_eq!(LeaseVerdict::judge(None, false), LeaseVerdict::Unknown);
    }
}
