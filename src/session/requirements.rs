//! Checks the minimum requirements of an environment with `on_shortfall: refuse` before anything is changed.

use std::path::Path;

use crate::error::Result;
use crate::host::disk_space;
use crate::host::verdict::KEPT_BY_KERNEL;
use crate::plan::EngineInfo;
use crate::project::{LoadedProject, OnShortfall, Resources};
use crate::session::WorkflowError;

/// Fails on a host with less than the minimum if `on_shortfall: refuse` is set.
pub fn check_requirements(project: &LoadedProject, engine: &EngineInfo) -> Result<()> {
    let Some(asked) = project.environment.requirements.as_ref() else { return Ok(()) };
    if asked.on_shortfall != OnShortfall::Refuse {
        return Ok(());
    }
    let data = Path::new(&engine.host.data_root);
    let seen = engine.local && data.is_absolute();
    let disk = if seen { disk_space(data).ok().map(|space| space.free) } else { None };
    let shortfalls = shortfalls(&asked.minimum, (engine.cpus, engine.memory, disk));
    if shortfalls.is_empty() {
        return Ok(());
    }
    let environment = project.environment_name.clone().unwrap_or_default();
    Err(WorkflowError::Shortfall { environment, shortfalls }.into())
}

/// Each resource below the minimum; 0 is unknown.
fn shortfalls(minimum: &Resources, (cpus, memory, disk): (u64, u64, Option<u64>)) -> Vec<String> {
    let mut short = Vec::new();
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    if let Some(wanted) = minimum.cpus.filter(|wanted| cpus > 0 && (cpus as f64) < *wanted) {
        short.push(format!("{wanted} CPUs, the host has {cpus}"));
    }
    if let Some(wanted) = minimum.memory.filter(|size| memory > 0 && (memory as f64) < size.0 as f64 * KEPT_BY_KERNEL) {
        short.push(format!("{} of memory, the host has {}", gib(wanted.0), gib(memory)));
    }
    if let Some((wanted, free)) = minimum.disk.zip(disk).filter(|(wanted, free)| *free < wanted.0) {
        short.push(format!("{} of free disk space, the host has {}", gib(wanted.0), gib(free)));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shortfall_is_named_and_what_is_not_known_is_none() {
        let minimum: Resources = serde_yaml_ng::from_str("{ cpus: 4, memory: 8GiB, disk: 50GiB }").unwrap();
        assert_eq!(
            shortfalls(&minimum, (2, 4 << 30, Some(10 << 30))),
            [
                "4 CPUs, the host has 2",
                "8.0 GiB of memory, the host has 4.0 GiB",
                "50.0 GiB of free disk space, the host has 10.0 GiB",
            ]
        );
        assert!(shortfalls(&minimum, (4, (8 << 30) - (1 << 28), Some(50 << 30))).is_empty());
        assert!(shortfalls(&minimum, (0, 0, None)).is_empty());
    }
}
