//! The files of a repository as rustic asks for them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};

use super::Store;

/// A store that rustic reads and writes.
#[derive(Debug)]
pub(in crate::backup) struct StoreBackend {
    store: Arc<dyn Store>,
    shown: String,
}

impl StoreBackend {
    pub(in crate::backup) fn new(store: Arc<dyn Store>, shown: String) -> Self {
        Self { store, shown }
    }
}

fn path(kind: FileType, id: &Id) -> String {
    let name = id.to_hex();
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Pack => format!("data/{}/{}", &name[..2], &*name),
        _ => format!("{}/{}", kind.dirname(), &*name),
    }
}

fn failed(error: io::Error) -> Box<RusticError> {
    RusticError::with_source(ErrorKind::Backend, "The repository could not be read or written.", error)
}

fn too_large() -> Box<RusticError> {
    failed(io::Error::new(io::ErrorKind::InvalidData, "a file is larger than 4 GiB"))
}

impl ReadBackend for StoreBackend {
    fn location(&self) -> String {
        self.shown.clone()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        if kind == FileType::Config {
            return match self.store.read("config", None) {
                Ok(bytes) => Ok(vec![(Id::default(), u32::try_from(bytes.len()).map_err(|_| too_large())?)]),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(failed(error)),
            };
        }
        let mut files = Vec::new();
        for (path, size) in self.store.files(kind.dirname()).map_err(failed)? {
            let name = path.rsplit('/').next().unwrap_or_default();
            // What a writer that was killed left behind has another name.
            if let Ok(id) = name.parse::<Id>() {
                files.push((id, u32::try_from(size).map_err(|_| too_large())?));
            }
        }
        Ok(files)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.store.read(&path(kind, id), None).map(Bytes::from).map_err(failed)
    }

    fn read_partial(&self, kind: FileType, id: &Id, _: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        self.store.read(&path(kind, id), Some((offset, length))).map(Bytes::from).map_err(failed)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        path(kind, id)
    }
}

impl WriteBackend for StoreBackend {
    fn create(&self) -> RusticResult<()> {
        self.store.prepare().map_err(failed)
    }

    fn write_bytes(&self, kind: FileType, id: &Id, _: bool, content: BytesList) -> RusticResult<()> {
        let parts = content.into_vec();
        match parts.as_slice() {
            [bytes] => self.store.write(&path(kind, id), bytes),
            parts => self.store.write(&path(kind, id), &parts.concat()),
        }
        .map_err(failed)
    }

    fn remove(&self, kind: FileType, id: &Id, _: bool) -> RusticResult<()> {
        self.store.remove(&path(kind, id)).map_err(failed)
    }
}
