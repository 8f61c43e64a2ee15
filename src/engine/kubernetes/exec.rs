//! Running commands in pods.
//! Reads arguments, standard input and terminal sizes; gives output as it is read, and the exit code.
//! The API has no user, folder or variables: folder and variables are set by a shell in the pod, another user is refused.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use super::KubernetesCluster;
use super::error_mapping::{is_code, is_missing, map, undoubled};
use super::pods::main_container;
use crate::event::Channel;
use crate::target::{BoxRead, ExecArgs, ExecInput, OutputPieces, RunningExec, TargetError};

/// Bytes that may be under way in each direction.
const BUFFER: usize = 64 * 1024;
/// How long the exit code may come after the output.
const LAST_WORD: Duration = Duration::from_secs(10);

/// The shell that sets folder and variables, then becomes the command.
const WRAPPER: &str = r#"cd "$1" && shift && exec "$@""#;

/// Exits with 126 where there is such a program, with 127 where there is none, as shells do.
const LOOK: &str = r#"command -v "$1" >/dev/null 2>&1 && exit 126
case $1 in */*) [ -e "$1" ] && exit 126;; esac
exit 127"#;

impl KubernetesCluster {
    pub(super) async fn start_exec(&self, args: &ExecArgs, input: ExecInput) -> Result<RunningExec, TargetError> {
        let what = format!("running {} in {}", args.command.first().map_or("", String::as_str), args.container);
        refuse_options(args)?;
        let pods = self.here::<Pod>();
        let pod = pods.get(&args.container).await.map_err(|error| match is_missing(&error) {
            true => TargetError::NotFound { kind: "pod", name: args.container.clone() },
            false => map(&self.address, &what, error),
        })?;
        let params = AttachParams {
            container: main_container(&pod),
            stdin: input.stdin.is_some(),
            stdout: true,
            // A terminal has one channel.
            stderr: !args.tty,
            tty: args.tty,
            max_stdin_buf_size: Some(BUFFER),
            max_stdout_buf_size: Some(BUFFER),
            max_stderr_buf_size: Some(BUFFER),
        };
        let words = command(args);
        let started = Started {
            program: words.first().cloned().unwrap_or_default(),
            container: params.container.clone(),
            pod: args.container.clone(),
            pods: pods.clone(),
        };
        let process = pods.exec(&args.container, words, &params).await;
        let process = process.map_err(|error| map(&self.address, &what, error))?;
        Ok(running(process, (what, started), input))
    }
}

/// Refuses what the API cannot do.
fn refuse_options(args: &ExecArgs) -> Result<(), TargetError> {
    let (what, reason) = match args {
        ExecArgs { user: Some(_), .. } => ("as another user", "the image or the chart decides it"),
        ExecArgs { privileged: true, .. } => ("with extended privileges", "the chart decides it"),
        ExecArgs { detach: true, .. } => ("in the background", "a shell in the container has: `sh -c 'COMMAND &'`"),
        _ => return Ok(()),
    };
    let reason = format!("Kubernetes has no such option; {reason}");
    Err(TargetError::CannotPerform { operation: format!("run a command {what}"), reason })
}

/// What was started, to ask for the reason when it does not run.
struct Started {
    program: String,
    container: Option<String>,
    pod: String,
    pods: Api<Pod>,
}

impl Started {
    /// Why the program did not start. The API says so in words of the container runtime alone; a shell in the container knows
    /// it, where there is one.
    async fn reason(&self) -> Option<TargetError> {
        let container = self.container.clone();
        let params = AttachParams { container, stdout: true, stderr: true, ..Default::default() };
        let words = ["sh", "-c", LOOK, "sh", &self.program];
        let mut process = self.pods.exec(&self.pod, words, &params).await.ok()?;
        let status = tokio::time::timeout(LAST_WORD, process.take_status()?).await.ok()?;
        let (command, container) = (self.program.clone(), self.pod.clone());
        match exit_code(status, String::new()).ok()? {
            126 => Some(TargetError::CannotExecute { command, container }),
            127 => Some(TargetError::NoCommand { command, container }),
            _ => None,
        }
    }
}

fn command(args: &ExecArgs) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(folder) = &args.working_dir {
        words.extend(["sh", "-c", WRAPPER, "sh", folder].map(str::to_owned));
    }
    if !args.environment.is_empty() {
        words.push("env".to_owned());
        words.extend(args.environment.iter().cloned());
    }
    words.extend(args.command.iter().cloned());
    words
}

fn running(mut process: AttachedProcess, (what, started): (String, Started), input: ExecInput) -> RunningExec {
    let stdin = process.stdin();
    if let (Some(mut write), Some(mut read)) = (stdin, input.stdin) {
        tokio::spawn(async move {
            feed(&mut read, &mut write).await;
        });
    }
    if let (Some(mut sizes), Some(mut sender)) = (input.size, process.terminal_size()) {
        tokio::spawn(async move {
            loop {
                let size = *sizes.borrow_and_update();
                let size = TerminalSize { width: size.width, height: size.height };
                if sender.send(size).await.is_err() || sizes.changed().await.is_err() {
                    return;
                }
            }
        });
    }
    let stdout = process.stdout().map(|read| pieces(read, Channel::Stdout, what.clone()));
    let stderr = process.stderr().map(|read| pieces(read, Channel::Stderr, what.clone()));
    let status = process.take_status();
    let none = || futures_util::stream::empty().boxed();
    let output = futures_util::stream::select(stdout.unwrap_or_else(none), stderr.unwrap_or_else(none)).boxed();
    let said = what.clone();
    let exit = async move {
        // Dropping the process closes its connection.
        let _process = process;
        let status = match status {
            Some(status) => tokio::time::timeout(LAST_WORD, status).await.ok().flatten(),
            None => None,
        };
        match exit_code(status, said) {
            Err(refusal @ TargetError::Refused { .. }) => Err(started.reason().await.unwrap_or(refusal)),
            ended => ended,
        }
    };
    RunningExec::new(what, output, exit)
}

async fn feed(read: &mut BoxRead, write: &mut (impl tokio::io::AsyncWrite + Unpin)) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match read.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                if write.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
    // The command sees the end of its input. Who is gone already needs none.
    let _ = write.shutdown().await;
}

fn pieces(read: impl AsyncRead + Send + 'static, channel: Channel, what: String) -> OutputPieces {
    let stream = ReaderStream::new(read).map(move |piece: Result<Bytes, std::io::Error>| {
        piece
            .map(|bytes| (channel, bytes))
            .map_err(|error| TargetError::Broken { operation: what.clone(), message: error.to_string() })
    });
    boxed(stream)
}

fn boxed(stream: impl Stream<Item = Result<(Channel, Bytes), TargetError>> + Send + 'static) -> OutputPieces {
    stream.boxed()
}

/// The exit code is a cause of the status (k8s.io/kubernetes, pkg/kubelet/cri/streaming/remotecommand).
fn exit_code(status: Option<Status>, what: String) -> Result<i64, TargetError> {
    let Some(status) = status else {
        let message = "the connection ended before the exit code came".to_owned();
        return Err(TargetError::Broken { operation: what, message });
    };
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.as_ref().and_then(|details| details.causes.as_deref()).unwrap_or_default();
    let code = causes.iter().find(|cause| is_code(&cause.reason, "ExitCode"));
    let code = code.and_then(|cause| cause.message.as_ref()?.parse().ok());
    code.ok_or_else(|| TargetError::Refused {
        operation: what,
        status: status.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
        message: undoubled(&status.message.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_in_the_causes() {
        let status = |causes: &str| -> Status {
            serde_json::from_str(&format!(
                r#"{{"status": "Failure", "message": "m", "details": {{"causes": {causes}}}}}"#
            ))
            .unwrap()
        };
        let found = exit_code(Some(status(r#"[{"reason": "ExitCode", "message": "3"}]"#)), String::new());
        assert_eq!(found, Ok(3));
        assert!(exit_code(Some(status("[]")), String::new()).is_err(), "a command that never ran has no exit code");
        assert!(exit_code(None, String::new()).is_err());
        assert_eq!(exit_code(Some(serde_json::from_str(r#"{"status": "Success"}"#).unwrap()), String::new()), Ok(0));
    }

    #[test]
    fn folder_and_variables_are_set_before_the_command() {
        let args = ExecArgs {
            command: vec!["ls".into(), "-l".into()],
            working_dir: Some("/a b".into()),
            environment: vec!["A=1".into()],
            ..Default::default()
        };
        assert_eq!(command(&args), ["sh", "-c", WRAPPER, "sh", "/a b", "env", "A=1", "ls", "-l"]);
        assert_eq!(command(&ExecArgs { command: vec!["id".into()], ..Default::default() }), ["id"]);
    }
}
