//! Judges a machine: each thing looked at becomes a finding with what was found, what is wanted and a remedy.
//! Reads facts and the environment's requirements; returns findings in the order a person reads them.
//! Pure: the same facts always give the same findings.

mod access;
mod cluster;
mod engine;
mod finding;
mod kernel;
mod network;
mod resources;

pub use cluster::cluster_verdicts;
pub use finding::{Finding, Verdict};
pub use kernel::MAP_COUNT;
pub use network::PORT_PROXIES;
pub use resources::KEPT_BY_KERNEL;

use super::facts::Facts;
use crate::project::Requirements;

/// All findings on a machine.
pub fn verdicts(facts: &Facts, requirements: &Requirements) -> Vec<Finding> {
    let mut findings = engine::findings(facts);
    findings.extend(resources::findings(facts, requirements));
    findings.extend(kernel::findings(facts));
    findings.extend(network::findings(facts));
    findings.extend(access::findings(facts));
    findings
}

#[cfg(test)]
mod tests;
