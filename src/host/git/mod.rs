//! Whether git tracks a file.
//! Reads the repository's index itself; returns yes, no, or why it is unknown.
//! Never runs git: the configuration of an untrusted repository can name programs that git would run.

mod index;

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use index::Listed;

/// Linux's index has 10 MB.
const LONGEST_INDEX: u64 = 256 << 20;
const LONGEST_TEXT: u64 = 1 << 20;

/// What git's index says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked {
    /// It is in the index: committed, or about to be.
    Yes,
    /// It is not in the index, or in no repository.
    No,
    /// There is a repository whose index cannot be read.
    Unknown(String),
}

/// Whether git tracks the file at this absolute path without symbolic links.
pub fn tracked(path: &Path) -> Tracked {
    let Some(directory) = path.parent() else { return Tracked::No };
    for root in directory.ancestors() {
        let entry = root.join(".git");
        let Ok(name) = path.strip_prefix(root) else { continue };
        return match git_directory(&entry) {
            Ok(None) => continue,
            Ok(Some(directory)) => in_index(&directory, name.as_os_str().as_bytes())
                .unwrap_or_else(|error| Tracked::Unknown(format!("{}: {error}", directory.join("index").display()))),
            Err(error) => Tracked::Unknown(format!("{}: {error}", entry.display())),
        };
    }
    Tracked::No
}

/// The folder with `HEAD` and `index`: `.git` itself, or the one a file of that name points to, as in worktrees and
/// submodules. None where git would look further up.
fn git_directory(entry: &Path) -> io::Result<Option<PathBuf>> {
    let Ok(found) = fs::metadata(entry) else { return Ok(None) };
    if found.is_dir() {
        return Ok(entry.join("HEAD").symlink_metadata().is_ok().then(|| entry.to_owned()));
    }
    let text = read(entry, LONGEST_TEXT)?;
    let target = text.strip_prefix(b"gitdir: ").ok_or_else(|| wrong("it is not a `gitdir:` file"))?;
    let target = Path::new(std::ffi::OsStr::from_bytes(target.trim_ascii_end()));
    let directory = entry.parent().unwrap_or(entry).join(target);
    match directory.join("HEAD").symlink_metadata() {
        Ok(_) => Ok(Some(directory)),
        Err(_) => Err(wrong("it points to a folder that is no repository")),
    }
}

fn in_index(directory: &Path, name: &[u8]) -> io::Result<Tracked> {
    let bytes = match read(&directory.join("index"), LONGEST_INDEX) {
        // A repository in which nothing was added yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tracked::No),
        read => read?,
    };
    let listed = index::listed(&bytes, name, hash_length(directory)?);
    Ok(match listed.ok_or_else(|| wrong("it is damaged, or of a later format"))? {
        Listed::Yes => Tracked::Yes,
        Listed::No => Tracked::No,
        Listed::Elsewhere(what) => Tracked::Unknown(format!("{}: {what}", directory.join("index").display())),
    })
}

/// Bytes of an object's name: 32 where the configuration says `objectformat = sha256`, else 20.
fn hash_length(directory: &Path) -> io::Result<usize> {
    let common = match read(&directory.join("commondir"), LONGEST_TEXT) {
        Ok(text) => directory.join(std::ffi::OsStr::from_bytes(text.trim_ascii_end())),
        Err(_) => directory.to_owned(),
    };
    let config = match read(&common.join("config"), LONGEST_TEXT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let text = String::from_utf8_lossy(&config).to_ascii_lowercase();
    let formats = text.lines().filter_map(|line| line.split_once('='));
    let format = formats.filter(|(key, _)| key.trim() == "objectformat").map(|(_, value)| value.trim()).next_back();
    Ok(if format == Some("sha256") { 32 } else { 20 })
}

/// A regular file that is not longer than what it may be; opening a pipe does not wait for its other end.
fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    use rustix::fs::{Mode, OFlags};
    let file =
        fs::File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(wrong("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(wrong("it is too long"));
    }
    Ok(bytes)
}

fn wrong(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
