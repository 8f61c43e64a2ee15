//! Exec, attach, logs and copies.

use std::time::Duration;

use aictl::event::Channel;
use aictl::target::{ExecArgs, ExecInput, LogArgs, TargetError};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::contract;
use super::lab::{Kept, Lab};

contract!(
    a_command_gives_its_outputs_and_its_exit_code,
    standard_input_reaches_the_command_and_its_end_too,
    a_stopped_container_runs_no_command,
    a_one_off_container_is_attached_before_it_starts,
    logs_come_as_lines_with_times_and_channels,
    a_copied_archive_comes_back,
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

async fn logs_come_as_lines_with_times_and_channels(lab: &Lab) {
    let script = "echo one; echo two >&2; printf last";
    let id = lab.run(lab.spec("a", 1, json!({"command": ["sh", "-c", script], "network_mode": "none"}))).await;
    lab.target.wait_exit(&id).await.unwrap();
    let container = lab.target.observe_instance(&id).await.unwrap();
    let lines: Vec<_> = lab.target.logs(&container, &LogArgs::default()).await.unwrap().try_collect().await.unwrap();
    let mut shown: Vec<_> = lines.iter().map(|l| (l.channel, l.message.as_str(), l.source.as_str())).collect();
    shown.sort_by_key(|line| line.1);
    let expected = [(Channel::Stdout, "last", "a-1"), (Channel::Stdout, "one", "a-1"), (Channel::Stderr, "two", "a-1")];
    assert_eq!(shown, expected);
    assert!(lines.iter().all(|line| line.time.as_deref().is_some_and(|time| time.ends_with('Z'))));
    let tail = LogArgs { tail: Some(1), ..LogArgs::default() };
    assert_eq!(lab.target.logs(&container, &tail).await.unwrap().count().await, 1);
}

async fn a_copied_archive_comes_back(lab: &Lab) {
    let id = lab.create(lab.spec("a", 1, sleeper())).await;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o640);
    builder.append_data(&mut header, "note.txt", &b"hello"[..]).unwrap();
    let bytes = bytes::Bytes::from(builder.into_inner().unwrap());
    let stream = futures_util::stream::iter([Ok(bytes)]).boxed();
    lab.target.copy_in(&id, "/tmp", stream).await.unwrap();
    assert_eq!(lab.target.observe_path(&id, "/tmp/note.txt").await, Ok(Some(false)));
    assert_eq!(lab.target.observe_path(&id, "/tmp").await, Ok(Some(true)));
    assert_eq!(lab.target.observe_path(&id, "/tmp/other").await, Ok(None));
    let chunks: Vec<_> = lab.target.copy_out(&id, "/tmp/note.txt").await.unwrap().try_collect().await.unwrap();
    let bytes = chunks.concat();
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
    assert_eq!((text.as_str(), entry.header().mode().unwrap() & 0o777), ("hello", 0o640));
}
