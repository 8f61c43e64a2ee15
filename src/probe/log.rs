//! Patterns in the logs of a service, of the present run of its containers.
//! Reads log lines as they come; returns at the first line that decides.
//! Never follows a log.

use futures_util::StreamExt;
use regex::Regex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::probe_once::Seen;
use super::{ProbeContext, ProbeError};
use crate::plan::ObservedInstance;
use crate::project::LogCheck;
use crate::target::LogArgs;

pub(super) async fn look(context: &ProbeContext<'_>, check: &LogCheck) -> Result<Seen, ProbeError> {
    let present = compiled(check.present.as_deref())?;
    let absent = compiled(check.absent.as_deref())?;
    let mut found = None;
    let mut lines = 0;
    for container in context.containers(&check.service).await? {
        let args = LogArgs { since: since(&container), ..LogArgs::default() };
        let mut log = context.target.logs(&container, &args).await?;
        while let Some(line) = log.next().await {
            let line = line?;
            lines += 1;
            if let Some(pattern) = absent.as_ref().filter(|pattern| pattern.is_match(&line.message)) {
                let what = format!("the log of {} has a line that matches `{pattern}`", container.name);
                let details = context.shown(&line.message).excerpt().into_iter().collect();
                return Err(ProbeError::Wrong { what, details, for_good: true });
            }
            if found.is_none() && present.as_ref().is_some_and(|pattern| pattern.is_match(&line.message)) {
                found = Some(line.message);
            }
        }
    }
    match (present, found) {
        (Some(pattern), None) => {
            Err(ProbeError::wrong(format!("no line of {}'s log matches `{pattern}`", check.service)))
        }
        (Some(_), Some(line)) => Ok(Seen::new("a line matches", context.shown(&line).excerpt())),
        (None, _) => Ok(Seen::new(format!("no line of {lines} matches"), None)),
    }
}

fn compiled(pattern: Option<&str>) -> Result<Option<Regex>, ProbeError> {
    let compiled = pattern.map(Regex::new).transpose();
    compiled.map_err(|error| ProbeError::wrong(format!("invalid regular expression: {error}")))
}

/// The end of the container's run before the one that is looked at, in seconds with their fraction; none when it is its
/// first. The start will not do: engines note it after the process has written its first lines.
fn since(container: &ObservedInstance) -> Option<String> {
    let time = |text: &Option<String>| OffsetDateTime::parse(text.as_deref()?, &Rfc3339).ok();
    let (started, ended) = (time(&container.started_at)?, time(&container.finished_at)?);
    (ended < started).then(|| format!("{}.{:09}", ended.unix_timestamp(), ended.nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_read_from_the_present_run_on() {
        let ran = |started: &str, ended: Option<&str>| {
            let (started_at, finished_at) = (Some(started.to_owned()), ended.map(str::to_owned));
            since(&ObservedInstance { started_at, finished_at, ..ObservedInstance::default() })
        };
        let (earlier, later) = ("2026-01-01T00:00:00.25Z", "2026-01-01T00:00:01Z");
        assert_eq!(ran(later, Some(earlier)).as_deref(), Some("1767225600.250000000"));
        assert_eq!(ran(earlier, None), None, "the first run");
        assert_eq!(ran(earlier, Some(later)), None, "the one run has ended");
    }
}
