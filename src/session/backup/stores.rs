//! What a drill and a rehearsal restore into: the services of a set with the images that run, and whether there is room for
//! them.

use std::collections::BTreeSet;
use std::path::Path;

use super::parts::{ServicePart, service_parts};
use crate::backup::{Manifest, Part, PartKind};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::event::human;
use crate::host::disk_space;
use crate::plan::{EngineInfo, Observed};
use crate::project::BackupPolicy;
use crate::session::WorkflowError;

/// Free disk space required, as a multiple of the data of the set: the data, its journal, and room to spare.
const DISK_FACTOR: u64 = 2;
/// Disk space that servers take without data.
const DISK_BASE: u64 = 256 << 20;
/// Memory that a server takes.
const MEMORY_EACH: u64 = 128 << 20;

/// The parts of a set that are data.
pub fn data_parts(manifest: &Manifest) -> impl Iterator<Item = &Part> {
    manifest.parts.iter().filter(|part| part.kind != PartKind::Configuration)
}

/// The services that a set is of, and the image of each: what runs is what would be restored into.
pub fn stores(
    (stack, observed): (&Stack, &Observed),
    policy: &BackupPolicy,
    manifest: &Manifest,
) -> Result<Vec<(ServicePart, String)>> {
    let mut services = service_parts(stack, observed, policy)?;
    let wanted: BTreeSet<&str> = data_parts(manifest).map(|part| part.name.as_str()).collect();
    services.retain(|part| wanted.contains(part.service.as_str()));
    if let Some(name) = wanted.iter().find(|name| !services.iter().any(|part| part.service == **name)) {
        let message = format!("the set has data of `{name}`, which the project does not back up");
        let hint = Some(format!("add `{name}` to `backup.include`"));
        return Err(WorkflowError::Configuration { message, hint }.into());
    }
    let with_image = |part: ServicePart| {
        let running = part.container.as_ref().map(|container| container.docker.image_id.clone());
        let defined = || stack.services.get(&part.service).map(|s| s.image_or_default(&stack.name, &part.service));
        let image = running.filter(|id| !id.is_empty()).or_else(defined).unwrap_or_default();
        (part, image)
    };
    Ok(services.into_iter().map(with_image).collect())
}

/// Fails where disk or memory would not do for `what`. What cannot be seen, on another machine, is not checked.
pub fn check_room(engine: &EngineInfo, (manifest, servers): (&Manifest, usize), what: &str) -> Result<()> {
    let data = Path::new(&engine.host.data_root);
    let free = (engine.local && data.is_absolute()).then(|| disk_space(data).ok()).flatten().map(|space| space.free);
    match shortage((manifest.bytes(), servers as u64), (free, engine.memory)) {
        None => Ok(()),
        Some(shortage) => {
            let hint = Some(format!("free some, or run the {what} on another engine"));
            Err(WorkflowError::Configuration { message: format!("the {what} {shortage}"), hint }.into())
        }
    }
}

/// What is short; memory of 0 is unknown.
fn shortage((bytes, servers): (u64, u64), (disk, memory): (Option<u64>, u64)) -> Option<String> {
    let disk_asked = bytes.saturating_mul(DISK_FACTOR).saturating_add(DISK_BASE);
    if let Some(free) = disk.filter(|free| *free < disk_asked) {
        let (asked, free) = (human::bytes(disk_asked), human::bytes(free));
        return Some(format!("needs {asked} of free disk space, the engine has {free}"));
    }
    let memory_asked = MEMORY_EACH * servers;
    (memory > 0 && memory < memory_asked)
        .then(|| format!("needs {} of memory, the engine has {}", human::bytes(memory_asked), human::bytes(memory)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_disk_or_memory_is_named_before_anything_is_made() {
        let room = (Some(4 << 30), 4 << 30);
        assert_eq!(shortage((1 << 30, 2), room), None);
        assert!(shortage((2 << 30, 2), room).unwrap().contains("free disk space"));
        assert!(shortage((1 << 30, 2), (None, 128 << 20)).unwrap().contains("of memory"));
        assert_eq!(shortage((1 << 30, 2), (None, 0)), None);
    }
}
