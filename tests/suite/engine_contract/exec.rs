//! Commands inside containers, pushed and pulled, and attaching.

use std::time::Duration;

use aictl::event::{Channel, OutputStream as _};
use aictl::target::{ExecArgs, ExecInput, TargetError};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::contract;
use super::lab::{Kept, Lab};

contract!(
    a_command_gives_its_outputs_and_its_exit_code,
    standard_input_reaches_the_command_and_its_end_too,
    a_stopped_container_runs_no_command,
    a_one_off_container_is_attached_before_it_starts,
    a_pulled_command_gives_its_outputs_and_then_its_exit_code,
    standard_output_alone_is_a_stream_whose_end_says_how_the_command_ended,
    output_that_is_not_read_to_its_end_has_no_outcome,
);

fn sleeper() -> serde_json::Value {
    json!({"command": ["sleep", "1000"], "network_mode": "none", "stop_grace_period": "1s"})
}

fn shell(container: &str, script: &str) -> ExecArgs {
    ExecArgs {
        container: container.to_owned(),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        environment: vec!["WHO=world".into()],
        working_dir: Some("/tmp".into()),
        ..ExecArgs::default()
    }
}

async fn a_command_gives_its_outputs_and_its_exit_code(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    let kept = Kept::default();
    let args = shell(&id, "echo hello $WHO; echo oops >&2; exit 7");
    assert_eq!(lab.target.exec(&args, ExecInput::default(), &kept).await, Ok(7));
    assert_eq!((kept.text(Channel::Stdout), kept.text(Channel::Stderr)), ("hello world\n".into(), "oops\n".into()));
}

async fn standard_input_reaches_the_command_and_its_end_too(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    let text = "0123456789".repeat(50_000);
    let input = ExecInput { stdin: Some(Box::pin(std::io::Cursor::new(text.clone().into_bytes()))), size: None };
    let kept = Kept::default();
    let ended = tokio::time::timeout(Duration::from_secs(60), lab.target.exec(&shell(&id, "cat"), input, &kept)).await;
    assert_eq!(ended.expect("the command never saw the end of its input"), Ok(0));
    assert!(kept.text(Channel::Stdout) == text, "the bytes came back altered");
}

async fn a_stopped_container_runs_no_command(lab: &Lab) {
    let id = lab.create(lab.spec("a", 1, sleeper())).await;
    let error = lab.target.exec(&shell(&id, "true"), ExecInput::default(), &Kept::default()).await.unwrap_err();
    assert!(matches!(error, TargetError::Refused { status: 409, .. }), "{error}");
}

async fn a_one_off_container_is_attached_before_it_starts(lab: &Lab) {
    let model =
        json!({"command": ["sh", "-c", "echo first; read line; echo got $line; exit 5"], "network_mode": "none"});
    let mut spec = lab.spec("a", 1, model);
    spec.auto_remove = true;
    spec.interactive = Some(false);
    let id = lab.create(spec).await;
    let input = ExecInput { stdin: Some(Box::pin(std::io::Cursor::new(b"word\n".to_vec()))), size: None };
    let kept = Kept::default();
    assert_eq!(lab.target.run_attached(&id, false, input, &kept).await, Ok(5));
    assert_eq!(kept.text(Channel::Stdout), "first\ngot word\n");
}

async fn a_pulled_command_gives_its_outputs_and_then_its_exit_code(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    let args = shell(&id, "echo hello $WHO; echo oops >&2; exit 7");
    let mut running = lab.target.exec_stream(&args, ExecInput::default()).await.unwrap();
    let kept = Kept::default();
    while let Some(piece) = running.next().await {
        let (channel, bytes) = piece.unwrap();
        kept.bytes(channel, &bytes).unwrap();
    }
    assert_eq!(running.exit_code().await, Ok(7));
    assert_eq!((kept.text(Channel::Stdout), kept.text(Channel::Stderr)), ("hello world\n".into(), "oops\n".into()));
}

async fn standard_output_alone_is_a_stream_whose_end_says_how_the_command_ended(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    let text = "0123456789".repeat(50_000);
    let input = ExecInput { stdin: Some(Box::pin(std::io::Cursor::new(text.clone().into_bytes()))), size: None };
    let args = shell(&id, "cat; echo oops >&2; exit 3");
    let (stdout, end) = lab.target.exec_stream(&args, input).await.unwrap().into_stdout();
    let pieces: Vec<_> = stdout.try_collect().await.unwrap();
    assert!(pieces.concat() == text.as_bytes(), "the bytes came back altered");
    let outcome = end.outcome().await.unwrap();
    assert_eq!((outcome.exit_code, outcome.stderr.as_slice()), (3, b"oops\n".as_slice()));
}

