//! A bundle: images, configuration and the program itself as one OCI image layout in one tar file.
//! Reads what an engine exported and files; returns the bundle's documents, writes it, and reads it back byte by byte.
//! Never takes a bundle of which one byte is not as it was written.
//!
//! The file holds, in this order: `oci-layout`, `index.json` (OCI), `manifest.json` (so that `docker load` takes the file
//! as it is), and `blobs/sha256/…` sorted by digest. Layers are uncompressed: the digest of a layer's blob is its diff id,
//! the digest of a configuration is the image's id, and both are the same on every engine. The same content gives the
//! same bytes.

mod archive;
mod document;
mod entry;
mod read;
mod store;
mod write;

pub use archive::take_archive;
pub use document::{BundledFile, BundledImage, Contents, FORMAT, Omitted};
pub use read::Bundle;
pub use store::BlobStore;
pub use write::write_bundle;

#[cfg(test)]
mod tests;
