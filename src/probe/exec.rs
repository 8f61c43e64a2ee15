//! Commands inside containers: as they are, and the clients psql and redis-cli with the container's own credentials.
//! Reads the command and its output, bounded; returns an answer.
//! Never lets a password leave the container it belongs to.

use std::sync::{Mutex, PoisonError};

use super::answer::{Answer, GOOD, judge};
use super::clients::{BOUNDED, LACKING, PSQL, REDIS_CLI};
use super::probe_once::Seen;
use super::{Planned, ProbeContext, ProbeError};
use crate::event::{Channel, LogLine, OutputStream};
use crate::plan::ObservedInstance;
use crate::project::{ExecCheck, RedisCheck, SqlCheck};
use crate::target::{ExecArgs, ExecInput};

/// Output beyond this is not kept.
const MOST: usize = 256 * 1024;

/// How long a client may run inside its container, a little longer than anybody waits for it.
const CLIENT_SECONDS: &str = "30";

/// The output of a command, up to a bound.
#[derive(Default)]
struct Kept(Mutex<[Vec<u8>; 2]>);

impl Kept {
    fn text(self) -> (String, String) {
        let [out, err] = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (String::from_utf8_lossy(&out).into_owned(), String::from_utf8_lossy(&err).into_owned())
    }
}

impl OutputStream for Kept {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.bytes(line.channel, line.message.as_bytes())
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut kept[usize::from(channel == Channel::Stderr)];
        let room = MOST.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(&bytes[..room]);
        Ok(())
    }
}

/// Runs a command; what it said on standard error stands for an empty standard output.
pub(super) async fn run(
    context: &ProbeContext<'_>,
    container: &ObservedInstance,
    command: Vec<String>,
    environment: Vec<String>,
) -> Result<Answer, ProbeError> {
    let kept = Kept::default();
    let mark = context.marks.begin(&container.id);
    let environment = environment.into_iter().chain([mark.variable.clone()]).filter(|pair| !pair.is_empty()).collect();
    let args = ExecArgs { container: container.id.clone(), command, environment, ..ExecArgs::default() };
    let code = context.target.exec(&args, ExecInput::default(), &kept).await?;
    mark.ended();
    let (out, err) = kept.text();
    let text = if out.trim().is_empty() || code != 0 { format!("{out}{err}") } else { out };
    Ok(Answer { exit_code: Some(code), shown: context.shown(&text), text, ..Answer::default() })
}

/// A command as the check says it, in every running container of the service.
pub(super) async fn command(context: &ProbeContext<'_>, plan: &Planned, check: &ExecCheck) -> Result<Seen, ProbeError> {
    let what = format!("`{}` in {}", check.command.0.join(" "), check.service);
    let mut seen = Seen::default();
    for container in context.running(&check.service).await? {
        let answer = run(context, &container, check.command.0.clone(), Vec::new()).await?;
        judge(&what, &answer, &plan.check.expect, GOOD)?;
        seen = Seen::new(format!("exit code {}", answer.exit_code.unwrap_or_default()), answer.shown.excerpt());
    }
    Ok(seen)
}

fn client(script: &str, arguments: &[&str]) -> Vec<String> {
    let fixed = ["sh", "-c", BOUNDED, "aictl", CLIENT_SECONDS, "sh", "-c", script, "aictl"];
    fixed.iter().chain(arguments).map(ToString::to_string).collect()
}

/// A query over TCP: the server that runs during initdb listens on its socket only.
pub(super) async fn sql(context: &ProbeContext<'_>, plan: &Planned, check: &SqlCheck) -> Result<Seen, ProbeError> {
    let mut arguments = vec!["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-c", check.query.as_str()];
    if let Some(database) = &check.database {
        arguments.extend(["-d", database]);
    }
    let what = format!("`{}` in {}", context.shown(&check.query).one_line(), check.service);
    let mut seen = Seen::default();
    for container in context.running(&check.service).await? {
        let answer =
            run(context, &container, client(PSQL, &arguments), vec!["PGCONNECT_TIMEOUT=10".to_owned()]).await?;
        failed_client((&what, &check.service), &answer)?;
        let text = first_value(&answer.text).to_owned();
        if text.is_empty() {
            return Err(ProbeError::wrong(format!("{what} returned no rows")));
        }
        let answer = Answer { text, shown: answer.shown.part(first_value), ..answer };
        judge(&what, &answer, &plan.check.expect, GOOD)?;
        seen = Seen::new(format!("answered {}", answer.shown.one_line()), None);
    }
    Ok(seen)
}

/// The first column of the first row.
fn first_value(output: &str) -> &str {
    first_line(output).split('|').next().unwrap_or_default().trim()
}