async fn output_that_is_not_read_to_its_end_has_no_outcome(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, sleeper())).await;
    let args = shell(&id, "echo one; echo two");
    let (mut stdout, end) = lab.target.exec_stream(&args, ExecInput::default()).await.unwrap().into_stdout();
    assert!(stdout.next().await.unwrap().unwrap().starts_with(b"one"));
    drop(stdout);
    assert!(matches!(end.outcome().await, Err(TargetError::Broken { .. })));
    let again = lab.target.exec(&shell(&id, "true"), ExecInput::default(), &Kept::default()).await;
    assert_eq!(again, Ok(0), "the container is as usable as before");
}

/// What a real engine must show besides: a command waits for its reader.
mod backpressure {
    use std::time::Instant;

    use super::*;

    /// Writes a gibibyte and counts the mebibytes in a file.
    const PRODUCER: &str = "i=0; while [ $i -lt 1024 ]; do dd if=/dev/zero bs=1048576 count=1 2>/dev/null; \
        i=$((i+1)); echo $i >/tmp/count; done";
    /// Far more than the pipes and sockets between a command and its reader hold.
    const AHEAD: u64 = 32;

    async fn written(lab: &Lab, id: &str) -> u64 {
        let kept = Kept::default();
        let args = shell(id, "cat /tmp/count || echo 0");
        lab.target.exec(&args, ExecInput::default(), &kept).await.unwrap();
        kept.text(Channel::Stdout).trim().parse().unwrap_or_default()
    }

    /// This process's memory in mebibytes.
    fn memory() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// Looks until many looks in a row see the same count: the producer waits.
    async fn waiting_at(lab: &Lab, id: &str) -> u64 {
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut last, mut same) = (0, 0);
        while same < 10 {
            assert!(Instant::now() < deadline, "the producer never waited: {last} MiB");
            let now = written(lab, id).await;
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_command_waits_while_its_output_is_not_read_and_goes_on_when_its_reader_left() {
        let Some(lab) = Lab::docker("exec-waits").await else { return };
        let id = lab.run(lab.spec("a", 1, sleeper())).await;
        let before = memory();
        let args = shell(&id, PRODUCER);
        let (mut stdout, end) = lab.target.exec_stream(&args, ExecInput::default()).await.unwrap().into_stdout();
        let mut read = 0;
        while read < 8 * 1024 * 1024 {
            read += stdout.next().await.unwrap().unwrap().len();
        }
        let at = waiting_at(&lab, &id).await;
        assert!((8..8 + AHEAD).contains(&at), "8 MiB were read, {at} MiB written");
        // Other tests of this process take memory meanwhile, but not a gibibyte.
        let grown = memory().saturating_sub(before);
        assert!(grown < 512, "{grown} MiB more are held here");
        // It goes on from where it was, as far as it is read.
        while read < 64 * 1024 * 1024 {
            read += stdout.next().await.unwrap().unwrap().len();
        }
        let at = waiting_at(&lab, &id).await;
        assert!((64..64 + AHEAD).contains(&at), "64 MiB were read, {at} MiB written");
        drop((stdout, end));
        let deadline = Instant::now() + Duration::from_secs(60);
        while written(&lab, &id).await == at {
            assert!(Instant::now() < deadline, "the engine still keeps the output of a reader that left");
        }
        lab.clean().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_large_output_arrives_whole() {
        let Some(lab) = Lab::docker("exec-whole").await else { return };
        let id = lab.run(lab.spec("a", 1, sleeper())).await;
        let args = shell(&id, "dd if=/dev/zero bs=1048576 count=256 2>/dev/null; exit 4");
        let (stdout, end) = lab.target.exec_stream(&args, ExecInput::default()).await.unwrap().into_stdout();
        let length = stdout.try_fold(0, |length, piece| async move { Ok(length + piece.len()) }).await.unwrap();
        assert_eq!((length, end.outcome().await.unwrap().exit_code), (256 * 1024 * 1024, 4));
        lab.clean().await;
    }
}
