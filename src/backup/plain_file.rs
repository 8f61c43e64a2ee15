//! Files that other tools wrote: SQL, archives of pg_dump and databases of Redis, on this machine. They are read to their end
//! before anything changes, and what is restored is compared with what was read then.

use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::blocking::run_blocking;
use super::comparing::Comparing;
use super::error::BackupError;
use super::set::PartFile;
use super::sql_text::SqlText;
use crate::input_file::{Files as _, LocalFiles, OpenFile};
use crate::target::{ByteStream, bridge};

/// What a file is, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// The custom format of pg_dump.
    Archive,
    /// Plain SQL.
    Sql,
    /// A database of Redis.
    Rdb,
}

/// A file that was read to its end.
#[derive(Debug, Clone)]
pub struct PlainFile {
    path: PathBuf,
    format: FileFormat,
    bytes: u64,
    sha256: String,
}

const GZIP: &[u8] = &[0x1f, 0x8b];
/// The end of a header of a tar archive, which pg_dump can write, too.
const TAR: (usize, &[u8]) = (257, b"ustar");

impl PlainFile {
    /// Reads a file to its end.
    pub async fn read(path: PathBuf) -> Result<Self, BackupError> {
        let shown = path.display().to_string();
        run_blocking(move || {
            let read = || -> io::Result<Self> {
                let format = format_of(&path)?;
                let mut nowhere = io::sink();
                let mut out = Comparing::new(&mut nowhere);
                copy(&path, format, &mut out)?;
                let (bytes, sha256) = out.into_facts();
                Ok(Self { path: path.clone(), format, bytes, sha256 })
            };
            read().map_err(|error| BackupError::BadFile { path: shown, reason: error.to_string() })
        })
        .await
    }

    /// What it is.
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// Names what a restore of it leaves aside. The same file has the same, so that the next run finds what a killed one left.
    pub fn id(&self) -> &str {
        self.sha256.get(..8).unwrap_or_default()
    }

    /// As a file of a part.
    pub fn part_file(&self, name: String, of: String) -> PartFile {
        PartFile { name, bytes: self.bytes, sha256: self.sha256.clone(), of, mode: None }
    }

    /// Its content, decompressed. It ends with an error where it is not what was read first.
    pub fn stream(&self, expected: &PartFile) -> ByteStream {
        let (path, format, expected) = (self.path.clone(), self.format, expected.clone());
        bridge::written(move |out| {
            let mut out = Comparing::new(out);
            copy(&path, format, &mut out)?;
            out.finish(&expected)
        })
    }
}

/// A file read from its begin.
struct Reading {
    file: OpenFile,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.content.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The content of a file, decompressed.
fn opened(path: &Path) -> io::Result<Box<dyn Read>> {
    let reading = || LocalFiles.open(path).map(|file| Reading { file, at: 0 });
    let mut magic = Vec::new();
    reading()?.take(GZIP.len() as u64).read_to_end(&mut magic)?;
    Ok(match magic == GZIP {
        true => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(reading()?))),
        false => Box::new(BufReader::new(reading()?)),
    })
}

fn format_of(path: &Path) -> io::Result<FileFormat> {
    let mut head = Vec::new();
    opened(path)?.take(512).read_to_end(&mut head)?;
    let other = |reason: &str| Err(io::Error::new(io::ErrorKind::InvalidData, reason.to_owned()));
    match head.as_slice() {
        [] => other("it is empty"),
        head if head.starts_with(b"PGDMP") => Ok(FileFormat::Archive),
        head if head.starts_with(b"REDIS") => Ok(FileFormat::Rdb),
        head if head.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) => {
            other("it is a tar archive; restore SQL, the custom format of pg_dump, or an RDB file")
        }
        head if head.contains(&0) => other("it is neither SQL nor the custom format of pg_dump nor an RDB file"),
        _ => Ok(FileFormat::Sql),
    }
}

fn copy(path: &Path, format: FileFormat, out: &mut dyn Write) -> io::Result<()> {
    let mut input = opened(path)?;
    match format {
        FileFormat::Archive | FileFormat::Rdb => io::copy(&mut input, out).map(drop),
        FileFormat::Sql => {
            let mut buffered = io::BufWriter::new(out);
            let mut sql = SqlText::new(&mut buffered);
            io::copy(&mut input, &mut sql)?;
            sql.finish()
        }
    }
}
