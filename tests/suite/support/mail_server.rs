//! A small SMTP server that takes mail, with or without a password, in the clear or with TLS, and remembers the lines.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::http_server::acceptor;
use crate::engine_target::Authority;

/// The server; closed when dropped.
pub struct MailServer {
    pub port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

impl MailServer {
    /// A server that takes mail from anyone.
    pub fn open() -> Self {
        Self::serve("235 welcome", None)
    }

    /// The same with TLS from the start and this answer to a password.
    pub fn open_tls(authority: &Authority, login: &'static str) -> Self {
        Self::serve(login, Some(acceptor(authority)))
    }

    fn serve(login: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&lines);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, tls) = (Arc::clone(&noted), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => talk(tls.accept(stream).await.ok()?, &noted, login).await,
                        None => talk(stream, &noted, login).await,
                    }
                });
            }
        });
        Self { port, lines, runtime: Some(runtime) }
    }

    /// Every line that came, commands and mail.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    lines: &Mutex<Vec<String>>,
    login: &'static str,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 localhost ESMTP\r\n").await.ok()?;
    let mut in_mail = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        lines.lock().unwrap().push(line.clone());
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            _ if in_mail && line == "." => {
                in_mail = false;
                "250 taken"
            }
            _ if in_mail => continue,
            "EHLO" => "250-localhost\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => login,
            "DATA" => {
                in_mail = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}
