//! Text at the end of a file that collects it, such as the log of a program or the summary of a job.
//! Reads nothing; a missing file is created with the umask's mode.
//! Never truncates or replaces what is there, whatever it is.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file, opened so that every write goes to its end.
pub fn append(path: &Path) -> io::Result<File> {
    // Without a reader a pipe would be waited for.
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().append(true).create(true).custom_flags(no_wait).open(path)
}
