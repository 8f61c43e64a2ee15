//! The planner: the plan under construction and the state of each service.
//! The other files of this folder add steps to it.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Wanted;
use crate::compose::model::Service;
use crate::plan::{Observed, ObservedInstance, Plan, StepId};

/// What the plan says of one service so far, for those that depend on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// Steps that remove leftovers, whose names may be needed again.
    pub(super) cleared: Vec<StepId>,
    /// Steps that create its containers.
    pub(super) created: Vec<StepId>,
    /// Steps after which its containers are started.
    pub(super) started: Vec<StepId>,
    /// Steps after which it is ready, in whatever sense its contract has.
    pub(super) ready: Vec<StepId>,
    /// Its containers after the plan: id of one that stays, name of one to come.
    pub(super) containers: Vec<String>,
    /// Running containers that stay as they are.
    pub(super) kept: Vec<ObservedInstance>,
    /// Whether one was replaced or newly started.
    pub(super) touched: bool,
    /// Whether one was replaced.
    pub(super) replaced: bool,
}

/// A container that lets go early.
#[derive(Debug, Clone)]
pub(super) struct Handover {
    pub(super) container: String,
    pub(super) step: StepId,
    pub(super) takers: Vec<String>,
}

/// The plan under construction.
pub(super) struct Planner<'a> {
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) observed: &'a Observed,
    pub(super) plan: Plan,
    /// Network and volume names → the step that makes them.
    pub(super) resources: BTreeMap<String, StepId>,
    /// External networks and volumes that do not exist.
    pub(super) missing_externals: Vec<(&'static str, String)>,
    /// Networks that are made anew: everything attached must let go first.
    pub(super) renewed_networks: BTreeSet<String>,
    pub(super) progress: BTreeMap<String, Progress>,
    /// Containers that were stopped early.
    pub(super) handed_over: Vec<Handover>,
}

/// A service under its name, with its namespaces applied.
pub(super) type Named<'a> = (&'a str, &'a Service);

impl<'a> Planner<'a> {
    pub(super) fn new(wanted: &'a Wanted<'a>, observed: &'a Observed) -> Self {
        Self {
            wanted,
            observed,
            plan: Plan { project: wanted.stack.name.clone(), names: observed.names(), ..Default::default() },
            resources: BTreeMap::new(),
            missing_externals: Vec::new(),
            renewed_networks: BTreeSet::new(),
            progress: BTreeMap::new(),
            handed_over: Vec::new(),
        }
    }

    /// The containers of a service, by number, one-offs left out.
    pub(super) fn containers_of(&self, service: &str) -> Vec<&'a ObservedInstance> {
        let mut found: Vec<_> = self.observed.instances.iter().filter(|c| c.service == service && !c.one_off).collect();
        found.sort_by_key(|c| (c.number, c.name.clone()));
        found
    }
}
