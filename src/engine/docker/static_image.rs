//! Images of one static program, made here byte by byte, so that a bare remote engine needs nothing.
//! Never pulls.

use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::connection::Connection;
use super::{copy, error_mapping};
use crate::target::TargetError;

/// Address a program is loaded at; any page-aligned one will do.
const BASE: u64 = 0x40_0000;
/// Length of the ELF header and of the one program header.
const HEADERS: u64 = 64 + 56;
/// Machine numbers in the ELF header.
pub(super) const X86_64: u16 = 62;
pub(super) const AARCH64: u16 = 183;

/// An image.
pub(super) struct StaticImage {
    /// Its name on the engine, with a tag.
    pub(super) name: &'static str,
    /// Path of the program in it.
    pub(super) path: &'static str,
    /// A folder to mount a volume at.
    pub(super) folder: Option<&'static str>,
    /// What its history says.
    pub(super) message: &'static str,
    /// The program, for each architecture that has one.
    pub(super) program: fn(&str) -> Option<Vec<u8>>,
}

/// A 64-bit little-endian executable with one readable and executable segment.
pub(super) fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    let size = HEADERS + code.len() as u64;
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
    bytes.resize(16, 0);
    for half in [2, machine] {
        bytes.extend(half.to_le_bytes());
    }
    bytes.extend(1u32.to_le_bytes());
    for long in [BASE + HEADERS, 64, 0] {
        bytes.extend(long.to_le_bytes());
    }
    bytes.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 1, 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [1u32, 5] {
        bytes.extend(word.to_le_bytes());
    }
    for long in [0, BASE, BASE, size, size, 0x1000] {
        bytes.extend(long.to_le_bytes());
    }
    bytes.extend(code);
    bytes
}

impl StaticImage {
    /// Imports the image and returns its id, or its name if the engine reports none. Without a program for the
    /// architecture a container of it can be created and never started.
    pub(super) async fn import(&self, connection: &Connection, architecture: &str) -> Result<String, TargetError> {
        let mut archive = copy::Archive::default();
        if let Some(folder) = self.folder {
            archive.directory(folder.trim_start_matches('/'), 0o700)?;
        }
        if let Some(program) = (self.program)(architecture) {
            archive.file(self.path.trim_start_matches('/'), &program, copy::FileAccess::of_root(0o555))?;
        }
        let (repository, tag) = self.name.split_once(':').unwrap_or((self.name, "1"));
        let options =
            CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).message(self.message).build();
        let body = bollard::body_full(Bytes::from(archive.finish()?));
        let imported = connection.api.create_image(Some(options), Some(body), None).try_collect::<Vec<_>>().await;
        let lines = imported.map_err(|e| error_mapping::map(connection, &format!("importing {}", self.name), e))?;
        let told = lines.into_iter().flat_map(|line| [line.id, line.status]).flatten().collect::<Vec<_>>();
        Ok(told.iter().find_map(|word| id(word)).unwrap_or_else(|| self.name.to_owned()))
    }
}

/// The image id in a progress line of an import, with or without `sha256:`.
fn id(word: &str) -> Option<String> {
    let digits = word.strip_prefix("sha256:").unwrap_or(word);
    let is_digest = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_import_is_read_from_its_progress() {
        let digits = "0f".repeat(32);
        assert_eq!(id(&format!("sha256:{digits}")), Some(format!("sha256:{digits}")));
        assert_eq!(id(&digits), Some(digits));
        assert_eq!(id("Importing"), None);
    }
}
