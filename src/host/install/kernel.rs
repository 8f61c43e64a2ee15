//! Decides which kernel settings a stack's services need raised, now and after a restart of the machine.
//! Reads the settings found and the services that need them; returns steps that write them.
//! Never fails a setup: a container may not change its kernel, and a single node runs all the same.

use super::step::{Action, SetupFacts, SetupStep};
use crate::host::verdict::MAP_COUNT;

/// Redis saves from a copy of itself; 1 lets the kernel promise more memory than there is.
const OVERCOMMIT: u64 = 1;

/// A setting that is not as a service needs it.
struct Setting<'f> {
    name: &'static str,
    file: &'static str,
    found: u64,
    wanted: u64,
    service: &'f str,
}

pub(super) fn plan_kernel(facts: &SetupFacts) -> Vec<SetupStep> {
    let mut steps = Vec::new();
    if let (Some(service), Some(found)) = (&facts.map_count_for, facts.kernel.max_map_count)
        && found < MAP_COUNT
    {
        let (name, file) = ("vm.max_map_count", "60-aictl-map-count.conf");
        steps.extend(Setting { name, file, found, wanted: MAP_COUNT, service }.steps());
    }
    if let (Some(service), Some(found)) = (&facts.overcommit_for, facts.kernel.overcommit_memory)
        // 2 is an operator's choice.
        && found == 0
    {
        let (name, file) = ("vm.overcommit_memory", "60-aictl-overcommit.conf");
        steps.extend(Setting { name, file, found, wanted: OVERCOMMIT, service }.steps());
    }
    steps
}

impl Setting<'_> {
    /// A file of its own per setting: what an earlier setup wrote for another one stays.
    fn steps(&self) -> [SetupStep; 2] {
        let Self { name, file, found, wanted, service } = self;
        let step = |subject: String, path: String, text: String| SetupStep {
            verbs: ("set", "Set"),
            subject,
            cause: format!("service `{service}` needs {wanted}, it is {found}"),
            action: Action::Write { path, text },
            optional: true,
        };
        let live = format!("/proc/sys/{}", name.replace('.', "/"));
        [
            step((*name).to_owned(), live, format!("{wanted}\n")),
            step(format!("{name} for good"), format!("/etc/sysctl.d/{file}"), format!("{name} = {wanted}\n")),
        ]
    }
}
