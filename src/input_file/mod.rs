//! How the modules that read no file themselves ask for one: the trait `Files`, and the operator's machine as one.
//! Reads files and what they are; returns bytes and kinds.
//! Never writes: `output_file` does.

mod local;

use std::io;
use std::path::{Path, PathBuf};

pub use local::LocalFiles;

/// What a path leads to, behind its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file of so many bytes.
    Regular { size: u64 },
    /// A directory.
    Directory,
    /// A device, pipe or socket.
    Other,
}

/// Files as they are read. Paths that are relative start where the process runs.
pub trait Files: Send + Sync {
    /// A file's bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What a path leads to.
    fn kind(&self, path: &Path) -> io::Result<FileKind>;

    /// Whether the path itself is a symbolic link.
    fn is_link(&self, path: &Path) -> bool;

    /// The path without links and dots.
    fn real_path(&self, path: &Path) -> io::Result<PathBuf>;

    /// A file to be read in parts.
    fn open(&self, path: &Path) -> io::Result<OpenFile>;

    /// A file's text; an error when it is not UTF-8.
    fn read_text(&self, path: &Path) -> io::Result<String> {
        let text = String::from_utf8(self.read(path)?);
        text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
    }

    /// Whether there is anything.
    fn has(&self, path: &Path) -> bool {
        self.kind(path).is_ok()
    }

    /// Whether there is a regular file.
    fn has_file(&self, path: &Path) -> bool {
        matches!(self.kind(path), Ok(FileKind::Regular { .. }))
    }

    /// Whether there is a directory.
    fn has_directory(&self, path: &Path) -> bool {
        matches!(self.kind(path), Ok(FileKind::Directory))
    }
}

/// A file that is read in parts.
pub struct OpenFile {
    /// Its content.
    pub content: Box<dyn ReadAt>,
    /// Bytes it has.
    pub length: u64,
}

/// Content that is read at any place of it.
pub trait ReadAt: Send + Sync {
    /// Reads some bytes from an offset on; none at the end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Fills the buffer from an offset on.
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], at + filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
