//! Byte streams to an engine: unix socket, TCP, TLS, or the standard streams of an ssh process.
//! Reads an `Address`; returns one fresh stream for each connection the HTTP client asks for.
//! Does not send HTTP itself.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;

use super::address::{Address, Route, SshHost};
use super::tls;
use crate::event::Changes;
use crate::process;
use crate::target::TargetError;

/// How long a socket or a TLS handshake may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// ssh may ask a key agent and hop over a jump host first.
pub(super) const SSH_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the last words of an ssh process are waited for after its connection ended.
const COMPLAINT_TIMEOUT: Duration = Duration::from_secs(1);

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection to an engine.
pub(super) struct Stream {
    bytes: TokioIo<Box<dyn Io>>,
    refusal: Arc<Mutex<Option<rustls::Error>>>,
}

/// What the ssh processes of a connector printed, and how many of them may still print.
#[derive(Default)]
struct Complaint {
    text: Mutex<String>,
    open: watch::Sender<usize>,
}

/// Makes streams; cloned by the HTTP client for every connection.
#[derive(Clone)]
pub(super) struct Connector {
    route: Arc<Route>,
    tls: Option<Arc<rustls::ClientConfig>>,
    complaint: Arc<Complaint>,
    refusal: Arc<Mutex<Option<rustls::Error>>>,
    /// Whether only requests that change nothing may leave.
    pub(super) read_only: bool,
    /// Told before a request that may change something leaves.
    pub(super) changes: Changes,
    /// How long answers may take to begin, where the operator says so.
    pub(super) patience: Option<Duration>,
}

impl Connector {
    pub(super) fn new(address: &Address) -> Result<Self, TargetError> {
        let tls = match &address.route {
            Route::Tcp { tls: Some(files), .. } => Some(Arc::new(tls::client_config(&address.display, files)?)),
            _ => None,
        };
        Ok(Self {
            route: Arc::new(address.route.clone()),
            tls,
            complaint: Arc::default(),
            refusal: Arc::default(),
            read_only: false,
            changes: Changes::default(),
            patience: None,
        })
    }

    /// The last words of the ssh process: why a connection through it ended.
    /// The process may end before all of them were read, so this waits until its output is closed.
    pub(super) async fn complaint(&self) -> Option<String> {
        let mut open = self.complaint.open.subscribe();
        let _ = tokio::time::timeout(COMPLAINT_TIMEOUT, open.wait_for(|open| *open == 0)).await;
        let text = self.complaint.text.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned();
        Some(text).filter(|t| !t.is_empty())
    }

