//! A device or pipe that bytes are written through: opened as it is, neither truncated nor replaced.
//! Reads how fast the other side takes them; gives up when it takes nothing for too long.
//! Never waits without an end for a reader.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;
use rustix::stdio;

use super::error::OutputError;

/// How long a reader of a pipe may take to open it.
const UNTIL_OPENED: Duration = Duration::from_secs(5);
/// How long it may take nothing.
const UNTIL_READ: Duration = Duration::from_secs(30);
/// Between two looks for a reader.
const PAUSE: Duration = Duration::from_millis(20);

/// Something that takes bytes.
#[derive(Debug)]
pub(super) struct Stream {
    file: File,
    /// Whether it is our own standard output.
    pub(super) is_standard_output: bool,
}

/// Opens a character device, a pipe or a kernel parameter.
pub(super) fn open(directory: &OwnedFd, name: &OsString, path: &Path) -> Result<Stream, OutputError> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let deadline = Instant::now() + UNTIL_OPENED;
    loop {
        match openat(directory, name, flags, Mode::empty()) {
            Ok(file) => return Ok(Stream { file: file.into(), is_standard_output: false }),
            // A pipe without a reader; one that is being started opens it soon.
            Err(Errno::NXIO) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(Errno::NXIO) => return Err(OutputError::NoReader { path: path.to_owned() }),
            Err(error) => return Err(OutputError::io(path, error)),
        }
    }
}

/// A file that a process has open, `/dev/stdout` and `/dev/fd/N` among them.
pub(super) fn descriptor(directory: &OwnedFd, name: &OsString, path: &Path) -> Result<Stream, OutputError> {
    // Our own are shared, not opened anew: that would begin at the start of a file, over what is in it.
    let own = match name.to_str() {
        Some("1") if is_ours(directory) => Some(stdio::stdout()),
        Some("2") if is_ours(directory) => Some(stdio::stderr()),
        _ => None,
    };
    if let Some(own) = own {
        let file = own.try_clone_to_owned().map_err(|error| OutputError::io(path, error))?;
        return Ok(Stream { file: file.into(), is_standard_output: name == "1" });
    }
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty()).map_err(|error| OutputError::io(path, error))?;
    Ok(Stream { file: file.into(), is_standard_output: false })
}

fn is_ours(directory: &OwnedFd) -> bool {
    let same =
        |found: rustix::fs::Stat| fstat(directory).is_ok_and(|d| (d.st_dev, d.st_ino) == (found.st_dev, found.st_ino));
    stat("/proc/self/fd").is_ok_and(same)
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Stream {
    fn wait(&self) -> io::Result<()> {
        let limit = Timespec { tv_sec: UNTIL_READ.as_secs() as i64, tv_nsec: 0 };
        match poll(&mut [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::OUT)], Some(&limit)) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, "the reader takes nothing")),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
