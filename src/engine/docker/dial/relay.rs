//! One connection through a helper: an exec in it whose standard streams are the connection's bytes.
//! Reads an address and a port; returns a stream once the relay said that it is there.
//! Never needs more than one of nc, bash and python3 in the helper's image.

use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

use crate::engine::docker::connection::Connection;
use crate::engine::docker::frames::Frames;
use crate::event::Channel;
use crate::target::{BoxDuplex, TargetError};

/// What the relay says before the first byte of the connection.
const MARK: u8 = b'+';
const BUFFER: usize = 64 * 1024;
/// How long it may take to learn which programs an image has.
const LOOKING: Duration = Duration::from_secs(10);

/// Ends well where there is a program to relay with.
const CHECK: &str = "command -v nc || command -v bash || command -v python3";

/// nc connects after the mark, so its refusal is a stream that ends at once; the others connect first.
const RELAY: &str = r#"
if command -v nc >/dev/null; then printf +; exec nc "$1" "$2"; fi
if command -v bash >/dev/null; then exec bash -c '
  exec 4<&0 3<>"/dev/tcp/$1/$2" || exit 1
  printf +
  cat <&4 >&3 & cat <&3; kill %1' relay "$1" "$2"; fi
exec python3 -c '
import os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
s.settimeout(None)
os.write(1, b"+")
def up():
    while True:
        data = os.read(0, 65536)
        if not data:
            break
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while True:
    data = s.recv(65536)
    if not data:
        os._exit(0)
    os.write(1, data)
' "$1" "$2"
"#;

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

type Wire = TokioIo<Upgraded>;

async fn exec(connection: &Connection, helper: &str, words: &[&str]) -> Result<Wire, TargetError> {
    let doing = "relaying through a helper container";
    let body = json!({ "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Cmd": words });
    let answer = connection.post(&format!("/containers/{helper}/exec"), &body, doing).await?;
    let created: Created = serde_json::from_slice(&answer)
        .map_err(|e| TargetError::Broken { operation: doing.to_owned(), message: e.to_string() })?;
    connection.hijack(&format!("/exec/{}/start", created.id), &json!({ "Detach": false, "Tty": false }), doing).await
}

/// Fails where the helper's image has no program to relay with.
pub(super) async fn check(connection: &Connection, helper: &str) -> Result<(), TargetError> {
    let missing = TargetError::Broken {
        operation: "starting a relay".to_owned(),
        message: "its image has neither nc, bash nor python3".to_owned(),
    };
    let wire = exec(connection, helper, &["sh", "-c", CHECK]).await?;
    let (mut read, _write) = tokio::io::split(wire);
    let mut frames = Frames::new(false);
    let found = tokio::time::timeout(LOOKING, next(&mut read, &mut frames)).await;
    if matches!(found, Ok(Some(_))) { Ok(()) } else { Err(missing) }
}

/// A connection; `None` where nothing listens.
pub(super) async fn connect(
    connection: &Connection,
    helper: &str,
    address: &str,
    port: u16,
) -> Result<Option<BoxDuplex>, TargetError> {
    let wire = exec(connection, helper, &["sh", "-c", RELAY, "relay", address, &port.to_string()]).await?;
    let (mut read, write) = tokio::io::split(wire);
    let mut frames = Frames::new(false);
    let Some(mut first) = next(&mut read, &mut frames).await else { return Ok(None) };
    if first.first() != Some(&MARK) {
        return Ok(None);
    }
    first.remove(0);
    let (ours, theirs) = tokio::io::duplex(BUFFER);
    tokio::spawn(carry(RelayStream { read, write, frames }, first, theirs));
    Ok(Some(Box::new(ours)))
}

/// The next bytes of standard output; what the relay says on standard error is not the connection's.
async fn next(read: &mut ReadHalf<Wire>, frames: &mut Frames) -> Option<Vec<u8>> {
    let mut buffer = vec![0; BUFFER / 2];
    loop {
        while let Some((channel, bytes)) = frames.next_bytes() {
            if channel == Channel::Stdout && !bytes.is_empty() {
                return Some(bytes.to_vec());
            }
        }
        let length = read.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        frames.push(&buffer[..length]);
    }
}

/// Both directions of a relay.
struct RelayStream {
    read: ReadHalf<Wire>,
    write: WriteHalf<Wire>,
    frames: Frames,
}

/// Carries bytes until either side ends.
async fn carry(relay: RelayStream, first: Vec<u8>, stream: DuplexStream) {
    let RelayStream { mut read, mut write, mut frames } = relay;
    let (mut from, mut to) = tokio::io::split(stream);
    let down = async {
        let mut bytes = Some(first);
        while let Some(part) = bytes {
            if to.write_all(&part).await.is_err() {
                return;
            }
            bytes = next(&mut read, &mut frames).await;
        }
        let _ = to.shutdown().await;
    };
    let up = async {
        let _ = tokio::io::copy(&mut from, &mut write).await;
        // The other side may still answer; a dialler that went away ends `down` with its next byte.
        let _ = write.shutdown().await;
    };
    tokio::select! {
        () = down => {}
        () = async { up.await; std::future::pending::<()>().await } => {}
    }
}
