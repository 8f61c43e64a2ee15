//! Every file, directory and link that aictl writes on the operator's machine is written here, and nowhere else.
//! Reads a path the operator named and what stands there; writes a complete new file, through a device, or nothing.
//! Never replaces a device, pipe or socket, never follows a link below a directory, and leaves no temporary file behind.

mod append;
mod draft;
mod error;
mod file;
mod named;
mod own_state;
mod owner_only;
mod place;
mod scratch;
mod stale;
mod stream;
mod tree;
mod tree_nodes;

pub use append::append;
pub use draft::is_writing;
pub use error::OutputError;
pub use file::OutputFile;
pub use own_state::{create_private_directory, remove_own};
pub use owner_only::PrivateFile;
pub use scratch::Scratch;
pub use tree::{Found, Tree};
pub use tree_nodes::Attributes;

/// What may be read from the beginning of a file to find out whose it is.
const HEAD: u64 = 64 * 1024;

/// What happens to a regular file that stands where one is to be written.
#[derive(Debug, Clone, Copy)]
pub enum Existing {
    /// It is replaced; mode and owner stay.
    Replace,
    /// It is replaced when the beginning of its content is what aictl writes there, or when it is empty.
    ReplaceOwn(fn(&[u8]) -> bool),
    /// It stays, and writing fails.
    Keep,
}

/// What is in a file, which decides its mode when it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// 0666 less the umask.
    Plain,
    /// 0777 less the umask.
    Program,
    /// 0600, whatever the umask and whatever the mode of the file before.
    Secret,
}

impl Content {
    fn mode(self) -> u32 {
        match self {
            Self::Plain => 0o666,
            Self::Program => 0o777,
            Self::Secret => 0o600,
        }
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What happens to a file that is there.
    pub existing: Existing,
    /// What the content is.
    pub content: Content,
}

impl Rules {
    /// Content of everyday that takes the place of what was there.
    pub const REPLACE: Self = Self { existing: Existing::Replace, content: Content::Plain };
    /// Content of everyday where nothing was.
    pub const NEW: Self = Self { existing: Existing::Keep, content: Content::Plain };
}

#[cfg(test)]
mod tests;
