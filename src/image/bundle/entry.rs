//! The tar entries of a bundle: one form for every name and size, so that no byte of a header is free.
//! Reads a name and a size; returns the header, or checks one against it.
//! Never writes owners, times or modes of a machine.

use std::io::{self, Read, Write};

use crate::input_file::ReadAt;

/// Tar counts in these.
pub(super) const BLOCK: u64 = 512;
/// Two empty blocks end an archive.
pub(super) const END: u64 = 2 * BLOCK;

/// The header of a file.
pub(super) fn header(name: &str, size: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

/// Zeros after content of this size.
pub(super) fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// Writes one entry.
pub(super) fn write(out: &mut dyn Write, name: &str, size: u64, content: &mut dyn Read) -> io::Result<()> {
    out.write_all(header(name, size)?.as_bytes())?;
    let copied = io::copy(&mut content.take(size), out)?;
    if copied != size {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} was truncated while being read")));
    }
    zeros(out, padding(size))
}

/// Ends an archive.
pub(super) fn finish(out: &mut dyn Write) -> io::Result<()> {
    zeros(out, END)?;
    out.flush()
}

fn zeros(out: &mut dyn Write, count: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(count), out).map(drop)
}

/// A part of a file, read without moving its cursor.
pub(super) struct Section<'f> {
    file: &'f dyn ReadAt,
    at: u64,
    left: u64,
}

impl<'f> Section<'f> {
    pub(super) fn new(file: &'f dyn ReadAt, at: u64, size: u64) -> Self {
        Self { file, at, left: size }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
