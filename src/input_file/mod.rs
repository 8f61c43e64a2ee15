//! The trait `Files`, through which pure modules read files, and its implementation for the local file system.
//! Paths are those of the operator's machine.
//! Files are written by `output_file`.

mod local;
mod text;

use std::io;
use std::path::{Path, PathBuf};

pub use local::{LocalFiles, read_stream};
pub use text::{NotText, text_of};

/// The type of a file, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file and its size in bytes.
    Regular { size: u64 },
    /// A directory.
    Directory,
    /// A device, pipe or socket.
    Other,
}

/// Read access to files. Relative paths start at the process's working directory.
pub trait Files: Send + Sync {
    /// The content of a regular file; an error for anything else, which could be waited for without an end.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The same for a path that the operator named: `/dev/stdin` and pipes are read to their end.
    fn read_named(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The type of the file at the path, symbolic links followed.
    fn kind(&self, path: &Path) -> io::Result<FileKind>;

    /// Whether the path itself is a symbolic link.
    fn is_link(&self, path: &Path) -> bool;

    /// The canonical path.
    fn real_path(&self, path: &Path) -> io::Result<PathBuf>;

    /// Opens a file for random access.
    fn open(&self, path: &Path) -> io::Result<OpenFile>;

    /// The content of a file as text; an error if it is not UTF-8.
    fn read_text(&self, path: &Path) -> io::Result<String> {
        Ok(text_of(self.read(path)?)?)
    }

    /// Whether the path exists.
    fn has(&self, path: &Path) -> bool {
        self.kind(path).is_ok()
    }

    /// Whether the path is a regular file.
    fn has_file(&self, path: &Path) -> bool {
        matches!(self.kind(path), Ok(FileKind::Regular { .. }))
    }

    /// Whether the path is a directory.
    fn has_directory(&self, path: &Path) -> bool {
        matches!(self.kind(path), Ok(FileKind::Directory))
    }
}

/// A file opened for random access.
pub struct OpenFile {
    /// The content.
    pub content: Box<dyn ReadAt>,
    /// The size in bytes.
    pub length: u64,
}

/// Random access to content.
pub trait ReadAt: Send + Sync {
    /// Reads up to the buffer's length from an offset; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Fills the buffer, reading from an offset.
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
