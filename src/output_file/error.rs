//! Why a file could not be written: what stands in its place, or what the system said.
//! Facts only; a hint names a command for what the operator can mend.
//! Never shows what is in a file.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, Hint};

/// A file that was not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Something that is no file, and that bytes cannot be written through, has the name.
    #[error("`{}` is {what}, not a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// A file has the name, and it is not one that may be replaced.
    #[error("`{}` already exists", path.display())]
    Exists { path: PathBuf },
    /// A link stands where a directory or file below a directory is to be.
    #[error("`{}` is a symbolic link: nothing is written through links below {}", path.display(), below.display())]
    Link { path: PathBuf, below: PathBuf },
    /// A link of another user in a directory that everyone may write to.
    #[error("`{}` is a symbolic link that another user put into a shared directory", path.display())]
    ForeignLink { path: PathBuf },
    /// A link leads out of the folder that files are written in.
    #[error("`{}` {}outside {}", path.display(), led(path, target), below.display())]
    LeadsOutside { path: PathBuf, target: PathBuf, below: PathBuf },
    /// A name that does not lie below the directory.
    #[error("`{}` is not a path below a directory", name.display())]
    Outside { name: PathBuf },
    /// A pipe without a reader.
    #[error("`{}` is a pipe that no process reads from", path.display())]
    NoReader { path: PathBuf },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Where a link leads; a path that is no link is what it says.
fn led(path: &Path, target: &Path) -> String {
    if path == target { "is ".to_owned() } else { format!("leads to `{}`, ", target.display()) }
}

impl OutputError {
    pub(super) fn io(path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: error.into() }
    }

    /// Whether a file is there already.
    pub fn is_exists(&self) -> bool {
        matches!(self, Self::Exists { .. })
    }

    /// The class of the failure, as the system has them.
    pub fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::NotAFile { .. } => io::ErrorKind::IsADirectory,
            Self::Exists { .. } => io::ErrorKind::AlreadyExists,
            Self::Link { .. } | Self::ForeignLink { .. } | Self::LeadsOutside { .. } | Self::Outside { .. } => {
                io::ErrorKind::PermissionDenied
            }
            Self::NoReader { .. } => io::ErrorKind::BrokenPipe,
            Self::Io { source, .. } => source.kind(),
        }
    }

    /// The failure for those who name the path themselves.
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io { source, .. } => source,
            Self::Exists { .. } => io::ErrorKind::AlreadyExists.into(),
            other => io::Error::new(other.io_kind(), other.to_string()),
        }
    }
}

impl Hint for OutputError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Outside { .. } => ErrorKind::Usage,
            Self::LeadsOutside { .. } => ErrorKind::Config,
            _ => ErrorKind::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotAFile { path, .. } | Self::Link { path, .. } | Self::ForeignLink { path } => listed(path),
            Self::NoReader { path } => format!("start the reader first: `cat {}`", quoted(path)),
            Self::Io { path, source } => match of_io(path, source) {
                Some(hint) => hint,
                None => return Vec::new(),
            },
            Self::Exists { .. } | Self::LeadsOutside { .. } | Self::Outside { .. } => return Vec::new(),
        };
        vec![hint]
    }
}

fn of_io(path: &Path, error: &io::Error) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = quoted(folder);
    Some(match error.kind() {
        io::ErrorKind::NotFound => format!("`mkdir -p {folder}` creates the directory"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!("`df -h {folder}` shows the free space"),
        io::ErrorKind::FileTooLarge => {
            "`ulimit -f unlimited` lifts the limit of this shell on the size of files".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => format!("`findmnt -T {folder}` shows what is mounted read-only"),
        io::ErrorKind::PermissionDenied => format!("`ls -ld {folder}` shows who may write there"),
        io::ErrorKind::NotADirectory => format!("`ls -ld {folder}` shows what it is"),
        _ => return None,
    })
}

fn listed(path: &Path) -> String {
    format!("`ls -ld {}` shows what it is", quoted(path))
}

fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    shlex::try_quote(&text).map(std::borrow::Cow::into_owned).unwrap_or_else(|_| text.into_owned())
}
