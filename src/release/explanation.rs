//! Explains one operation in sections: who started it, its plan with causes, its result, its error and the operations around it.
//! Deterministic: uses recorded data only.

use serde::Serialize;

use super::{Evidence, OperationStatus, PastOperation, StepOutcome, StepRecord};

/// Most steps listed individually.
const LISTED: usize = 12;
/// Last log lines shown besides the first error.
const LAST_LINES: usize = 3;
/// Words by which programs mark errors in their logs.
const ERROR_WORDS: [&str; 7] = ["error", "fatal", "panic", "exception", "traceback", "cannot", "failed"];

/// A section of the explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// Its lines.
    pub lines: Vec<String>,
}

/// The sections for the operation with this number; none if it is not in the history.
pub fn explanation(number: u32, history: &[PastOperation]) -> Vec<Section> {
    let Some(past) = history.iter().find(|operation| operation.number == number) else { return Vec::new() };
    let sections = [
        ("operation", operation_lines(past)),
        ("before", before_lines(past, history)),
        ("plan", plan_lines(past)),
        ("steps", step_lines(past)),
        ("error", error_lines(past)),
        ("containers", past.evidence.iter().flat_map(container_lines).collect()),
        ("after", after_lines(past, history)),
    ];
    let past = sections.into_iter().filter(|(_, lines): &(_, Vec<String>)| !lines.is_empty());
    past.map(|(title, lines)| Section { title, lines }).collect()
}

fn operation_lines(past: &PastOperation) -> Vec<String> {
    let environment = past.environment.as_ref().map(|name| format!(" in environment {name}")).unwrap_or_default();
    let owner = &past.owner;
    let mut lines = vec![format!(
        "{} {}{environment}, started {} by {}@{} with aictl {}",
        past.number,
        past.operation,
        whole_seconds(&past.started),
        owner.user,
        owner.host,
        owner.version
    )];
    let took = past.seconds.map(|seconds| format!(" after {seconds:.1}s")).unwrap_or_default();
    lines.push(match past.status_in_words() {
        OperationStatus::Done => format!("done{took}"),
        OperationStatus::Failed => format!("failed{took}"),
        OperationStatus::Running => "still running".to_owned(),
        OperationStatus::Baking => {
            "baking: the new release serves; the previous one is kept until `aictl deploy --resume` or `aictl rollback`"
                .to_owned()
        }
        OperationStatus::Interrupted if past.ended.is_some() => format!("interrupted{took}"),
        OperationStatus::Interrupted => "interrupted: its process ended before the operation was complete".to_owned(),
    });
    lines
}

fn before_lines(past: &PastOperation, history: &[PastOperation]) -> Vec<String> {
    let earlier = history.iter().rev().filter(|operation| operation.number < past.number);
    let mut lines = Vec::new();
    for operation in earlier {
        lines.push(summary(operation));
        if operation.status == OperationStatus::Done {
            break;
        }
    }
    lines.reverse();
    lines
}

fn after_lines(past: &PastOperation, history: &[PastOperation]) -> Vec<String> {
    history.iter().find(|operation| operation.number > past.number).map(summary).into_iter().collect()
}

fn summary(operation: &PastOperation) -> String {
    let started = whole_seconds(&operation.started);
    format!("{} {}: {} ({started})", operation.number, operation.operation, operation.status_in_words().word())
}

