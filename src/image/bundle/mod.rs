//! A bundle: images, configuration and the program itself as one OCI image layout in one tar file.
//! Reads what an engine exported and files; returns the bundle's documents, writes it, and reads it back byte by byte.
//! Never takes a bundle of which one byte is not as it was written.
//!
//! The file holds, in this order: `oci-layout`, `index.json` (OCI), `manifest.json` (so that `docker load` takes the file
//! as it is), and `blobs/sha256/…` sorted by digest. Layers are stored as exported: uncompressed, their digest being the
//! diff id, or gzip as pulled from a registry. The id of an image on an engine is the digest of its configuration or, with
//! the containerd image store, of its manifest. The same content gives the same bytes.

mod archive;
mod archive_index;
mod document;
mod entry;
mod read;
mod store;
mod survey;
mod write;

pub use archive::{TakenImage, take_archive};
pub use document::{BundledFile, BundledImage, Contents, FORMAT, Omitted};
pub use read::Bundle;
pub use store::BlobStore;
pub use survey::{SurveyedImage, SurveyedLayer, survey};
pub use write::write_bundle;

#[cfg(test)]
mod tests;
