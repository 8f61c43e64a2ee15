//! The records of a change: before its first step and after its last, without the values of secrets.

use super::{Transaction, Walked};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::release::{Lease, Record, RecordPhase, StepOutcome, StepRecord};

impl Transaction<'_> {
    pub(super) async fn pending_record(&self, lease: &Lease, plan: &Plan) -> Result<Record> {
        let last = match self.target.last_ended(lease).await? {
            Some(last) => last,
            None => self.close_interrupted(lease).await?,
        };
        if let Some(baking) = self.resumes {
            return Ok(Record { steps: self.recorded_steps(plan.records()), ..baking.clone() });
        }
        Ok(Record {
            sequence: last + 1,
            phase: RecordPhase::Pending,
            operation: self.operation.to_owned(),
            environment: self.context.options.environment.clone(),
            time: (self.context.now)(),
            owner: lease.owner.clone(),
            steps: self.recorded_steps(plan.records()),
            error: Vec::new(),
            evidence: Vec::new(),
            release: self.release.map(|release| Box::new(release.draft.clone())),
            restore_unfinished: false,
        })
    }

    /// Text for a record, without secrets.
    fn redacted(&self, text: &str) -> String {
        self.context.redactor.redact(text).into_owned()
    }

    /// Steps as a record holds them: without secrets, after those of the operation that is continued.
    pub(super) fn recorded_steps(&self, steps: Vec<StepRecord>) -> Vec<StepRecord> {
        let redacted = |step: StepRecord| StepRecord {
            subject: self.redacted(&step.subject),
            cause: self.redacted(&step.cause),
            ..step
        };
        let before = self.resumes.into_iter().flat_map(|record| record.steps.iter());
        let before = before.filter(|step| step.outcome != StepOutcome::Planned).cloned();
        before.chain(steps.into_iter().map(redacted)).collect()
    }

    pub(super) fn final_record(&self, mut record: Record, walked: Walked, error: Option<&Error>) -> Record {
        record.time = (self.context.now)();
        record.phase = match error.map(Error::kind) {
            None => RecordPhase::Done,
            Some(ErrorKind::Interrupted) => RecordPhase::Interrupted,
            Some(_) => RecordPhase::Failed,
        };
        if !walked.steps.is_empty() {
            record.steps = self.recorded_steps(walked.steps);
        }
        record.restore_unfinished = self.leaves_unfinished(&record.steps);
        if let Some(error) = error {
            record.error = error.messages().iter().map(|message| self.redacted(message)).collect();
        }
        // The last lines of a container may hold what it was given.
        record.evidence =
            walked.evidence.into_iter().map(|evidence| evidence.map_texts(|text| self.redacted(text))).collect();
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
        self.check_restores(&history)?;
        Ok(history.iter().map(|r| r.sequence).max().unwrap_or(0))
    }
}
