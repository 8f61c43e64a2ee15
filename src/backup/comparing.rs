//! A writer that compares what goes through it with the length and the digest that were stored.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::set::PartFile;

/// A writer that knows length and digest of what went through it.
pub(super) struct Comparing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    bytes: u64,
}

impl<'a> Comparing<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    /// Length and digest of what went through it.
    pub(super) fn into_facts(self) -> (u64, String) {
        (self.bytes, hex::encode(self.hash.finalize()))
    }

    /// Fails unless everything was what was stored.
    pub(super) fn finish(self, expected: &PartFile) -> io::Result<()> {
        self.out.flush()?;
        if self.bytes != expected.bytes {
            return Err(io::Error::other(format!("it has {} bytes, {} were stored", self.bytes, expected.bytes)));
        }
        match hex::encode(self.hash.finalize()) == expected.sha256 {
            true => Ok(()),
            false => Err(io::Error::other("its content differs from what was stored")),
        }
    }
}

impl Write for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
