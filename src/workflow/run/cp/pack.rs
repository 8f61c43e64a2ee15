//! A local file or directory as a tar archive that is made while it is sent.
//! Reads the file system; writes entries with modes, times, owners and links as they are.
//! Never follows a link below the source, and never holds a file's content.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::channel::{ChunkWriter, writer};
use super::copied::Copied;
use super::rules::{CopySource, base, means_contents, trimmed};
use crate::error::Result;
use crate::session::WorkflowError;
use crate::target::ByteStream;

/// A file or directory to be sent.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    path: PathBuf,
    /// What it is to the rules.
    pub(super) source: CopySource,
    follow: bool,
}

impl Tree {
    /// Looks at the source.
    pub(super) fn open(cwd: &Path, text: &str, follow: bool) -> Result<Self> {
        let follow = follow || text.ends_with('/') || means_contents(text);
        let path = cwd.join(text);
        let found = if follow { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        let meta = found.map_err(|e| WorkflowError::File { path: text.to_owned(), reason: e.to_string() })?;
        let own = base(trimmed(text));
        // `..` is no name: the directory it leads to has one.
        let resolved = || path.canonicalize().ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = if matches!(own.as_str(), "" | "." | "..") { resolved().unwrap_or_default() } else { own };
        let contents = means_contents(text);
        Ok(Self { source: CopySource { name, is_dir: meta.is_dir(), contents }, path, follow })
    }
}

/// Sends the tree under a name; `send` takes the archive.
pub(super) async fn pack<F: Future<Output = Result<()>>>(
    tree: Tree,
    prefix: String,
    send: impl FnOnce(ByteStream) -> F,
) -> Result<Copied> {
    let (writer, archive) = writer();
    let packing = tokio::task::spawn_blocking(move || {
        let mut packer = Packer { builder: tar::Builder::new(writer), copied: Copied::default() };
        packer.tree(&tree, Path::new(&prefix)).map(|()| packer.copied)
    });
    let (sent, packed) = tokio::join!(send(archive), packing);
    let packed = packed.map_err(|e| WorkflowError::File { path: "the archive".to_owned(), reason: e.to_string() })?;
    match (sent, packed) {
        // The engine hung up: it knows why, the packer only saw a closed pipe.
        (Err(error), Err((_, reason))) if reason.kind() == io::ErrorKind::BrokenPipe => Err(error),
        (_, Err((path, reason))) => {
            Err(WorkflowError::File { path: path.display().to_string(), reason: reason.to_string() }.into())
        }
        (sent, Ok(copied)) => sent.map(|()| copied),
    }
}

struct Packer {
    builder: tar::Builder<ChunkWriter>,
    copied: Copied,
}

/// A failure and the file it is about.
type Failure = (PathBuf, io::Error);

impl Packer {
    fn tree(&mut self, tree: &Tree, name: &Path) -> std::result::Result<(), Failure> {
        let failed = |e| (tree.path.clone(), e);
        let meta = if tree.follow { fs::metadata(&tree.path) } else { fs::symlink_metadata(&tree.path) };
        let meta = meta.map_err(failed)?;
        if name.as_os_str().is_empty() && meta.is_dir() {
            self.children(&tree.path, name)?;
        } else {
            self.entry(&tree.path, name, &meta)?;
        }
        self.builder.finish().map_err(failed)?;
        io::Write::flush(self.builder.get_mut()).map_err(failed)
    }

    fn entry(&mut self, path: &Path, name: &Path, meta: &Metadata) -> std::result::Result<(), Failure> {
        let failed = |e| (path.to_owned(), e);
        let mut header = tar::Header::new_gnu();
        header.set_metadata(meta);
        if meta.is_dir() {
            header.set_size(0);
            self.builder.append_data(&mut header, name.join(""), io::empty()).map_err(failed)?;
            return self.children(path, name);
        }
        if meta.is_symlink() {
            let target = fs::read_link(path).map_err(failed)?;
            header.set_size(0);
            self.copied.files += 1;
            return self.builder.append_link(&mut header, name, target).map_err(failed);
        }
        if !meta.is_file() {
            self.copied.skipped.push(format!("{} is not a file, directory or link and was skipped", path.display()));
            return Ok(());
        }
        let file = File::open(path).map_err(failed)?;
        header.set_size(meta.len());
        self.copied.files += 1;
        self.copied.bytes += meta.len();
        self.builder.append_data(&mut header, name, Exactly { file, left: meta.len() }).map_err(failed)
    }

    fn children(&mut self, path: &Path, name: &Path) -> std::result::Result<(), Failure> {
        let failed = |e| (path.to_owned(), e);
        let mut children = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
        children.sort_by_key(fs::DirEntry::file_name);
        for child in children {
            let path = child.path();
            let meta = match fs::symlink_metadata(&path) {
                Ok(meta) => meta,
                // Removed since the directory was read.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err((path, e)),
            };
            self.entry(&path, &name.join(child.file_name()), &meta)?;
        }
        Ok(())
    }
}

/// As many bytes as the header of the archive says: a log that grows is cut, a file that shrinks is an error.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.file.read(&mut buffer[..limit])?;
        if length == 0 && limit > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was truncated while being read"));
        }
        self.left -= length as u64;
        Ok(length)
    }
}
