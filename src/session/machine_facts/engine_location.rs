//! Where the engine runs relative to this machine, which decides which local facts apply to it.
//! Compares the engine's host name and kernel with those of this machine.

use crate::host::SystemRoot;
use crate::host::facts::Seen;
use crate::plan::{EngineFlavour, EngineInfo};
use crate::target::TargetError;

/// Where the engine is, seen from here.
pub(super) struct EngineLocation {
    /// Its address is a socket of this machine.
    pub(super) local: bool,
    /// It runs on this machine's kernel, whose settings are the same in every container.
    pub(super) same_kernel: bool,
    /// It runs beside us: limits, files and ports we see are those it sees.
    pub(super) same_machine: bool,
    /// Why the machine's own facts do not concern it.
    pub(super) why_not: &'static str,
}

impl EngineLocation {
    const HERE: Self = Self { local: true, same_kernel: true, same_machine: true, why_not: "" };
    /// A socket handed into a container: the engine is outside, limits and files here are the container's.
    const OUTSIDE: Self = Self { same_machine: false, why_not: "the engine runs outside this container", ..Self::HERE };
    const VIRTUAL: Self = Self { same_kernel: false, why_not: "the engine runs in a virtual machine", ..Self::OUTSIDE };
    const ELSEWHERE: Self = Self { local: false, why_not: "the engine is on another machine", ..Self::VIRTUAL };

    pub(super) fn of(root: &SystemRoot, engine: std::result::Result<&EngineInfo, &TargetError>) -> Self {
        let engine = match engine {
            Ok(engine) => engine,
            Err(
                TargetError::Unreachable { address, .. }
                | TargetError::Forbidden { address }
                | TargetError::TooOld { address, .. }
                | TargetError::UnsupportedEngine { address, .. },
            ) if address.starts_with("unix:") => return Self::HERE,
            Err(_) => return Self::ELSEWHERE,
        };
        let host = &engine.host;
        if !engine.local {
            return Self::ELSEWHERE;
        }
        if host.flavour == EngineFlavour::DockerDesktop || root.kernel_release().as_ref() != Some(&host.kernel) {
            return Self::VIRTUAL;
        }
        if host.name.is_empty() || host.name == crate::host::host_name() { Self::HERE } else { Self::OUTSIDE }
    }

    pub(super) fn seen<T>(&self, value: Option<T>) -> Seen<T> {
        if !self.same_machine {
            return Err(self.why_not.to_owned());
        }
        value.ok_or_else(|| "not available on this system".to_owned())
    }
}