/// An RFC 3339 time without the fraction of a second.
fn whole_seconds(time: &str) -> String {
    let Some((seconds, fraction)) = time.split_once('.') else { return time.to_owned() };
    format!("{seconds}{}", fraction.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn plan_lines(past: &PastOperation) -> Vec<String> {
    let mut changing = past.steps.iter().filter(|step| !step.operation.is_wait());
    let mut lines: Vec<String> = changing.by_ref().take(LISTED).map(planned).collect();
    let more = changing.count();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn planned(step: &StepRecord) -> String {
    let verb = step.operation.verb();
    let cause = if step.cause.is_empty() { String::new() } else { format!(": {}", step.cause) };
    format!("{verb} {}{cause}", step.subject).trim_start().to_owned()
}

fn step_lines(past: &PastOperation) -> Vec<String> {
    let count = |outcome: StepOutcome| past.steps.iter().filter(|step| step.outcome == outcome).count();
    let counts = [
        (count(StepOutcome::Done), "done"),
        (count(StepOutcome::Skipped), "skipped"),
        (count(StepOutcome::Failed), "failed"),
        (count(StepOutcome::Undone), "undone"),
        (count(StepOutcome::Cancelled), "cancelled"),
        (count(StepOutcome::Planned), past.planned_word()),
    ];
    let words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let mut lines = if words.is_empty() { Vec::new() } else { vec![words.join(", ")] };
    for step in past.steps.iter().filter(|step| step.outcome == StepOutcome::Failed) {
        let took = step.duration_ms.map(|ms| format!(" after {:.1}s", ms as f64 / 1000.0)).unwrap_or_default();
        lines.push(format!("failed{took}: {} {}", step.operation.verb(), step.subject));
    }
    lines
}

fn error_lines(past: &PastOperation) -> Vec<String> {
    let mut messages = past.error.iter();
    let first = messages.next().cloned();
    first.into_iter().chain(messages.map(|cause| format!("caused by: {cause}"))).collect()
}

fn container_lines(evidence: &Evidence) -> Vec<String> {
    let code = evidence.exit_code.map(|code| format!(", {}", exit_words(code, evidence.oom_killed)));
    let restarts = if evidence.restarts > 0 { format!(", {} restarts", evidence.restarts) } else { String::new() };
    let mut lines = vec![format!("{}{}{restarts}", evidence.container, code.unwrap_or_default())];
    lines.extend(evidence.engine_error.iter().map(|error| format!("engine: {error}")));
    lines.extend(evidence.health_log.iter().map(|log| format!("health check: {}", log.trim())));
    lines.extend(first_error(&evidence.logs).map(|line| format!("first error: {line}")));
    let last = &evidence.logs[evidence.logs.len().saturating_sub(LAST_LINES)..];
    lines.extend(last.iter().map(|line| format!("log: {line}")));
    lines
}

/// `exit code 137 (killed: out of memory)`.
fn exit_words(code: i64, oom_killed: bool) -> String {
    let meaning = match code {
        _ if oom_killed => Some("killed: out of memory".to_owned()),
        126 => Some("command not executable".to_owned()),
        127 => Some("command not found".to_owned()),
        129..=192 => Some(match code - 128 {
            6 => "SIGABRT".to_owned(),
            9 => "SIGKILL".to_owned(),
            11 => "SIGSEGV".to_owned(),
            15 => "SIGTERM".to_owned(),
            signal => format!("signal {signal}"),
        }),
        _ => None,
    };
    let meaning = meaning.map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    format!("exit code {code}{meaning}")
}

/// The first line of a log that reports an error.
fn first_error(logs: &[String]) -> Option<&String> {
    logs.iter().find(|line| {
        let line = line.to_ascii_lowercase();
        ERROR_WORDS.iter().any(|word| line.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{LeaseOwner, OperationKind};

    fn step(subject: &str, outcome: StepOutcome) -> StepRecord {
        StepRecord {
            operation: OperationKind::CreateContainer,
            subject: subject.into(),
            service: Some("api".into()),
            task: None,
            cause: "its image changed".into(),
            outcome,
            duration_ms: Some(1200),
        }
    }

    fn operation(number: u32, status: OperationStatus) -> PastOperation {
        PastOperation {
            number,
            operation: "start".into(),
            environment: Some("prod".into()),
            status,
            started: format!("2026-01-01T00:00:{number:02}.123456789Z"),
            ended: None,
            seconds: (status != OperationStatus::Interrupted).then_some(4.25),
            owner: LeaseOwner { user: "ops".into(), host: "h".into(), version: "1".into(), ..Default::default() },
            steps: Vec::new(),
            error: Vec::new(),
            evidence: Vec::new(),
            release: None,
            release_status: None,
        }
    }

    fn text(sections: &[Section]) -> String {
        sections.iter().map(|c| format!("{}\n  {}\n", c.title, c.lines.join("\n  "))).collect()
    }

    #[test]
    fn a_failure_is_explained_from_its_start_to_the_next_operation() {
        let logs = ["starting", "ERROR no database", "bye"].map(str::to_owned).to_vec();
        let evidence = Evidence {
            container: "shop-api-1".into(),
            exit_code: Some(137),
            oom_killed: true,
            logs,
            ..Default::default()
        };
        let failed = PastOperation {
            steps: vec![
                step("container shop-api-1", StepOutcome::Failed),
                step("container shop-web-1", StepOutcome::Planned),
            ],
            error: vec!["service `api` exited".into(), "no memory".into()],
            evidence: vec![evidence],
            ..operation(3, OperationStatus::Failed)
        };
        let history = [
            operation(1, OperationStatus::Done),
            operation(2, OperationStatus::Interrupted),
            failed,
            operation(4, OperationStatus::Done),
        ];
        insta::assert_snapshot!(text(&explanation(3, &history)), @r"
        operation
          3 start in environment prod, started 2026-01-01T00:00:03Z by ops@h with aictl 1
          failed after 4.2s
        before
          1 start: done (2026-01-01T00:00:01Z)
          2 start: interrupted (2026-01-01T00:00:02Z)
        plan
          create container shop-api-1: its image changed
          create container shop-web-1: its image changed
        steps
          1 failed, 1 not started
          failed after 1.2s: create container shop-api-1
        error
          service `api` exited
          caused by: no memory
        containers
          shop-api-1, exit code 137 (killed: out of memory)
          first error: ERROR no database
          log: starting
          log: ERROR no database
          log: bye
        after
          4 start: done (2026-01-01T00:00:04Z)
        ");
        assert_eq!(explanation(3, &history), explanation(3, &history));
        assert_eq!(explanation(9, &history), []);
    }

    #[test]
    fn exit_codes_are_described() {
        let words = [0, 126, 127, 139, 143, 150].map(|code| exit_words(code, false));
        let wanted = [
            "exit code 0",
            "exit code 126 (command not executable)",
            "exit code 127 (command not found)",
            "exit code 139 (SIGSEGV)",
            "exit code 143 (SIGTERM)",
            "exit code 150 (signal 22)",
        ];
        assert_eq!(words, wanted);
    }
}
