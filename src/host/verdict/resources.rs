//! Judges processors, memory, disk and inodes against what the environment asks for.
//! Reads facts and requirements; returns findings.
//! Never counts what the kernel keeps of the memory for itself as missing.

use super::finding::{Finding, Verdict, as_root};
use crate::host::facts::{DiskFact, DiskSpace, ENGINE_DATA, Facts};
use crate::plan::host_requirements::UnmetRequirement;
use crate::project::{ByteSize, OnShortfall, Requirements};

const GIB: u64 = 1 << 30;
/// A machine sold with 8 GiB says 7.5 to 7.8: firmware and kernel keep the rest.
pub const KEPT_BY_KERNEL: f64 = 0.93;
/// Less free disk than this, and the next image does not fit, whatever the environment asks for.
const DISK_AT_LEAST: u64 = GIB;
const DISK_COMFORT: u64 = 5 * GIB;
/// An image unpacks to tens of thousands of files.
const INODES_AT_LEAST: u64 = 20_000;
const INODES_COMFORT: u64 = 200_000;
/// Less available memory than this, and the first service may be killed.
const MEMORY_LEFT: u64 = 512 << 20;

pub(super) fn findings(facts: &Facts, requirements: &Requirements) -> Vec<Finding> {
    let mut findings = vec![cpus(facts, requirements), memory(facts, requirements)];
    findings.extend(available(facts));
    findings.extend(facts.stack.unmet.iter().map(unmet));
    for disk in &facts.disks {
        match &disk.space {
            Ok(space) => {
                findings.push(room(facts, disk, space, requirements));
                findings.extend(inodes(facts, disk, space));
            }
            Err(why) => findings.push(Finding::unseen("disk", place(disk), why)),
        }
    }
    findings
}

/// Below minimum: failed, or a warning where the environment says so; below recommended: a warning.
struct Bounds<'a> {
    minimum: Option<f64>,
    recommended: Option<f64>,
    requirements: &'a Requirements,
}

