//! The build context: a directory as a tar stream, without what `.dockerignore` leaves out.
//! Reads the context directory and the Dockerfile, wherever that is; returns the stream and the Dockerfile's name in it.
//! Never holds the context in memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::ignore::Ignore;
use crate::compose::model::Build;
use crate::input_file::{Files, LocalFiles};

/// Name of a Dockerfile that is not part of the context.
const OUTSIDE: &str = ".dockerfile.aictl";
/// Bytes sent at once.
const CHUNK: usize = 256 * 1024;
/// Chunks waiting for the network.
const WAITING: usize = 8;

/// What is to be packed.
#[derive(Debug)]
pub(super) struct Context {
    folder: PathBuf,
    ignore: Ignore,
    /// Name of the Dockerfile inside the archive.
    pub(super) dockerfile: String,
    extra: Option<Vec<u8>>,
}

impl Context {
    /// Finds Dockerfile and ignore file. The error is a sentence for the operator.
    pub(super) fn open(build: &Build) -> Result<Self, String> {
        let folder = PathBuf::from(&build.context);
        if !folder.is_dir() {
            return Err(format!("the build context {} is not a directory", folder.display()));
        }
        let named = if build.dockerfile.is_empty() { "Dockerfile" } else { &build.dockerfile };
        let path = folder.join(named);
        let inside = path.strip_prefix(&folder).ok().filter(|p| !p.components().any(|c| c.as_os_str() == ".."));
        let (dockerfile, extra) = match inside {
            _ if !build.dockerfile_inline.is_empty() => {
                (OUTSIDE.to_owned(), Some(build.dockerfile_inline.clone().into_bytes()))
            }
            Some(relative) if path.is_file() => (slashed(relative), None),
            Some(_) => return Err(no_dockerfile(&path)),
            None => {
                let text = LocalFiles.read(&path).map_err(|e| format!("the Dockerfile {}: {e}", path.display()))?;
                (OUTSIDE.to_owned(), Some(text))
            }
        };
        let own = PathBuf::from(format!("{}.dockerignore", path.display()));
        let text = match ignore_text(&own)? {
            Some(text) => text,
            None => ignore_text(&folder.join(".dockerignore"))?.unwrap_or_default(),
        };
        Ok(Self { folder, ignore: Ignore::parse(&text), dockerfile, extra })
    }

    /// The archive; read errors end the stream.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let sink = Sink { sender: sender.clone(), buffer: Vec::with_capacity(CHUNK) };
            if let Err(error) = self.pack(sink) {
                let _ = sender.blocking_send(Err(error));
            }
        });
        futures_util::stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
    }

    fn pack(&self, sink: Sink) -> io::Result<()> {
        let mut archive = tar::Builder::new(sink);
        archive.follow_symlinks(false);
        self.pack_folder(&mut archive, &self.folder)?;
        if let Some(text) = &self.extra {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, &self.dockerfile, &text[..])?;
        }
        archive.into_inner()?.flush()
    }

    fn pack_folder(&self, archive: &mut tar::Builder<Sink>, folder: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type()?;
            let name = slashed(path.strip_prefix(&self.folder).unwrap_or(&path));
            // The engine reads these two itself, so they travel even when a rule leaves them out.
            let ignored = self.ignore.ignores(&name) && name != self.dockerfile && name != ".dockerignore";
            if kind.is_dir() {
                if !ignored {
                    append(archive, &path, &name)?;
                }
                if !ignored || self.ignore.may_keep_below() || self.dockerfile.starts_with(&format!("{name}/")) {
                    self.pack_folder(archive, &path)?;
                }
            } else if !ignored && (kind.is_file() || kind.is_symlink()) {
                append(archive, &path, &name)?;
            }
        }
        Ok(())
    }
}

fn no_dockerfile(path: &Path) -> String {
    match LocalFiles.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("the Dockerfile {} does not exist", path.display())
        }
        Err(error) => format!("cannot read the Dockerfile {}: {error}", path.display()),
        Ok(_) => format!("the Dockerfile {} is not a regular file", path.display()),
    }
}

/// An ignore file that is there and cannot be read is an error: without it secrets could be sent.
fn ignore_text(path: &Path) -> Result<Option<String>, String> {
    match LocalFiles.read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// One entry as root's: who owns a file at home says nothing about who owns it in an image.
fn append(archive: &mut tar::Builder<Sink>, path: &Path, name: &str) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        header.set_size(0);
        return archive.append_link(&mut header, name, fs::read_link(path)?);
    }
    if metadata.is_dir() {
        header.set_size(0);
        return archive.append_data(&mut header, format!("{name}/"), io::empty());
    }
    archive.append_data(&mut header, name, File::open(path)?)
}

fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Hands chunks over to the request.
struct Sink {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    buffer: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK)));
        // The engine hung up: it already said why in its answer.
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn names(build: &Build) -> (String, Vec<String>) {
        let context = Context::open(build).unwrap();
        let dockerfile = context.dockerfile.clone();
        let bytes = context.stream().try_collect::<Vec<_>>().await.unwrap().concat();
        let mut archive = tar::Archive::new(&bytes[..]);
        let names = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        (dockerfile, names)
    }

    #[tokio::test]
    async fn ignored_files_stay_and_the_dockerfile_travels() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("Dockerfile", "FROM x"), ("a/b.txt", "b"), ("a/c.md", "c"), (".dockerignore", "*\n!a/b.txt\n")]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let build = Build { context: folder.path().display().to_string(), ..Build::default() };
        let (dockerfile, names) = names(&build).await;
        assert_eq!(
            (dockerfile.as_str(), names),
            ("Dockerfile", [".dockerignore", "Dockerfile", "a/b.txt"].map(str::to_owned).to_vec())
        );
    }

    #[tokio::test]
    async fn an_inline_dockerfile_is_added_under_a_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "x").unwrap();
        let context = folder.path().display().to_string();
        let build = Build { context, dockerfile_inline: "FROM x".into(), ..Build::default() };
        assert_eq!(names(&build).await, (OUTSIDE.to_owned(), vec!["x".to_owned(), OUTSIDE.to_owned()]));
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().display().to_string();
        let error = Context::open(&Build { context, dockerfile: "Other".into(), ..Build::default() }).unwrap_err();
        assert!(error.ends_with("/Other does not exist"), "{error}");
    }
}
