//! Lifecycle hooks: a command of the compose file run inside a running container.
//! Runs the hook; reports its output line by line and returns once it exited with 0.
//! Never runs longer than its deadline.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Progress, done};
use crate::compose::model::ServiceHook;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::exec;
use crate::event::{Channel, LogLine, OutputStream};
use crate::plan::Outcome;
use crate::target::{ExecArgs, ExecInput, TargetError};

/// Lines kept for the error message.
const KEPT: usize = 10;

/// A lifecycle hook with its container and timeout.
pub(super) struct HookRun<'a> {
    pub(super) container: &'a str,
    pub(super) hook: &'a ServiceHook,
    pub(super) timeout: Duration,
}

pub(super) async fn run(
    connection: &Connection,
    run: &HookRun<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    let HookRun { container, hook, timeout } = *run;
    let command = hook.command.as_slice().unwrap_or_default().to_vec();
    let what = format!("hook `{}` in {container}", command.join(" "));
    let variable = |(key, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{key}={value}"),
        None => key.clone(),
    };
    let args = ExecArgs {
        container: container.to_owned(),
        command,
        environment: hook.environment.iter().map(variable).collect(),
        user: Some(hook.user.clone()).filter(|user| !user.is_empty()),
        working_dir: Some(hook.working_dir.clone()).filter(|path| !path.is_empty()),
        privileged: hook.privileged,
        ..ExecArgs::default()
    };
    let output = Lines { progress, state: Mutex::default() };
    let run = async { exec::exec_stream(connection, &args, ExecInput::default()).await?.hand_over(&output).await };
    let ended = tokio::time::timeout(timeout, run).await;
    let code = match ended {
        Ok(code) => code?,
        Err(_) => return Err(TargetError::TimedOut { what, after: timeout }),
    };
    let last = output.last();
    if code == 0 {
        return Ok(done());
    }
    let message = if last.is_empty() { format!("exit code {code}") } else { format!("exit code {code}: {last}") };
    Err(TargetError::Refused { operation: what, status: 0, message })
}

#[derive(Default)]
struct Kept {
    begun: Vec<u8>,
    lines: VecDeque<String>,
}

struct Lines<'a> {
    progress: Progress<'a>,
    state: Mutex<Kept>,
}

impl Lines<'_> {
    fn end(&self, kept: &mut Kept) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut kept.begun)).trim_end().to_owned();
        self.progress.line(&line);
        kept.lines.push_back(line);
        if kept.lines.len() > KEPT {
            kept.lines.pop_front();
        }
    }

    fn last(&self) -> String {
        let mut kept = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.begun.is_empty() {
            self.end(&mut kept);
        }
        kept.lines.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}

impl OutputStream for Lines<'_> {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.bytes(line.channel, line.message.as_bytes())
    }

    fn bytes(&self, _: Channel, bytes: &[u8]) -> std::io::Result<()> {
        let mut kept = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if *byte == b'\n' {
                self.end(&mut kept);
            } else {
                kept.begun.push(*byte);
            }
        }
        Ok(())
    }
}
