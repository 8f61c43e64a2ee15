//! The planner: the plan under construction and the state of each service.
//! The other files of this folder add steps to it.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Wanted;
use crate::compose::model::Service;
use crate::plan::{Observed, ObservedInstance, Operation, Phase, Plan, StepId};

/// What the plan says of one service so far, for those that depend on it.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Progress {
    /// Steps that remove leftovers, whose names may be needed again.
    pub(in crate::plan) cleared: Vec<StepId>,
    /// Steps that create its containers.
    pub(in crate::plan) created: Vec<StepId>,
    /// Steps after which its containers are started.
    pub(in crate::plan) started: Vec<StepId>,
    /// Steps after which it is ready, in whatever sense its contract has.
    pub(in crate::plan) ready: Vec<StepId>,
    /// Its containers after the plan: id of one that stays, name of one to come.
    pub(in crate::plan) containers: Vec<String>,
    /// Running containers that stay as they are.
    pub(in crate::plan) kept: Vec<ObservedInstance>,
    /// Whether one was replaced or newly started.
    pub(in crate::plan) touched: bool,
    /// Whether one was replaced.
    pub(in crate::plan) replaced: bool,
}

/// A container that lets go early.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Handover {
    pub(in crate::plan) container: String,
    pub(in crate::plan) step: StepId,
    pub(in crate::plan) takers: Vec<String>,
}

/// The plan under construction.
pub(in crate::plan) struct Planner<'a> {
    pub(in crate::plan) wanted: &'a Wanted<'a>,
    pub(in crate::plan) observed: &'a Observed,
    pub(in crate::plan) plan: Plan,
    /// Network and volume names → the step that makes them.
    pub(in crate::plan) resources: BTreeMap<String, StepId>,
    /// External networks and volumes that do not exist.
    pub(in crate::plan) missing_externals: Vec<(&'static str, String)>,
    /// Networks that are made anew: everything attached must let go first.
    pub(in crate::plan) renewed_networks: BTreeSet<String>,
    pub(in crate::plan) progress: BTreeMap<String, Progress>,
    /// Containers that were stopped early.
    pub(in crate::plan) handed_over: Vec<Handover>,
    /// Operations before the first start of a new container of a service.
    pub(in crate::plan) before_start: Vec<BeforeStart>,
    /// Steps after which a container of the service that is planned may be replaced in place.
    pub(in crate::plan) proven: Vec<StepId>,
    /// Operations before the stop of a container that is replaced.
    pub(in crate::plan) before_stop: Option<BeforeStop>,
}

/// From the name of the new container to an operation and how it is undone.
pub(in crate::plan) type Operations = Box<dyn Fn(&str) -> (Operation, Option<Operation>)>;

/// An operation before the first start of a new container of a service.
pub(in crate::plan) struct BeforeStart {
    pub(in crate::plan) service: String,
    pub(in crate::plan) cause: &'static str,
    pub(in crate::plan) operations: Operations,
}

/// Operations before a container is stopped for its replacement.
pub(in crate::plan) struct BeforeStop {
    /// Its id.
    pub(in crate::plan) container: String,
    /// In their order, each with its cause and how it is undone.
    pub(in crate::plan) operations: Vec<(Operation, &'static str, Vec<Operation>)>,
    /// Steps that the first of them waits for.
    pub(in crate::plan) after: Vec<StepId>,
}

/// A service under its name, with its namespaces applied.
pub(in crate::plan) type Named<'a> = (&'a str, &'a Service);

impl<'a> Planner<'a> {
    pub(in crate::plan) fn new(wanted: &'a Wanted<'a>, observed: &'a Observed) -> Self {
        Self {
            wanted,
            observed,
            plan: Plan { project: wanted.stack.name.clone(), names: observed.names(), ..Default::default() },
            resources: BTreeMap::new(),
            missing_externals: Vec::new(),
            renewed_networks: BTreeSet::new(),
            progress: BTreeMap::new(),
            handed_over: Vec::new(),
            before_start: Vec::new(),
            proven: Vec::new(),
            before_stop: None,
        }
    }

    /// Pushes what is to be done before a new container of the service is started, once; returns what its start waits for.
    pub(in crate::plan) fn push_before_start(
        &mut self,
        service: &str,
        container: &str,
        after: &[StepId],
    ) -> Vec<StepId> {
        if self.observed.instances.iter().any(|found| found.id == container) {
            return after.to_vec();
        }
        let (due, later) = std::mem::take(&mut self.before_start).into_iter().partition(|b| b.service == service);
        self.before_start = later;
        let mut after = after.to_vec();
        let due: Vec<BeforeStart> = due;
        for before in due {
            let (operation, undo) = (before.operations)(container);
            let step = self.plan.push(Phase::Prepare, operation, before.cause, &after);
            if let Some(undo) = undo {
                self.plan.on_failure(step, undo, &[]);
            }
            after.push(step);
        }
        after
    }

    /// Pushes what is to be done before a container is stopped; returns what its stop waits for. A failure of these is a
    /// warning.
    pub(in crate::plan) fn push_before_stop(&mut self, container: &str, after: &[StepId]) -> Vec<StepId> {
        let Some(before) = self.before_stop.take_if(|before| before.container == container) else {
            return after.to_vec();
        };
        let mut after = [after, &before.after].concat();
        for (operation, cause, undo) in before.operations {
            let step = self.plan.push(Phase::Switch, operation, cause, &after);
            self.plan.tolerate(step);
            undo.into_iter().for_each(|operation| self.plan.on_failure(step, operation, &[]));
            after.push(step);
        }
        after
    }

    /// The containers of a service, by number, one-offs left out.
    pub(in crate::plan) fn containers_of(&self, service: &str) -> Vec<&'a ObservedInstance> {
        let mut found: Vec<_> = self.observed.instances.iter().filter(|c| c.service == service && !c.one_off).collect();
        found.sort_by_key(|c| (c.number, c.name.clone()));
        found
    }
}
