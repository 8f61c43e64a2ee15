//! The local file system, as `Files`: whole files up to a size.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::{FileKind, Files, OpenFile, ReadAt, text_of};

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFiles;

impl Files for LocalFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        bounded(open_regular(path)?)
    }

    fn read_named(&self, path: &Path) -> io::Result<Vec<u8>> {
        bounded(File::open(path)?)
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        let found = std::fs::metadata(path)?;
        Ok(match (found.is_file(), found.is_dir()) {
            (true, _) => FileKind::Regular { size: found.len() },
            (_, true) => FileKind::Directory,
            _ => FileKind::Other,
        })
    }

    fn is_link(&self, path: &Path) -> bool {
        path.is_symlink()
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn open(&self, path: &Path) -> io::Result<OpenFile> {
        let file = open_regular(path)?;
        let length = file.metadata()?.len();
        Ok(OpenFile { content: Box::new(file), length })
    }
}

/// Opens a file without waiting for a writer of a pipe or for a device. `/dev/null` counts as an empty file.
fn open_regular(path: &Path) -> io::Result<File> {
    // A device may act on being opened.
    refuse_special(&std::fs::metadata(path)?)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file: File = rustix::fs::open(path, flags, Mode::empty())?.into();
    refuse_special(&file.metadata()?)?;
    Ok(file)
}

fn refuse_special(found: &Metadata) -> io::Result<()> {
    let kind = found.file_type();
    let what = match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_block_device() => "a block device",
        () if kind.is_char_device() && found.rdev() != rustix::fs::makedev(1, 3) => "a character device",
        () => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file")))
}

/// Bytes of a file that is read whole: configuration of whatever kind is far smaller, and a device has no end.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The text of a stream, such as standard input.
pub fn read_stream(stream: impl Read) -> io::Result<String> {
    Ok(text_of(bounded(stream)?)?)
}

fn bounded(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("larger than {} MiB", LARGEST / 1024 / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_file_is_an_error_that_names_the_bound() {
        let error = LocalFiles.read_named(Path::new("/dev/zero")).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
        assert!(read_stream(io::repeat(b'x')).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "text").unwrap();
        assert_eq!(LocalFiles.read_text(file.path()).unwrap(), "text");
    }

    #[test]
    fn what_is_no_regular_file_is_an_error_that_says_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let said = |path: &Path| LocalFiles.read(path).unwrap_err().to_string();
        assert_eq!(said(&pipe), "it is a pipe, not a regular file");
        assert_eq!(said(&socket), "it is a socket, not a regular file");
        assert_eq!(said(Path::new("/dev/zero")), "it is a character device, not a regular file");
        assert!(LocalFiles.open(&pipe).is_err());
        assert_eq!(LocalFiles.read(Path::new("/dev/null")).unwrap(), b"");
    }
}
