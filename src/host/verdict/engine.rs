//! Judges the engine itself: that it answers, how new it is, whose it is, and which processors its images must be for.
//! Reads the engine's facts and what is installed; returns findings.
//! Never takes another's engine for a mistake: it is named, and used.

use super::finding::{Finding, as_root};
use crate::host::facts::Facts;
use crate::plan::{EngineFlavour, EngineInfo};
use crate::target::TargetError;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    match &facts.engine {
        Ok(engine) => {
            let mut findings = vec![reachable(engine), architecture(facts, engine)];
            findings.extend(platforms(facts, engine));
            findings.extend(memory_limits(facts, engine));
            findings
        }
        Err(error) => vec![unreachable(facts, error)],
    }
}

fn reachable(engine: &EngineInfo) -> Finding {
    let host = &engine.host;
    let whose = match host.flavour {
        EngineFlavour::Docker => "Docker",
        EngineFlavour::DockerDesktop => "Docker Desktop",
    };
    let rootless = if host.rootless { ", rootless" } else { "" };
    let found = format!("{whose} {}, API {}{rootless}", engine.version, engine.api_version);
    let finding = Finding::new("engine", &engine.address, found).wanted("API 1.41 or newer");
    if host.rootless && host.cgroup_version == "1" {
        return finding.warning(
            "a rootless engine on cgroup v1 cannot limit memory or CPUs; check it with \
             `sudo dockerd-rootless-setuptool.sh check`",
        );
    }
    finding
}

fn unreachable(facts: &Facts, error: &TargetError) -> Finding {
    let (address, found) = match error {
        TargetError::Unreachable { address, reason } => (address.as_str(), reason.clone()),
        TargetError::Forbidden { address } => (address.as_str(), "permission denied".to_owned()),
        TargetError::TooOld { address, found, .. } => (address.as_str(), format!("API {found}")),
        TargetError::UnsupportedEngine { address, engine, missing } => {
            (address.as_str(), format!("{engine}: {missing}"))
        }
        TargetError::BadAddress { address, reason, .. } | TargetError::TlsFailed { address, reason, .. } => {
            (address.as_str(), reason.clone())
        }
        other => ("", other.to_string()),
    };
    let finding = Finding::new("engine", address, found).wanted("API 1.41 or newer");
    finding.failed(remedy(facts, error, address))
}

fn remedy(facts: &Facts, error: &TargetError, address: &str) -> String {
    if matches!(error, TargetError::TooOld { .. }) {
        let fedora = facts.machine.os.as_ref().is_some_and(|os| os.is("fedora"));
        let upgrade = if fedora { "dnf upgrade moby-engine" } else { "apt-get install docker.io" };
        return format!("upgrade the engine: {}", as_root(facts, upgrade));
    }
    if matches!(error, TargetError::UnsupportedEngine { .. }) {
        return "use a Docker engine: list contexts with `docker context ls`, or set DOCKER_HOST to its socket"
            .to_owned();
    }
    if !address.starts_with("unix://") {
        return "check the engine address with `docker context ls` and `echo $DOCKER_HOST`".to_owned();
    }
    let presence = &facts.presence;
    if matches!(error, TargetError::Forbidden { .. }) {
        let user = &facts.machine.user;
        return format!("give {user} access: `sudo usermod -aG docker {user}`, then log in again (or `newgrp docker`)");
    }
    if presence.desktop {
        return "Docker Desktop is installed: start it, `systemctl --user start docker-desktop`".to_owned();
    }
    if presence.rootless {
        return "a rootless engine is installed: `systemctl --user start docker`".to_owned();
    }
    if presence.podman_docker {
        return "the `docker` command is provided by podman-docker, which is not supported; remove it with \
                `sudo apt-get remove podman-docker`, then `aictl setup`"
            .to_owned();
    }
    match (&presence.dockerd, facts.machine.os.is_some()) {
        (Some(_), _) => format!("it is installed but stopped; start it with {}", as_root(facts, "aictl setup")),
        (None, true) => format!("install it from the distribution's packages with {}", as_root(facts, "aictl setup")),
        (None, false) => "install Docker Desktop: `open https://docs.docker.com/desktop/`".to_owned(),
    }
}

fn architecture(facts: &Facts, engine: &EngineInfo) -> Finding {
    let found = Finding::new("architecture", "engine", &engine.architecture).wanted("x86_64 or aarch64");
    if matches!(engine.architecture.as_str(), "x86_64" | "amd64" | "aarch64" | "arm64") {
        return found;
    }
    let _ = facts;
    found.warning("few images support it; list the platforms of an image with `docker manifest inspect IMAGE`")
}

/// Services that ask for an architecture the engine can only run through an emulator, or not at all.
fn platforms(facts: &Facts, engine: &EngineInfo) -> Vec<Finding> {
    let own = machine_name(&engine.architecture);
    let foreign = facts.stack.platforms.iter().filter_map(|(service, platform)| {
        let wanted = machine_name(platform.split('/').nth(1).unwrap_or(platform));
        (wanted != own).then_some((service, platform, wanted))
    });
    let judged = foreign.map(|(service, platform, wanted)| {
        let finding = Finding::new("architecture", service, format!("the engine is {own}")).wanted(platform);
        if facts.machine.emulated.iter().any(|name| name == wanted) {
            return finding
                .warning("it runs under emulation, which is slow; list emulators with `ls /proc/sys/fs/binfmt_misc`");
        }
        let install = as_root(facts, "apt-get install -y qemu-user-static binfmt-support");
        finding.failed(format!("use an image for {own}, or install an emulator: {install}"))
    });
    judged.collect()
}

fn machine_name(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}

fn memory_limits(facts: &Facts, engine: &EngineInfo) -> Option<Finding> {
    let limited = facts.stack.limited;
    if limited == 0 || engine.host.limits_memory {
        return None;
    }
    let found = Finding::new("memory limits", format!("{limited} services with a limit"), "the kernel has none on");
    let remedy = "add `cgroup_enable=memory` to the kernel command line in /etc/default/grub, then ";
    let update = as_root(facts, "update-grub");
    Some(found.wanted("limits the kernel keeps").warning(format!("{remedy}{update} and restart the machine")))
}
