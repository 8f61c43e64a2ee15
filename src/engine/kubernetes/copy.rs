//! Moving files in and out of pods by the `tar` of the pod, as `kubectl cp` does.

use std::io::Error;

use futures_util::StreamExt;
use tokio_util::io::StreamReader;

use super::KubernetesCluster;
use crate::event::Channel;
use crate::target::{ByteStream, ExecArgs, ExecInput, TargetError};

fn args(pod: &str, command: &[&str]) -> ExecArgs {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    ExecArgs { container: pod.to_owned(), command, ..Default::default() }
}

/// A path of a pod as its folder and its name in it.
fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => (".", path),
    }
}

impl KubernetesCluster {
    /// The path as a tar stream. An exit code other than 0 is an error at the end of the stream.
    pub(super) async fn archive(&self, pod: &str, path: &str) -> Result<ByteStream, TargetError> {
        let (folder, name) = split(path);
        let name = if name.is_empty() { "." } else { name };
        let args = args(pod, &["tar", "cf", "-", "-C", folder, "--", name]);
        let (stdout, end) = self.start_exec(&args, ExecInput::default()).await?.into_stdout();
        let what = format!("reading {path} of {pod}");
        let last = futures_util::stream::once(async move {
            let outcome = end.outcome().await?;
            if outcome.exit_code == 0 {
                return Ok(bytes::Bytes::new());
            }
            let message = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
            Err(TargetError::Broken { operation: what, message })
        });
        Ok(stdout.chain(last).boxed())
    }

    /// Extracts a tar stream into a folder of the pod.
    pub(super) async fn unpack(&self, pod: &str, folder: &str, archive: ByteStream) -> Result<(), TargetError> {
        let stdin = StreamReader::new(archive.map(|piece| piece.map_err(Error::other)));
        let input = ExecInput { stdin: Some(Box::pin(Synced(tokio::sync::Mutex::new(Box::pin(stdin))))), size: None };
        let mut running = self.start_exec(&args(pod, &["tar", "xf", "-", "-C", folder]), input).await?;
        let mut said = Vec::new();
        while let Some(piece) = running.next().await {
            let (channel, bytes) = piece?;
            if channel == Channel::Stderr && said.len() < 4096 {
                said.extend_from_slice(&bytes);
            }
        }
        match running.exit_code().await? {
            0 => Ok(()),
            _ => Err(TargetError::Broken {
                operation: format!("writing to {folder} of {pod}"),
                message: String::from_utf8_lossy(&said).trim().to_owned(),
            }),
        }
    }

    /// Whether a path exists in the pod, and whether it is a folder.
    pub(super) async fn path_of(&self, pod: &str, path: &str) -> Result<Option<bool>, TargetError> {
        let test = r#"[ -d "$1" ] && exit 2; [ -e "$1" ] || [ -L "$1" ] && exit 3; exit 4"#;
        let args = args(pod, &["sh", "-c", test, "sh", path]);
        match self.start_exec(&args, ExecInput::default()).await?.exit_code().await? {
            2 => Ok(Some(true)),
            3 => Ok(Some(false)),
            4 => Ok(None),
            code => Err(TargetError::Broken {
                operation: format!("looking for {path} in {pod}"),
                message: format!("the shell of the pod exited with {code}"),
            }),
        }
    }
}

/// A stream as a reader that may be shared, which it never is: exec takes readers of that kind.
struct Synced<R>(tokio::sync::Mutex<R>);

impl<R: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Synced<R> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(self.0.get_mut()).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_from_its_folder() {
        assert_eq!(split("/var/lib/data/"), ("/var/lib", "data"));
        assert_eq!(split("/etc"), ("/", "etc"));
        assert_eq!(split("/"), (".", ""));
    }
}
