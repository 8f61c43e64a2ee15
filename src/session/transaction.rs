//! The way every verb changes something: observe, plan, lease, record, execute, record, give the lease back.
//! Reads planning functions, returns what was planned and what became of it; `--dry-run` ends after planning.
//! Never plans by itself; without steps it takes no lease and writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::execute::{Execution, Runner, await_ready, execute, with_heartbeat};
use crate::plan::{Observed, Plan, Scope};
use crate::release::{Lease, LeaseVerdict, Record, RecordPhase};
use crate::session::Context;
use crate::session::port_holder::with_holder;
use crate::target::{Target, TargetError};

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
    /// The stack is gone: so is the container the state lives beside, and with `forget` the history. The last stage is
    /// carried out while that is recorded.
    Retire { forget: bool },
}

/// What a change came to.
#[derive(Debug, Default)]
pub struct Changed {
    /// The plans in words, in order.
    pub steps: Vec<String>,
    /// Whether anything was changed; false for dry runs and where nothing needed doing but waiting.
    pub executed: bool,
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
        let only_waits = plans.iter().all(Plan::only_waits);
        if self.context.options.dry_run || (steps.is_empty() && !self.leftover().await?) {
            return Ok(Changed { steps, executed: false, before });
        }
        // Whoever holds the lock is still at it, or died in the middle of it.
        if only_waits && !steps.is_empty() && self.target.observe_lease(&self.scope.project).await?.is_none() {
            return self.wait(&plans, steps).await;
        }
        self.hold((stages, steps.clone()), async { Ok(()) }).await?;
        let before = if only_waits { self.target.observe(&self.scope).await? } else { before };
        Ok(Changed { executed: !only_waits, steps, before })
    }

    /// Waits for what an earlier change left on its way; that changes nothing and needs no lease.
    async fn wait(&self, plans: &[Plan], steps: Vec<String>) -> Result<Changed> {
        for plan in plans {
            await_ready(plan, &self.runner()).await.result?;
        }
        let before = self.target.observe(&self.scope).await?;
        Ok(Changed { steps, executed: false, before })
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
        let (stages, closing) = match (self.afterwards, planned.0.split_last()) {
            (Afterwards::Retire { .. }, Some((closing, stages))) => (stages, Some(*closing)),
            _ => (planned.0, None),
        };
        let (last, result) = match self.begin(&lease, planned.1).await {
            Ok((record, Ok(observed))) => self.under(&lease, (stages, observed), record, work).await,
            Ok((record, Err(error))) => (Some(self.ended(record, Some(&error))), Err(error)),
            Err(error) => (None, Err(error)),
        };
        let ended = self.end(lease, last, result.is_ok(), closing).await;
        let value = result?;
        ended?;
        Ok(value)
    }

    /// Gives the lease back; where the whole stack went away, its state container goes too, and with the volumes its
    /// history: nothing of the project is left on the engine.
    async fn end(
        &self,
        lease: Lease,
        last: Option<Record>,
        ended_well: bool,
        closing: Option<Stage<'_>>,
    ) -> Result<()> {
        match (self.afterwards, last) {
            (Afterwards::Retire { forget }, Some(last)) if ended_well => {
                self.retire((lease, last), forget, closing).await?;
            }
            (_, Some(last)) => self.target.finish(lease, &last).await?,
            (_, None) => self.target.release(lease).await?,
        }
        Ok(())
    }

    /// The containers are gone, which is recorded while what they used is cleared away. Where that fails, a second end
    /// says so.
    async fn retire(&self, (lease, last): (Lease, Record), forget: bool, closing: Option<Stage<'_>>) -> Result<()> {
        let record = async { if forget { Ok(()) } else { self.target.record(&lease, &last).await } };
        let (closed, recorded, ()) =
            tokio::join!(self.close(&lease, closing), record, self.target.prepare_to_retire(&lease));
        if let Err(error) = closed {
            // What went wrong first is what is told, even when it cannot be recorded.
            let _ = self.target.finish(lease, &self.ended(last, Some(&error))).await;
            return Err(error);
        }
        recorded?;
        Ok(self.target.retire(lease, forget).await?)
    }

    async fn close(&self, lease: &Lease, stage: Option<Stage<'_>>) -> Result<()> {
        let Some(stage) = stage else { return Ok(()) };
        let observed = self.target.observe(&self.scope).await?;
        let plan = stage(&observed)?;
        if plan.is_empty() { Ok(()) } else { Ok(self.execute(&plan, lease).await.result?) }
    }

    /// Nothing needs doing, yet something was left: the lock of a dead owner, whose last request may still be under
    /// way, or the state of a stack that is to vanish.
    async fn leftover(&self) -> Result<bool> {
        if let Afterwards::Retire { forget } = self.afterwards {
            return Ok(self.target.has_state(&self.scope.project, forget).await?);
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

    /// Records what is about to be done, and looks at what is there while that is being written.
    async fn begin(&self, lease: &Lease, steps: Vec<String>) -> Result<(Record, Result<Observed>)> {
        let last = match self.target.last_ended(lease).await? {
            Some(last) => last,
            None => self.close_interrupted(lease).await?,
        };
        let record = Record {
            sequence: last + 1,
            phase: RecordPhase::Pending,
            operation: self.operation.to_owned(),
            environment: self.context.options.environment.clone(),
            time: (self.context.now)(),
            owner: lease.owner.clone(),
            steps: steps.iter().map(|step| self.struck(step)).collect(),
            error: Vec::new(),
            evidence: Vec::new(),
        };
        let (recorded, observed) = tokio::join!(self.target.record(lease, &record), self.target.observe(&self.scope));
        recorded?;
        Ok((record, observed.map_err(Error::from)))
    }

    /// Text for a record, without secrets.
    fn struck(&self, text: &str) -> String {
        self.context.redactor.redact(text).into_owned()
    }

    /// Does it, and says in the record how it ended; the record is written with the end of the lease.
    async fn under<T>(
        &self,
        lease: &Lease,
        (stages, observed): (&[Stage<'_>], Observed),
        mut record: Record,
        work: impl Future<Output = Result<T>>,
    ) -> (Option<Record>, Result<T>) {
        let result = match self.stages(lease, (stages, observed), &mut record).await {
            Ok(()) => with_heartbeat(&*self.target, lease, work).await.map_err(Into::into).flatten(),
            Err(error) => Err(error),
        };
        (Some(self.ended(record, result.as_ref().err())), result)
    }

    fn ended(&self, mut record: Record, error: Option<&Error>) -> Record {
        record.time = (self.context.now)();
        record.phase = if error.is_none() { RecordPhase::Done } else { RecordPhase::Failed };
        if let Some(error) = error {
            record.error = error.messages().iter().map(|message| self.struck(message)).collect();
        }
        // The last lines of a container may hold what it was given.
        record.evidence = record.evidence.iter().map(|value| self.context.redactor.redact_json(value)).collect();
        record
    }

    /// An operation that never wrote its end was killed; history says so from now on. Returns the last number used.
    async fn close_interrupted(&self, lease: &Lease) -> Result<u32> {
        let history = self.target.load_records(&self.scope.project).await?;
        let ended = |r: &Record| history.iter().any(|o| o.sequence == r.sequence && o.phase != RecordPhase::Pending);
        for record in history.iter().filter(|r| r.phase == RecordPhase::Pending && !ended(r)) {
            let time = (self.context.now)();
            let closed = Record { phase: RecordPhase::Interrupted, time, steps: Vec::new(), ..record.clone() };
            self.target.record(lease, &closed).await?;
        }
        Ok(history.iter().map(|r| r.sequence).max().unwrap_or(0))
    }

    /// Plans each stage anew: between the first look and the lease somebody else may have finished.
    async fn stages(
        &self,
        lease: &Lease,
        (stages, mut observed): (&[Stage<'_>], Observed),
        record: &mut Record,
    ) -> Result<()> {
        for (index, stage) in stages.iter().enumerate() {
            let plan = stage(&observed)?;
            if plan.is_empty() {
                continue;
            }
            let execution = self.execute(&plan, lease).await;
            let evidence = execution.evidence.iter().filter_map(|e| serde_json::to_value(e).ok());
            record.evidence.extend(evidence);
            if let Err(error) = execution.result {
                return Err(with_holder(error, &*self.target).await.into());
            }
            if index + 1 < stages.len() {
                observed = self.target.observe(&self.scope).await?;
            }
        }
        Ok(())
    }

    async fn execute(&self, plan: &Plan, lease: &Lease) -> Execution {
        execute(plan, &self.runner(), lease).await
    }

    fn runner(&self) -> Runner<'_> {
        let context = self.context;
        Runner { target: &*self.target, reporter: &*context.reporter, interrupt: context.interrupt.clone() }
    }
}

/// Whether an error only says that something is not there.
pub fn is_missing(error: &TargetError) -> bool {
    matches!(error, TargetError::NotFound { .. })
}