    /// What the other side of a TLS connection said against it after the handshake.
    /// In TLS 1.3 a client certificate is rejected only then, and the HTTP client loses the error of an idle connection.
    pub(super) fn refusal(&self) -> Option<rustls::Error> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn connect(self) -> io::Result<Stream> {
        let boxed: Box<dyn Io> = match &*self.route {
            Route::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Route::Tcp { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some(config) => Box::new(tls::handshake(Arc::clone(config), host, stream).await?),
                    None => Box::new(stream),
                }
            }
            Route::Ssh(host) => Box::new(dial_stdio(host, &self.complaint)?),
        };
        Ok(Stream { bytes: TokioIo::new(boxed), refusal: Arc::clone(&self.refusal) })
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "connection timed out after 10s");
            tokio::time::timeout(CONNECT_TIMEOUT, connector.connect()).await.map_err(late)?
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Stream {
    /// Keeps what the error says about TLS.
    fn note(&self, error: &io::Error) {
        if let Some(refused) = tls::carried(error) {
            self.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| refused.clone());
        }
    }

    /// A connection that the other side closed may still hold the alert that says why.
    fn note_alert(&mut self, cx: &mut Context<'_>) {
        let mut scratch = [0; 256];
        let mut buffer = ReadBuf::new(&mut scratch);
        if let Poll::Ready(Err(error)) = Pin::new(self.bytes.inner_mut()).poll_read(cx, &mut buffer) {
            self.note(&error);
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.bytes).poll_read(cx, buffer);
        if let Poll::Ready(Err(error)) = &read {
            self.note(error);
        }
        read
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.bytes).poll_write(cx, bytes);
        if let Poll::Ready(Err(_)) = &written {
            self.note_alert(cx);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.bytes).poll_flush(cx);
        if let Poll::Ready(Err(_)) = &flushed {
            self.note_alert(cx);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

/// The standard streams of `docker system dial-stdio` on the other side; the process dies with the stream.
struct SshStream {
    input: Option<ChildStdin>,
    output: ChildStdout,
    _process: Child,
}

fn dial_stdio(host: &SshHost, complaint: &Arc<Complaint>) -> io::Result<SshStream> {
    let refused = |e: io::Error| io::Error::new(e.kind(), format!("could not run ssh: {e}"));
    let mut command = process::command_in("ssh", host.search_path.as_deref()).map_err(refused)?;
    command.args(ssh_arguments(host)?).kill_on_drop(true);
    // Without a process group of its own, a Ctrl-C at the terminal would cut the connection we still clean up through.
    command.process_group(0);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut process = command.spawn().map_err(refused)?;
    let taken = || io::Error::other("could not open the standard streams of ssh");
    let (input, output) = process.stdin.take().zip(process.stdout.take()).ok_or_else(taken)?;
    if let Some(errors) = process.stderr.take() {
        complaint.open.send_modify(|open| *open += 1);
        tokio::spawn(collect(errors, Arc::clone(complaint)));
    }
    Ok(SshStream { input: Some(input), output, _process: process })
}

fn ssh_arguments(host: &SshHost) -> io::Result<Vec<String>> {
    let mut arguments = vec!["-o".to_owned(), format!("ConnectTimeout={}", SSH_TIMEOUT.as_secs()), "-T".to_owned()];
    if let Some(user) = &host.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = host.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--".to_owned(), host.host.clone(), "docker".to_owned()]);
    if let Some(socket) = &host.socket {
        // ssh joins the words with spaces, and the other side's shell reads the line.
        let socket = format!("unix://{socket}");
        let quoted = shlex::try_quote(&socket).map_err(io::Error::other)?;
        arguments.extend(["--host".to_owned(), quoted.into_owned()]);
    }
    arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
    Ok(arguments)
}

async fn collect(mut errors: tokio::process::ChildStderr, complaint: Arc<Complaint>) {
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = errors.read(&mut buffer).await {
        let mut text = complaint.text.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len() < 4096 {
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }
    complaint.open.send_modify(|open| *open -= 1);
}

impl AsyncRead for SshStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().map_or(Poll::Ready(Ok(())), |input| Pin::new(input).poll_flush(cx))
    }

    /// Only a closed pipe shows the other side that nothing more comes.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_the_docker_cli_calls_it() {
        let host = |socket: Option<&str>| SshHost {
            user: Some("deploy".into()),
            host: "prod".into(),
            port: Some(2222),
            socket: socket.map(str::to_owned),
            search_path: None,
        };
        let line = |socket: Option<&str>| ssh_arguments(&host(socket)).unwrap().join(" ");
        assert_eq!(line(None), "-o ConnectTimeout=30 -T -l deploy -p 2222 -- prod docker system dial-stdio");
        assert!(line(Some("/run/d.sock")).ends_with("-- prod docker --host unix:///run/d.sock system dial-stdio"));
        // What the address would refuse does no harm either.
        let words = shlex::split(&line(Some("/s;touch${IFS}x '$(y)'"))).unwrap();
        assert_eq!(words[words.len() - 3], "unix:///s;touch${IFS}x '$(y)'");
        assert!(ssh_arguments(&host(Some("/s\0"))).is_err());
    }
}
