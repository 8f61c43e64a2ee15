//! Finds what services require of the Docker host and it does not have: devices, GPUs, CPUs, memory, bind mount sources.

use std::collections::BTreeSet;

use super::EngineInfo;
use crate::compose::model::{Service, Stack};

/// A requirement that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmetRequirement {
    /// The service.
    pub service: String,
    /// What it requires and what the host has.
    pub message: String,
    /// Whether its container cannot start without it.
    pub is_fatal: bool,
    /// A command that shows what the host has.
    pub shown_by: String,
}

/// Facts about the Docker host.
#[derive(Clone, Copy)]
pub struct HostView<'a> {
    /// What the engine reports; 0 CPUs or 0 bytes of memory are unknown.
    pub engine: &'a EngineInfo,
    /// Whether a path exists; `None` when the files of the host cannot be seen.
    pub exists: Option<&'a dyn Fn(&str) -> bool>,
}

/// The requirements of the selected services that the host does not meet.
pub fn unmet_requirements(stack: &Stack, selected: &BTreeSet<String>, host: HostView<'_>) -> Vec<UnmetRequirement> {
    let services = stack.services.iter().filter(|(name, service)| selected.contains(*name) && service.scale() > 0);
    services.flat_map(|(name, service)| of_service(name, service, host)).collect()
}

fn of_service(name: &str, service: &Service, host: HostView<'_>) -> Vec<UnmetRequirement> {
    let mut found = of_limits(service, host.engine);
    if let Some(exists) = host.exists {
        found.extend(of_files(service, exists));
    }
    let requirement = |(message, is_fatal, shown_by): Found| UnmetRequirement {
        service: name.to_owned(),
        message: format!("service `{name}` {message}"),
        is_fatal,
        shown_by: shown_by.to_owned(),
    };
    found.into_iter().map(requirement).collect()
}

/// The message, whether it is fatal, and the command that shows it.
type Found = (String, bool, &'static str);

fn of_limits(service: &Service, engine: &EngineInfo) -> Vec<Found> {
    let mut unmet = Vec::new();
    let resources = service.deploy.as_ref().map(|deploy| &deploy.resources);
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let reserved = resources.and_then(|resources| resources.reservations.as_ref());
    let cpus = limits.map_or(0.0, |limits| limits.cpus.0).max(service.cpus.0);
    let processors = u16::try_from(engine.cpus).map_or(f32::MAX, f32::from);
    if engine.cpus > 0 && cpus > processors {
        let message = format!("has a limit of {cpus} CPUs, but the host has {}", engine.cpus);
        unmet.push((message, true, "nproc"));
    }
    let size = |bytes: i64| format!("{} MiB", bytes >> 20);
    let memory = i64::try_from(engine.memory).unwrap_or(i64::MAX);
    let wanted = [
        (service.memory_limit(), "has a memory limit of"),
        (reserved.map_or(0, |reserved| reserved.memory.0).max(service.mem_reservation.0), "reserves"),
    ];
    for (bytes, words) in wanted.into_iter().filter(|(bytes, _)| memory > 0 && *bytes > memory) {
        let message = format!("{words} {}, but the host has {}", size(bytes), size(memory));
        unmet.push((message, false, "free -h"));
    }
    unmet
}

fn of_files(service: &Service, exists: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut unmet = Vec::new();
    let reserved = service.deploy.as_ref().and_then(|deploy| deploy.resources.reservations.as_ref());
    let asks_gpu = reserved
        .into_iter()
        .flat_map(|reserved| &reserved.devices)
        .any(|device| device.driver == "nvidia" || device.capabilities.iter().any(|capability| capability == "gpu"));
    if (asks_gpu || !service.gpus.is_empty()) && !GPUS.iter().any(|path| exists(path)) {
        unmet.push(("requires a GPU, but the host has none".to_owned(), true, "ls /dev"));
    }
    for device in service.devices.iter().filter(|device| device.source.starts_with('/') && !exists(&device.source)) {
        let message = format!("maps device {}, which does not exist on the host", device.source);
        unmet.push((message, true, "ls /dev"));
    }
    for mount in service.volumes.iter().filter(|volume| volume.r#type == "bind" && !exists(&volume.source)) {
        let creates = mount.bind.as_ref().is_none_or(|bind| bind.create_host_path.0);
        let then = if creates { "the engine creates an empty directory" } else { "the container cannot start" };
        unmet.push((format!("mounts {}, which does not exist: {then}", mount.source), !creates, "ls -l"));
    }
    unmet
}

/// Device files of GPUs.
const GPUS: [&str; 4] = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg"];

#[cfg(test)]
mod tests {
    use super::*;

    fn unmet(service: &str, there: &[&str]) -> Vec<String> {
        let services = serde_yaml_ng::from_str(&format!("a: {service}")).unwrap();
        let stack = Stack { services, ..Stack::default() };
        let engine = EngineInfo { cpus: 2, memory: 4 << 30, ..EngineInfo::default() };
        let exists = |path: &str| there.contains(&path);
        let host = HostView { engine: &engine, exists: Some(&exists) };
        let found = unmet_requirements(&stack, &["a".to_owned()].into(), host);
        found.into_iter().map(|unmet| format!("{} {}", unmet.message, unmet.is_fatal)).collect()
    }

    #[test]
    fn what_the_machine_lacks_is_named_and_what_it_has_is_not() {
        for (service, there, expected) in [
            ("{ cpus: 4 }", &[][..], "service `a` has a limit of 4 CPUs, but the host has 2 true"),
            ("{ cpus: 2 }", &[], ""),
            (
                "{ deploy: { resources: { limits: { cpus: 2.5 } } } }",
                &[],
                "service `a` has a limit of 2.5 CPUs, but the host has 2 true",
            ),
            (
                "{ mem_limit: 8589934592 }",
                &[],
                "service `a` has a memory limit of 8192 MiB, but the host has 4096 MiB false",
            ),
            ("{ gpus: [{ count: -1 }] }", &[], "service `a` requires a GPU, but the host has none true"),
            ("{ gpus: [{ count: -1 }] }", &["/dev/nvidia0"], ""),
            (
                "{ devices: [{ source: /dev/kvm, target: /dev/kvm }] }",
                &[],
                "service `a` maps device /dev/kvm, which does not exist on the host true",
            ),
            ("{ devices: [{ source: /dev/kvm, target: /dev/kvm }] }", &["/dev/kvm"], ""),
            (
                "{ volumes: [{ type: bind, source: /x, target: /x, bind: { create_host_path: false } }] }",
                &[],
                "service `a` mounts /x, which does not exist: the container cannot start true",
            ),
            (
                "{ volumes: [{ type: bind, source: /x, target: /x, bind: { create_host_path: true } }] }",
                &[],
                "service `a` mounts /x, which does not exist: the engine creates an empty directory false",
            ),
            ("{ volumes: [{ type: bind, source: /x, target: /x }] }", &["/x"], ""),
        ] {
            assert_eq!(unmet(service, there).join("\n"), expected, "{service}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_machine_that_is_not_known() {
        let services = serde_yaml_ng::from_str("a: { cpus: 64, gpus: [{ count: 1 }] }").unwrap();
        let stack = Stack { services, ..Stack::default() };
        let host = HostView { engine: &EngineInfo::default(), exists: None };
        assert_eq!(unmet_requirements(&stack, &["a".to_owned()].into(), host), []);
    }
}
