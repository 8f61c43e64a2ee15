//! The turns in which the containers of a service are replaced: `deploy.update_config` and `deploy.rollback_config`.

use std::time::Duration;

use super::options::Rolling;
use super::planner::Planner;
use crate::compose::model::{Service, UpdateConfig};
use crate::plan::{Allowance, Operation, Phase, StepId, WaitOperation};

/// What the compose file says about replacing the containers of a service; all at once where it says nothing.
pub(in crate::plan) fn rolling_config(rolling: Rolling, service: &Service) -> Option<&UpdateConfig> {
    let deploy = service.deploy.as_ref();
    match rolling {
        Rolling::Off => None,
        Rolling::Update => deploy.and_then(|deploy| deploy.update_config.as_ref()),
        Rolling::Rollback => deploy.and_then(|deploy| deploy.rollback_config.as_ref()),
    }
}

/// How many containers of a service may fail before the deploy does.
fn may_fail(config: &UpdateConfig, scale: usize) -> usize {
    if config.failure_action == "continue" {
        return scale;
    }
    // 0.7 of 10 is 7, whatever its binary form.
    let share = f64::from(config.max_failure_ratio.0).clamp(0.0, 1.0) * scale as f64 + 1e-6;
    share as usize
}

/// The turns of one service.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Containers of one turn; none: all of them.
    at_once: Option<usize>,
    delay: Duration,
    pub(super) start_first: bool,
    may_fail: usize,
    /// Containers of the present turn so far, and the steps after which they are ready.
    taken: usize,
    ready: Vec<StepId>,
    /// What the present turn waits for.
    gate: Vec<StepId>,
}

impl Turns {
    /// A deploy replaces one container after the other where nothing is said.
    pub(super) fn of(rolling: Rolling, service: &Service) -> Self {
        if rolling == Rolling::Off {
            return Self::default();
        }
        let config = rolling_config(rolling, service).cloned().unwrap_or_default();
        let at_once = usize::try_from(config.parallelism.unwrap_or(1)).unwrap_or(usize::MAX);
        Self {
            at_once: (at_once > 0).then_some(at_once),
            delay: config.delay.to_std(),
            start_first: config.order == "start-first",
            may_fail: may_fail(&config, service.scale() as usize),
            ..Self::default()
        }
    }

    /// Notes a container of the present turn.
    pub(super) fn note(&mut self, ready: Vec<StepId>) {
        self.taken += 1;
        self.ready.extend(ready);
    }

    /// The next turn waits for the stop of an old container, too.
    pub(super) fn note_stop(&mut self, stopped: StepId) {
        self.ready.push(stopped);
    }
}

impl Planner<'_> {
    /// The steps that the next container waits for: the turn before, and the pause after it.
    pub(super) fn turn(&mut self, service: &str, turns: &mut Turns) -> Vec<StepId> {
        if turns.at_once.is_some_and(|most| turns.taken >= most) {
            turns.taken = 0;
            turns.gate = std::mem::take(&mut turns.ready);
            if !turns.delay.is_zero() {
                let pause = WaitOperation::Pause { service: service.to_owned(), time: turns.delay };
                let cause = "the service's delay between replacements";
                turns.gate = vec![self.plan.push(Phase::Switch, Operation::Wait(pause), cause, &turns.gate)];
            }
        }
        turns.gate.clone()
    }

    /// Lets the steps from one on, which start a container, fail as often as the service allows.
    pub(super) fn allow_failure(&mut self, started: StepId, (service, container): (&str, &str), turns: &Turns) {
        if turns.may_fail == 0 {
            return;
        }
        let allowance =
            Allowance { service: service.to_owned(), container: container.to_owned(), most: turns.may_fail };
        for step in self.plan.steps.iter_mut().skip(started.0) {
            step.allowance = Some(allowance.clone());
        }
    }

    /// A start does not roll: who wrote an order learns that it is not kept.
    pub(super) fn say_all_at_once(&mut self, name: &str, service: &Service) {
        let rolls = rolling_config(Rolling::Update, service).is_some();
        if rolls && self.wanted.options.rolling == Rolling::Off && !self.wanted.options.create_only {
            let warning = format!(
                "all containers of {name} are replaced at the same time: only `aictl deploy` follows update_config"
            );
            self.plan.warnings.push(warning);
        }
    }
}
