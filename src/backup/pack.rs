//! Packs: pieces of content one after the other, and at the end what they are. Written anew where a pack was altered, so that
//! what is whole in it is not lost with the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustic_core::{FileType, Id, RepairIndexOptions};
use serde::{Deserialize, Serialize};

use super::error::{BackupError, failed};
use super::file_check::pack_path;
use super::repository::Repository;
use super::sealed::hash;

/// How an entry of a pack's header begins: 1 for a tree, and 2 more for what is compressed.
const TREE_BIT: u8 = 1;
const COMPRESSED_BIT: u8 = 2;

/// Data or a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BlobKind {
    Data,
    Tree,
}

/// A piece of content in a pack, as an index file names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PackedBlob {
    id: String,
    #[serde(rename = "type")]
    kind: BlobKind,
    offset: usize,
    length: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uncompressed_length: Option<u32>,
}

/// A piece of content to be written.
pub(super) struct NewBlob {
    pub(super) kind: BlobKind,
    /// The digest of its text.
    pub(super) id: [u8; 32],
    /// It, encrypted.
    pub(super) sealed: Vec<u8>,
    /// Its length, where it is compressed.
    pub(super) uncompressed: Option<u32>,
}

#[derive(Deserialize)]
struct IndexedPack {
    id: String,
    blobs: Vec<PackedBlob>,
}

#[derive(Deserialize)]
struct IndexedPacks {
    packs: Vec<IndexedPack>,
}

impl Repository {
    /// Writes pieces of content of one kind as a pack, and the index that names them.
    pub(super) fn write_pack(&self, blobs: &[NewBlob]) -> Result<(), BackupError> {
        let io = |error: io::Error| BackupError::Repository { doing: "encrypt", reason: error.to_string() };
        let too_large = || io(io::ErrorKind::FileTooLarge.into());
        let (mut pack, mut header, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for blob in blobs {
            let compressed = if blob.uncompressed.is_some() { COMPRESSED_BIT } else { 0 };
            header.push(compressed | if blob.kind == BlobKind::Tree { TREE_BIT } else { 0 });
            header.extend_from_slice(&u32::try_from(blob.sealed.len()).map_err(|_| too_large())?.to_le_bytes());
            blob.uncompressed.iter().for_each(|length| header.extend_from_slice(&length.to_le_bytes()));
            header.extend_from_slice(&blob.id);
            named.push(PackedBlob {
                id: hex::encode(blob.id),
                kind: blob.kind,
                offset: pack.len(),
                length: blob.sealed.len(),
                uncompressed_length: blob.uncompressed,
            });
            pack.extend_from_slice(&blob.sealed);
        }
        let header = self.sealer.seal(&header).map_err(io)?;
        let length = u32::try_from(header.len()).map_err(|_| too_large())?;
        pack.extend_from_slice(&header);
        pack.extend_from_slice(&length.to_le_bytes());
        let pack: Id = self.put_raw(FileType::Pack, pack)?;
        let time = rustic_core::jiff::Timestamp::now().to_string();
        let index = serde_json::json!({ "packs": [{ "id": pack, "blobs": named, "time": time }] });
        self.put(FileType::Index, index.to_string().as_bytes()).map(drop)
    }

    /// What the index files that can be read say is in each pack.
    pub(super) fn packed(&self) -> Result<BTreeMap<String, Vec<PackedBlob>>, BackupError> {
        let mut packed = BTreeMap::new();
        // Those that cannot be read are named by others.
        let _ = self.each((FileType::Index, "index"), |_, index: IndexedPacks| {
            packed.extend(index.packs.into_iter().map(|pack| (pack.id, pack.blobs)));
        })?;
        Ok(packed)
    }

    /// Removes altered packs once what is whole in them is in new ones. Says what was done.
    pub(super) fn replace_packs(
        &self,
        altered: &BTreeSet<String>,
        packed: &BTreeMap<String, Vec<PackedBlob>>,
    ) -> Result<Vec<String>, BackupError> {
        let mut done = Vec::new();
        for pack in altered {
            let blobs = packed.get(pack).map(Vec::as_slice).unwrap_or_default();
            let whole = self.salvage(pack, blobs)?;
            let count = whole.len();
            let (data, trees): (Vec<NewBlob>, Vec<NewBlob>) =
                whole.into_iter().partition(|blob| blob.kind == BlobKind::Data);
            for kept in [data, trees].iter().filter(|kept| !kept.is_empty()) {
                self.write_pack(kept)?;
            }
            let id = pack.parse::<Id>().map_err(failed("read the index"))?;
            self.files.remove(FileType::Pack, &id, false).map_err(failed("remove a pack"))?;
            done.push(format!("removed {}: kept {} of its {} blobs", pack_path(pack), count, blobs.len()));
        }
        if !altered.is_empty() {
            let options = RepairIndexOptions::default();
            self.rustic()?.repair_index(&options, false).map_err(failed("repair the index"))?;
        }
        Ok(done)
    }

    /// The pieces of content of a pack that are what was written.
    fn salvage(&self, pack: &str, blobs: &[PackedBlob]) -> Result<Vec<NewBlob>, BackupError> {
        let bytes = self.store.read(&pack_path(pack), None);
        let bytes =
            bytes.map_err(|error| BackupError::Repository { doing: "read a pack", reason: error.to_string() })?;
        Ok(blobs.iter().filter_map(|blob| self.whole_blob(&bytes, blob)).collect())
    }

    fn whole_blob(&self, pack: &[u8], blob: &PackedBlob) -> Option<NewBlob> {
        let sealed = pack.get(blob.offset..blob.offset.checked_add(blob.length)?)?;
        let text = self.sealer.open(sealed)?;
        let text = match blob.uncompressed_length {
            Some(_) => zstd::stream::decode_all(text.as_slice()).ok()?,
            None => text,
        };
        let id = hash(&text);
        let is_whole = hex::encode(id) == blob.id;
        is_whole.then(|| NewBlob {
            kind: blob.kind,
            id,
            sealed: sealed.to_vec(),
            uncompressed: blob.uncompressed_length,
        })
    }
}
