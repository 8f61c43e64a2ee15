//! The way every verb changes something: observe, plan, lease, record, execute, record, give the lease back.
//! Reads planning functions, returns what was planned and what became of it; `--dry-run` ends after planning.
//! Never plans by itself; without steps it takes no lease and writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::execute::{Execution, Runner, execute, with_heartbeat};
use crate::plan::{Observed, Plan, Scope};
use crate::release::{Lease, LeaseVerdict, Record, RecordPhase};
use crate::target::{Target, TargetError};
use crate::workflow::Context;

/// Two looks this far apart that see the same mean that nothing is under way.
const STANDS_STILL: Duration = Duration::from_millis(700);

/// A container that ignores its stop signal is killed after ten seconds; nothing is waited for much longer.
const SETTLING: Duration = Duration::from_secs(15);

/// One stage of a change: from what is found to steps. A later stage sees what the earlier ones made.
pub type Stage<'a> = &'a (dyn Fn(&Observed) -> Result<Plan> + Send + Sync);

/// A change about to happen.
pub struct Change<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// Where.
    pub target: Arc<dyn Target>,
    /// What to look at.
    pub scope: Scope,
    /// The verb, for the lease and the records.
    pub operation: &'static str,
    /// What becomes of the project's state afterwards.
    pub afterwards: Afterwards,
}

/// What becomes of the project's state on the target when a change ended well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// The lease is given back.
    #[default]
    Keep,
    /// The stack is gone: so is the container the state lives beside, and with `forget` the history.
    Retire { forget: bool },
}

/// What a change came to.
#[derive(Debug, Default)]
pub struct Changed {
    /// The plans in words, in order.
    pub steps: Vec<String>,
    /// Whether anything was executed; false for dry runs and when nothing needed doing.
    pub executed: bool,
    /// Whether what was executed did more than wait.
    pub changed: bool,
    /// The world before the first stage.
    pub before: Observed,
}