impl Bounds<'_> {
    fn judge(&self, found: f64, tolerance: f64) -> Verdict {
        let below = |bound: Option<f64>| bound.is_some_and(|bound| found < bound * tolerance);
        match (below(self.minimum), below(self.recommended)) {
            (true, _) if self.requirements.on_shortfall == OnShortfall::Refuse => Verdict::Failed,
            (true, _) | (_, true) => Verdict::Warning,
            _ => Verdict::Ok,
        }
    }

    fn words(&self, shown: impl Fn(f64) -> String) -> String {
        let part = |bound: Option<f64>, word: &str| bound.map(|bound| format!("{} {word}", shown(bound)));
        let parts = [part(self.minimum, "at least"), part(self.recommended, "recommended")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn judged(finding: Finding, verdict: Verdict, remedy: impl FnOnce() -> String) -> Finding {
    match verdict {
        Verdict::Failed => finding.failed(remedy()),
        Verdict::Warning => finding.warning(remedy()),
        _ => finding,
    }
}

/// What to do where the machine itself is too small: `shows` lists what there is, `raise` lifts a container's limit.
fn smaller(facts: &Facts, limited: Option<&str>, (shows, raise): (&str, &str)) -> String {
    let bigger = match limited {
        Some("control group") => format!("raise the limit of this container (`{raise}`)"),
        Some(by) => format!("limited by the {by} (check with `taskset -cp $$`)"),
        None => format!("use a larger machine (check this one with `{shows}`)"),
    };
    match &facts.stack.lighter {
        Some(name) => format!("{bigger}, or an environment with lower requirements: `aictl start --env {name}`"),
        None => bigger,
    }
}

fn cpus(facts: &Facts, requirements: &Requirements) -> Finding {
    let bounds =
        Bounds { minimum: requirements.minimum.cpus, recommended: requirements.recommended.cpus, requirements };
    let found = match &facts.machine.cpus {
        Ok(found) => found,
        Err(why) => return Finding::unseen("cpus", "processors", why),
    };
    let by = found.by.map(|by| format!(" (by {by})")).unwrap_or_default();
    let finding = Finding::new("cpus", "processors", format!("{}{by}", shown_number(found.amount)));
    let finding = finding.wanted(bounds.words(shown_number));
    let commands = ("nproc", "docker update --cpus 4 $(hostname)");
    judged(finding, bounds.judge(found.amount, 1.0), || smaller(facts, found.by, commands))
}

fn memory(facts: &Facts, requirements: &Requirements) -> Finding {
    let bytes = |size: Option<ByteSize>| size.map(|size| size.0 as f64);
    let bounds = Bounds {
        minimum: bytes(requirements.minimum.memory),
        recommended: bytes(requirements.recommended.memory),
        requirements,
    };
    let found = match &facts.machine.memory {
        Ok(found) => found,
        Err(why) => return Finding::unseen("memory", "memory", why),
    };
    let by = found.by.map(|by| format!(" (by {by})")).unwrap_or_default();
    let finding = Finding::new("memory", "memory", format!("{}{by}", size(found.amount as f64)));
    let finding = finding.wanted(bounds.words(size));
    let commands = ("free -h", "docker update --memory 8g $(hostname)");
    judged(finding, bounds.judge(found.amount as f64, KEPT_BY_KERNEL), || smaller(facts, found.by, commands))
}

fn available(facts: &Facts) -> Option<Finding> {
    let found = *facts.machine.available.as_ref().ok()?;
    let finding = Finding::new("memory", "free memory", size(found as f64)).wanted("512 MiB at least");
    let short = found < MEMORY_LEFT;
    Some(if short { finding.warning("find the largest processes with `ps aux --sort=-rss | head`") } else { finding })
}

/// A requirement of a service that the host does not meet.
fn unmet(requirement: &UnmetRequirement) -> Finding {
    let finding = Finding::new("stack", format!("service {}", requirement.service), requirement.message.clone());
    let remedy = format!("check with `{}`, or change the compose file", requirement.shown_by);
    if requirement.is_fatal { finding.failed(remedy) } else { finding.warning(remedy) }
}

fn place(disk: &DiskFact) -> String {
    format!("{} {}", disk.holds, disk.path)
}

fn room(facts: &Facts, disk: &DiskFact, space: &DiskSpace, requirements: &Requirements) -> Finding {
    let bytes = |size: Option<ByteSize>| size.map(|size| size.0 as f64);
    let holds_data = disk.holds == ENGINE_DATA;
    let asked = |size: Option<ByteSize>, least: u64| {
        bytes(size).filter(|_| holds_data).map_or(least as f64, |asked| asked.max(least as f64))
    };
    let bounds = Bounds {
        minimum: Some(asked(requirements.minimum.disk, DISK_AT_LEAST)),
        recommended: Some(asked(requirements.recommended.disk, DISK_COMFORT)),
        requirements,
    };
    let free = space.free as f64;
    let found = format!("{} free of {}", size(free), size(space.total as f64));
    let finding = Finding::new("disk", place(disk), found).wanted(bounds.words(size));
    // A disk that is full is no matter of what an environment would like.
    let verdict = if space.free < DISK_AT_LEAST { Verdict::Failed } else { bounds.judge(free, 1.0) };
    judged(finding, verdict, || free_space(facts, disk))
}

fn free_space(facts: &Facts, disk: &DiskFact) -> String {
    if disk.holds == ENGINE_DATA {
        return "see disk usage with `docker system df`; remove unused images with `docker image prune`".to_owned();
    }
    let list = as_root(facts, &format!("du -xh --max-depth=2 {} | sort -h | tail", disk.path));
    format!("find large directories with {list}")
}

fn inodes(facts: &Facts, disk: &DiskFact, space: &DiskSpace) -> Option<Finding> {
    // Such a file system makes inodes as it needs them.
    if space.inodes == 0 {
        return None;
    }
    let found = format!("{} free of {}", space.free_inodes, space.inodes);
    let finding = Finding::new("inodes", place(disk), found).wanted(format!("{INODES_AT_LEAST} at least"));
    let verdict = match space.free_inodes {
        free if free < INODES_AT_LEAST => Verdict::Failed,
        free if free < INODES_COMFORT && free < space.inodes / 20 => Verdict::Warning,
        _ => Verdict::Ok,
    };
    let list = as_root(facts, &format!("du -x --inodes --max-depth=2 {} | sort -n | tail", disk.path));
    Some(judged(finding, verdict, || format!("find the files with {list}")))
}

fn shown_number(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// Binary units, as requirements are written: `7.8 GiB`.
fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes;
    let mut unit = 0;
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(amount.fract() >= 0.05 && amount < 100.0);
    format!("{amount:.digits$} {}", UNITS[unit])
}
