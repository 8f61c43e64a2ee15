//! What a machine says of itself that is more than a number: amounts with their limits, kernel settings.
//! Data only.
//! Never judges.

/// An amount and what limits it below what the machine has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limited<T> {
    /// The amount.
    pub amount: T,
    /// What sets it: `control group`, `processor affinity`; none when it is the whole machine.
    pub by: Option<&'static str>,
}

/// Kernel settings that data services need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KernelFacts {
    /// `vm.max_map_count`.
    pub max_map_count: Option<u64>,
    /// `vm.overcommit_memory`.
    pub overcommit_memory: Option<u64>,
}
