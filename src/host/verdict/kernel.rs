//! Judges kernel settings that data services need, and the control groups.
//! Reads facts; returns findings only for services the stack has.
//! Only settings that services of the stack need are checked.

use super::finding::{Finding, as_root};
use crate::host::facts::Facts;

/// Elasticsearch refuses to join a cluster below this (its bootstrap checks).
pub const MAP_COUNT: u64 = 262_144;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![cgroups(facts)];
    findings.extend(map_count(facts));
    findings.extend(overcommit(facts));
    findings
}

fn cgroups(facts: &Facts) -> Finding {
    let engine = facts.engine.as_ref().ok().map(|engine| engine.host.cgroup_version.as_str());
    match engine.filter(|version| !version.is_empty()) {
        Some(version) => Finding::new("control groups", "engine", format!("version {version}")),
        None if facts.engine.is_ok() => Finding::unseen("control groups", "engine", "not reported by the engine"),
        None if facts.presence.cgroups => Finding::new("control groups", "this machine", "mounted"),
        None if facts.machine.os.is_none() => Finding::unseen("control groups", "this machine", "not a Linux system"),
        None => {
            let mount = as_root(facts, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
            let finding = Finding::new("control groups", "this machine", "not mounted").wanted("mounted");
            finding.warning(mount)
        }
    }
}

fn map_count(facts: &Facts) -> Option<Finding> {
    const NAME: &str = "vm.max_map_count";
    let (service, single_node) = facts.stack.elasticsearch.as_ref()?;
    let found = match &facts.machine.kernel {
        Err(why) => return Some(Finding::unseen("kernel", NAME, why)),
        Ok(kernel) => kernel.max_map_count,
    };
    let Some(found) = found else { return Some(Finding::unseen("kernel", NAME, "not reported by the kernel")) };
    let finding = Finding::new("kernel", NAME, found.to_string()).wanted(format!("{MAP_COUNT} for `{service}`"));
    if found >= MAP_COUNT {
        return Some(finding);
    }
    let set = as_root(facts, &format!("sysctl -w {NAME}={MAP_COUNT}"));
    let keep = format!("`{NAME} = {MAP_COUNT}` in /etc/sysctl.d keeps it");
    // A single node only logs a warning; one of a cluster refuses to start.
    Some(match single_node {
        true => finding.warning(format!("{set}; {keep}")),
        false => finding.failed(format!("{set}; {keep}")),
    })
}

fn overcommit(facts: &Facts) -> Option<Finding> {
    const NAME: &str = "vm.overcommit_memory";
    let service = facts.stack.redis.as_ref()?;
    let found = match &facts.machine.kernel {
        Err(why) => return Some(Finding::unseen("kernel", NAME, why)),
        Ok(kernel) => kernel.overcommit_memory?,
    };
    let finding = Finding::new("kernel", NAME, found.to_string()).wanted(format!("1 for `{service}`"));
    let set = as_root(facts, "sysctl -w vm.overcommit_memory=1");
    Some(match found {
        1 => finding,
        _ => finding.warning(format!("background saves may fail when memory is low: {set}")),
    })
}
