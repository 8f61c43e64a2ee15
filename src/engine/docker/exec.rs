//! Running commands inside containers and attaching to one-off containers.
//! Reads arguments, standard input and terminal sizes; streams output and returns the exit code.
//! Never adds a shell and never reads output ahead of whoever takes it.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::frames::Frames;
use super::perform::start;
use super::query::encoded;
use crate::event::OutputStream;
use crate::target::{BoxRead, ExecArgs, ExecInput, OutputPieces, RunningExec, TargetError};

/// How often a command whose output ended is asked whether it ended too.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    #[serde(default)]
    running: bool,
    exit_code: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ended {
    status_code: i64,
}

/// Tasks that end with the call that started them.
struct Aside(Vec<JoinHandle<()>>);

impl Drop for Aside {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Starts a command; it waits while its output is not read, because neither the engine nor this process reads ahead.
pub(super) async fn exec_stream(
    connection: &Connection,
    args: &ExecArgs,
    input: ExecInput,
) -> Result<RunningExec, TargetError> {
    let doing = format!("running {} in {}", args.command.first().map_or("", String::as_str), args.container);
    let attached = !args.detach;
    let body = json!({
        "AttachStdin": attached && input.stdin.is_some(),
        "AttachStdout": attached,
        "AttachStderr": attached,
        "Tty": args.tty,
        "Privileged": args.privileged,
        "Env": args.environment,
        "Cmd": args.command,
        "User": args.user.as_deref().unwrap_or_default(),
        "WorkingDir": args.working_dir.as_deref().unwrap_or_default(),
    });
    let answer = connection.post(&format!("/containers/{}/exec", encoded(&args.container)), &body, &doing).await?;
    let created: Created = parsed(&answer, &doing)?;
    let path = format!("/exec/{}/start", created.id);
    let body = json!({ "Detach": args.detach, "Tty": args.tty });
    if args.detach {
        connection.post(&path, &body, &doing).await?;
        return Ok(RunningExec::new(doing, futures_util::stream::empty().boxed(), async { Ok(0) }));
    }
    let stream = connection.hijack(&path, &body, &doing).await?;
    let (read, write) = tokio::io::split(stream);
    let resize = format!("/exec/{}/resize", created.id);
    let aside = aside(connection, (input, write), args.tty.then_some(resize));
    let output = pieces(read, args.tty, doing.clone());
    let (connection, what) = (connection.clone(), doing.clone());
    let exit = async move {
        let _aside = aside;
        exit_code(&connection, &created.id, &doing).await
    };
    Ok(RunningExec::new(what, output, exit))
}

async fn exit_code(connection: &Connection, id: &str, doing: &str) -> Result<i64, TargetError> {
    loop {
        let status: Status = connection.get(&format!("/exec/{id}/json"), doing).await?;
        if !status.running {
            return Ok(status.exit_code.unwrap_or_default());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A created container, and whether it has a terminal.
#[derive(Clone, Copy)]
pub(super) struct CreatedContainer<'a> {
    pub(super) id: &'a str,
    pub(super) tty: bool,
}

pub(super) async fn run_attached(
    connection: &Connection,
    created: CreatedContainer<'_>,
    input: ExecInput,
    output: &dyn OutputStream,
) -> Result<i64, TargetError> {
    let CreatedContainer { id: container, tty } = created;
    let doing = format!("running {container}");
    let path = format!("/containers/{}", encoded(container));
    let stdin = u8::from(input.stdin.is_some());
    let attach = format!("{path}/attach?stream=1&stdout=1&stderr=1&stdin={stdin}");
    let stream = connection.hijack(&attach, &json!({}), &doing).await?;
    // The engine answers this once it watches, so that an exit right after the start is not missed; afterwards a
    // container that removes itself cannot be asked any more.
    let ending = connection.begin(Method::POST, &format!("{path}/wait?condition=next-exit"), &doing).await?;
    start(connection, container).await?;
    let (read, write) = tokio::io::split(stream);
    let aside = aside(connection, (input, write), tty.then(|| format!("{path}/resize")));
    let pieces = pieces(read, tty, doing.clone());
    let what = doing.clone();
    let exit = async move {
        let _aside = aside;
        let bytes = ending.collect().await.map_err(|e| broken(&doing, &e))?.to_bytes();
        let ended: Ended = parsed(&bytes, &doing)?;
        Ok(ended.status_code)
    };
    RunningExec::new(what, pieces, exit).hand_over(output).await
}

/// Feeds standard input and terminal sizes beside the output.
fn aside(
    connection: &Connection,
    (input, write): (ExecInput, WriteHalf<TokioIo<Upgraded>>),
    resize: Option<String>,
) -> Aside {
    let mut tasks = vec![tokio::spawn(feed(input.stdin, write))];
    if let (Some(mut sizes), Some(path)) = (input.size, resize) {
        let connection = connection.clone();
        tasks.push(tokio::spawn(async move {
            loop {
                let size = *sizes.borrow_and_update();
                let path = format!("{path}?h={}&w={}", size.height, size.width);
                let _ = connection.post(&path, &json!({}), "resizing a terminal").await;
                if sizes.changed().await.is_err() {
                    return;
                }
            }
        }));
    }
    Aside(tasks)
}

async fn feed(stdin: Option<BoxRead>, mut write: WriteHalf<TokioIo<Upgraded>>) {
    if let Some(mut stdin) = stdin {
        let _ = tokio::io::copy(&mut stdin, &mut write).await;
        // Only the writing side is closed: the command still answers.
        let _ = write.shutdown().await;
    }
    // Without standard input the connection stays open until the output ends.
    std::future::pending::<()>().await;
}

/// A connection that is read only as its pieces are asked for.
struct Reading {
    read: ReadHalf<TokioIo<Upgraded>>,
    frames: Frames,
    buffer: Vec<u8>,
    doing: String,
}

/// The output on a connection. One that ends within a frame broke.
fn pieces(read: ReadHalf<TokioIo<Upgraded>>, tty: bool, doing: String) -> OutputPieces {
    let reading = Reading { read, frames: Frames::new(tty), buffer: vec![0; 32 * 1024], doing };
    let pieces = futures_util::stream::try_unfold(reading, |mut reading| async move {
        loop {
            if let Some(piece) = reading.frames.next_bytes() {
                return Ok(Some((piece, reading)));
            }
            let length = reading.read.read(&mut reading.buffer).await.map_err(|e| broken(&reading.doing, &e))?;
            if length == 0 && reading.frames.is_cut() {
                return Err(broken(&reading.doing, &io::Error::from(io::ErrorKind::UnexpectedEof)));
            }
            if length == 0 {
                return Ok(None);
            }
            reading.frames.push(&reading.buffer[..length]);
        }
    });
    pieces.boxed()
}

fn parsed<T: for<'de> Deserialize<'de>>(bytes: &[u8], doing: &str) -> Result<T, TargetError> {
    serde_json::from_slice(bytes).map_err(|e| broken(doing, &e))
}

fn broken(doing: &str, error: &dyn std::error::Error) -> TargetError {
    TargetError::Broken { operation: doing.to_owned(), message: error.to_string() }
}
