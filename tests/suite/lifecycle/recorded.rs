//! What ran on the real engine is what was recorded before it, step by step.

use aictl::release::{OperationKind, Record, RecordPhase, StepOutcome, StepRecord};

use super::project::TestProject;

const COMPOSE: &str = "
services:
  db: {image: 'aictl-lab/tool:1', command: [tool, serve], healthcheck: {test: [CMD, tool, ready], interval: 500ms}}
  api: {image: 'aictl-lab/tool:1', command: [tool, serve], depends_on: {db: {condition: service_healthy}}}
";

/// The last operation's records: before its first effect, and at its end.
fn last(stage: &TestProject) -> (Record, Record) {
    let mut records: Vec<Record> = stage.records().into_iter().map(|(_, record)| record).collect();
    let number = records.iter().map(|record| record.sequence).max().unwrap();
    records.retain(|record| record.sequence == number);
    let of = |pending: bool| records.iter().find(|r| (r.phase == RecordPhase::Pending) == pending).cloned().unwrap();
    (of(true), of(false))
}

#[track_caller]
fn done_as_planned(stage: &TestProject, verb: &str) -> Record {
    let (pending, last) = last(stage);
    assert_eq!((last.operation.as_str(), last.phase), (verb, RecordPhase::Done));
    let planned: Vec<StepRecord> = last.steps.iter().map(StepRecord::planned).collect();
    assert_eq!(planned, pending.steps);
    assert!(!last.steps.is_empty() && last.steps.iter().all(|s| s.outcome == StepOutcome::Done), "{:#?}", last.steps);
    assert!(last.steps.iter().all(|step| step.duration_ms.is_some()), "{:#?}", last.steps);
    last
}

#[test]
fn start_restart_task_and_stop_are_recorded_as_planned_and_as_done() {
    let Some(stage) = TestProject::new("recorded", COMPOSE) else { return };
    stage.write(
        "aictl.yaml",
        &format!("name: {}\ntasks:\n  tell: {{ service: api, command: [sh, -c, 'echo told'] }}\n", stage.project),
    );
    let planned = stage.aictl("start --dry-run --output json").code(0).json();
    stage.aictl("start").code(0);
    let started = done_as_planned(&stage, "start");
    assert_eq!(planned["steps"].as_array().unwrap().len(), started.steps.len(), "{planned:#}");
    for (line, step) in planned["steps"].as_array().unwrap().iter().zip(&started.steps) {
        assert!(line.as_str().unwrap().contains(&step.subject), "{line} {step:?}");
    }
    stage.aictl("restart api").code(0);
    done_as_planned(&stage, "restart");
    assert_eq!(stage.aictl("run tell").code(0).stdout, "told\n");
    let ran = done_as_planned(&stage, "run");
    assert_eq!(ran.steps.last().map(|step| step.operation), Some(OperationKind::RunTask));
    stage.aictl("stop").code(0);
    done_as_planned(&stage, "stop");
}

#[test]
fn a_task_that_fails_is_recorded_as_failed_and_passes_its_code_on() {
    let Some(stage) = TestProject::new("recorded-task", COMPOSE) else { return };
    let task = "[sh, -c, 'exit 7']";
    stage
        .write("aictl.yaml", &format!("name: {}\ntasks:\n  fail: {{ service: db, command: {task} }}\n", stage.project));
    stage.aictl("run fail").code(7);
    let (_, record) = last(&stage);
    assert_eq!(record.phase, RecordPhase::Failed);
    let failed = record.steps.iter().find(|step| step.operation == OperationKind::RunTask).unwrap();
    assert_eq!(failed.outcome, StepOutcome::Failed);
}
