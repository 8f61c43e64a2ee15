//! Running commands inside containers and attaching to one-off containers.
//! Reads arguments, standard input and terminal sizes; streams output and returns the exit code.
//! Never adds a shell and never buffers output.

use std::time::Duration;

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
use crate::target::{BoxRead, ExecArgs, ExecInput, TargetError};

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

pub(super) async fn exec(
    connection: &Connection,
    args: &ExecArgs,
    input: ExecInput,
    output: &dyn OutputStream,
) -> Result<i64, TargetError> {
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
        return Ok(0);
    }
    let stream = connection.hijack(&path, &body, &doing).await?;
    let (read, write) = tokio::io::split(stream);
    let resize = format!("/exec/{}/resize", created.id);
    let _aside = aside(connection, (input, write), args.tty.then_some(resize));
    pump(read, args.tty, output, &doing).await?;
    exit_code(connection, &created.id, &doing).await
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
    let _aside = aside(connection, (input, write), tty.then(|| format!("{path}/resize")));
    pump(read, tty, output, &doing).await?;
    let bytes = ending.collect().await.map_err(|e| broken(&doing, &e))?.to_bytes();
    let ended: Ended = parsed(&bytes, &doing)?;
    Ok(ended.status_code)
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

/// Hands output over until it ends, or until nobody wants it any more.
async fn pump(
    mut read: ReadHalf<TokioIo<Upgraded>>,
    tty: bool,
    output: &dyn OutputStream,
    doing: &str,
) -> Result<(), TargetError> {
    let mut frames = Frames::new(tty);
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = read.read(&mut buffer).await.map_err(|e| broken(doing, &e))?;
        if length == 0 {
            return Ok(());
        }
        frames.push(&buffer[..length]);
        while let Some((channel, bytes)) = frames.next_bytes() {
            if output.bytes(channel, &bytes).is_err() {
                return Ok(());
            }
        }
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(bytes: &[u8], doing: &str) -> Result<T, TargetError> {
    serde_json::from_slice(bytes).map_err(|e| broken(doing, &e))
}

fn broken(doing: &str, error: &dyn std::error::Error) -> TargetError {
    TargetError::Broken { operation: doing.to_owned(), message: error.to_string() }
}