impl Change<'_> {
    /// Plans and, unless it is a dry run, carries out the stages one after the other.
    pub async fn run(&self, stages: &[Stage<'_>]) -> Result<Changed> {
        let before = self.target.observe(&self.scope).await?;
        let plans: Vec<Plan> = stages.iter().map(|stage| stage(&before)).collect::<Result<_>>()?;
        let steps: Vec<String> = plans.iter().flat_map(Plan::lines).collect();
        self.warn(&plans);
        let leftover = steps.is_empty() && self.leftover().await?;
        if self.context.options.dry_run || (steps.is_empty() && !leftover) {
            return Ok(Changed { steps, before, ..Changed::default() });
        }
        self.hold((stages, steps.clone()), async { Ok(()) }).await?;
        Ok(Changed { executed: !steps.is_empty(), changed: plans.iter().any(Plan::changes), steps, before })
    }

    /// Carries out the stages, then does something of the verb's own, all under one lease. `words` say it in the record.
    pub async fn run_holding<T>(
        &self,
        stages: &[Stage<'_>],
        words: Vec<String>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let before = self.target.observe(&self.scope).await?;
        let plans: Vec<Plan> = stages.iter().map(|stage| stage(&before)).collect::<Result<_>>()?;
        self.warn(&plans);
        self.hold((stages, plans.iter().flat_map(Plan::lines).chain(words).collect()), work).await
    }

    async fn hold<T>(&self, planned: (&[Stage<'_>], Vec<String>), work: impl Future<Output = Result<T>>) -> Result<T> {
        let lease = self.acquire().await?;
        let (last, result) = match self.begin(&lease, planned.1).await {
            Ok(record) => self.under(&lease, planned.0, record, work).await,
            Err(error) => (None, Err(error)),
        };
        let ended = self.end(lease, last, result.is_ok()).await;
        let value = result?;
        ended?;
        Ok(value)
    }

    /// Gives the lease back; where the whole stack went away, its state container goes too, and with the volumes its
    /// history: nothing of the project is left on the engine.
    async fn end(&self, lease: Lease, last: Option<Record>, ended_well: bool) -> Result<()> {
        match (self.afterwards, last) {
            (Afterwards::Retire { forget }, Some(last)) if ended_well => {
                if !forget {
                    self.target.record(&lease, &last).await?;
                }
                self.target.retire(lease, forget).await?;
            }
            (_, Some(last)) => self.target.finish(lease, &last).await?,
            (_, None) => self.target.release(lease).await?,
        }
        Ok(())
    }

    /// Nothing needs doing, yet something was left: the lock of a dead owner, whose last request may still be under
    /// way, or the state of a stack that is to vanish.
    async fn leftover(&self) -> Result<bool> {
        if matches!(self.afterwards, Afterwards::Retire { forget: true }) {
            return Ok(self.target.has_state(&self.scope.project).await?);
        }
        let lease = self.target.observe_lease(&self.scope.project).await?;
        Ok(lease.is_some_and(|l| l.verdict != LeaseVerdict::Alive))
    }

    fn warn(&self, plans: &[Plan]) {
        for warning in plans.iter().flat_map(|p| &p.warnings) {
            self.context.reporter.warn(warning.clone());
        }
    }

    async fn acquire(&self) -> Result<Lease> {
        let lease = self.target.acquire(&self.scope.project, &self.context.owner_of(self.operation)).await?;
        if let Some(dead) = &lease.taken_over {
            self.context.reporter.warn(format!(
                "`{}` by {} on {} (pid {}) was interrupted; going on from what it left",
                dead.operation, dead.user, dead.host, dead.pid
            ));
            self.settle().await?;
        }
        Ok(lease)
    }

    /// The engine finishes the requests of a client that died: waits until the stack stands still.
    async fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + SETTLING;
        let mut before = self.target.observe(&self.scope).await?;
        while Instant::now() < deadline {
            tokio::time::sleep(STANDS_STILL).await;
            let now = self.target.observe(&self.scope).await?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(())
    }

    /// Records what is about to be done.
    async fn begin(&self, lease: &Lease, steps: Vec<String>) -> Result<Record> {
        let history = self.target.load_records(&self.scope.project).await?;
        self.close_interrupted(lease, &history).await?;
        let record = Record {
            sequence: history.iter().map(|r| r.sequence).max().unwrap_or(0) + 1,
            phase: RecordPhase::Pending,
            operation: self.operation.to_owned(),
            environment: self.context.options.environment.clone(),
            time: (self.context.now)(),
            owner: lease.owner.clone(),
            steps,
            error: Vec::new(),
            evidence: Vec::new(),
        };
        self.target.record(lease, &record).await?;
        Ok(record)
    }

    /// Does it, and says in the record how it ended; the record is written with the end of the lease.
    async fn under<T>(
        &self,
        lease: &Lease,
        stages: &[Stage<'_>],
        mut record: Record,
        work: impl Future<Output = Result<T>>,
    ) -> (Option<Record>, Result<T>) {
        let result = match self.stages(lease, stages, &mut record).await {
            Ok(()) => with_heartbeat(&*self.target, lease, work).await.map_err(Into::into).flatten(),
            Err(error) => Err(error),
        };
        record.time = (self.context.now)();
        record.phase = if result.is_ok() { RecordPhase::Done } else { RecordPhase::Failed };
        if let Err(error) = &result {
            record.error = error.messages();
        }
        (Some(record), result)
    }

    /// An operation that never wrote its end was killed; history says so from now on.
    async fn close_interrupted(&self, lease: &Lease, history: &[Record]) -> Result<()> {
        let ended = |r: &Record| history.iter().any(|o| o.sequence == r.sequence && o.phase != RecordPhase::Pending);
        for record in history.iter().filter(|r| r.phase == RecordPhase::Pending && !ended(r)) {
            let time = (self.context.now)();
            let closed = Record { phase: RecordPhase::Interrupted, time, steps: Vec::new(), ..record.clone() };
            self.target.record(lease, &closed).await?;
        }
        Ok(())
    }

    /// Plans each stage anew: between the first look and the lease somebody else may have finished.
    async fn stages(&self, lease: &Lease, stages: &[Stage<'_>], record: &mut Record) -> Result<()> {
        let mut observed = self.target.observe(&self.scope).await?;
        for (index, stage) in stages.iter().enumerate() {
            let plan = stage(&observed)?;
            if plan.is_empty() {
                continue;
            }
            let execution = self.execute(&plan, lease).await;
            let evidence = execution.evidence.iter().filter_map(|e| serde_json::to_value(e).ok());
            record.evidence.extend(evidence);
            execution.result?;
            if index + 1 < stages.len() {
                observed = self.target.observe(&self.scope).await?;
            }
        }
        Ok(())
    }

    async fn execute(&self, plan: &Plan, lease: &Lease) -> Execution {
        let context = self.context;
        let runner =
            Runner { target: &*self.target, reporter: &*context.reporter, interrupt: context.interrupt.clone() };
        execute(plan, &runner, lease).await
    }
}

/// Whether an error only says that something is not there.
pub fn is_missing(error: &TargetError) -> bool {
    matches!(error, TargetError::NotFound { .. })
}