fn first_line(output: &str) -> &str {
    output.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
}

fn failed_client((what, service): (&str, &str), answer: &Answer) -> Result<(), ProbeError> {
    if answer.exit_code == Some(0) {
        return Ok(());
    }
    let lacking = match answer.exit_code {
        Some(127) if answer.text.starts_with(LACKING) => first_line(&answer.text).strip_prefix(LACKING),
        // The engine's words for a program that is not there.
        Some(126 | 127) if answer.text.contains("exec: \"sh\"") => Some("no `sh` to run a client with"),
        _ => None,
    };
    if let Some(lacking) = lacking {
        return Err(ProbeError::NoClient { service: service.to_owned(), lacking: lacking.to_owned() });
    }
    let said = answer.shown.part(first_line).excerpt().unwrap_or("the client printed nothing".to_owned());
    Err(ProbeError::Broken { what: what.to_owned(), reason: said })
}

/// Words a Redis error begins with. Without a terminal redis-cli says them like any answer, with exit code 0.
const REDIS_ERRORS: [&str; 13] = [
    "ERR",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "LOADING",
    "MISCONF",
    "READONLY",
    "WRONGTYPE",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "NOREPLICAS",
    "OOM",
    "BUSY",
];

/// A command to Redis.
pub(super) async fn redis(context: &ProbeContext<'_>, plan: &Planned, check: &RedisCheck) -> Result<Seen, ProbeError> {
    let ping = ["PING".to_owned()];
    let words = if check.command.0.is_empty() { &ping[..] } else { &check.command.0[..] };
    let mut arguments = vec!["-h", "127.0.0.1"];
    arguments.extend(words.iter().map(String::as_str));
    let what = format!("`{}` to {}", context.shown(&words.join(" ")).one_line(), check.service);
    let variables = || plan.variables.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
    let mut seen = Seen::default();
    for container in context.running(&check.service).await? {
        let answer = run(context, &container, client(REDIS_CLI, &arguments), variables()).await?;
        failed_client((&what, &check.service), &answer)?;
        let said = answer.text.trim();
        let first = said.split_whitespace().next().unwrap_or_default();
        let wrong_pong = words[0].eq_ignore_ascii_case("ping") && words.len() == 1 && said != "PONG";
        if REDIS_ERRORS.contains(&first) || wrong_pong {
            return Err(ProbeError::Broken { what, reason: answer.shown.one_line() });
        }
        judge(&what, &answer, &plan.check.expect, GOOD)?;
        seen = Seen::new(format!("answered {}", answer.shown.one_line()), None);
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::super::answer::Shown;
    use super::*;
    use crate::secret::Redactor;

    #[test]
    fn the_first_value_is_the_answer() {
        for (output, value) in [("1\n", "1"), ("3|a\n4|b\n", "3"), ("\n", ""), ("t\n", "t")] {
            assert_eq!(first_value(output), value, "{output:?}");
        }
    }

    #[test]
    fn a_failed_client_is_quoted_with_its_first_line() {
        let text = "\npsql: error: connection refused\nmore\n".to_owned();
        let shown = Shown::new(&Redactor::default(), &text);
        let answer = Answer { exit_code: Some(2), text, shown, ..Answer::default() };
        let error = failed_client(("`select 1` in db", "db"), &answer).unwrap_err();
        assert_eq!(error.to_string(), "`select 1` in db: psql: error: connection refused");
    }

    #[test]
    fn an_image_without_a_client_is_told_as_that() {
        let oci = "OCI runtime exec failed: exec failed: exec: \"sh\": executable file not found in $PATH";
        for (code, text, said) in [
            (127, "the image has no psql\n", "the image of `db` has no psql"),
            (126, oci, "the image of `db` has no `sh` to run a client with"),
            (1, "the image has no table", "it: the image has no table"),
        ] {
            let shown = Shown::new(&Redactor::default(), text);
            let answer = Answer { exit_code: Some(code), text: text.to_owned(), shown, ..Answer::default() };
            let error = failed_client(("it", "db"), &answer).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.is_for_good()), (said, code != 1));
        }
    }

    /// The scripts as they are, with no client in reach.
    #[test]
    fn the_scripts_say_which_client_an_image_lacks() {
        for (script, said) in
            [(PSQL, "the image has no psql\n"), (REDIS_CLI, "the image has neither redis-cli nor valkey-cli\n")]
        {
            let mut command = std::process::Command::new("/bin/sh");
            let output = command.args(["-c", script]).env("PATH", "/nowhere").output().unwrap();
            assert_eq!(output.status.code(), Some(127));
            assert_eq!(String::from_utf8_lossy(&output.stderr), said);
        }
    }
}
