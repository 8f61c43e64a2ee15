//! The files of this machine with other texts for some of them: what a stack would be if a file were changed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::input_file::{FileKind, Files, LocalFiles, OpenFile};

/// The files, some of them edited.
pub(super) struct EditedFiles {
    /// Texts by canonical path.
    texts: BTreeMap<PathBuf, String>,
}

impl EditedFiles {
    /// The files with these texts.
    pub(super) fn new<'t>(texts: impl Iterator<Item = (&'t Path, String)>) -> io::Result<Self> {
        let texts = texts.map(|(path, text)| Ok((LocalFiles.real_path(path)?, text)));
        Ok(Self { texts: texts.collect::<io::Result<_>>()? })
    }

    fn edited(&self, path: &Path) -> Option<Vec<u8>> {
        let path = LocalFiles.real_path(path).ok()?;
        self.texts.get(&path).map(|text| text.clone().into_bytes())
    }
}

impl Files for EditedFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.edited(path).map_or_else(|| LocalFiles.read(path), Ok)
    }

    fn read_named(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.edited(path).map_or_else(|| LocalFiles.read_named(path), Ok)
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        LocalFiles.kind(path)
    }

    fn is_link(&self, path: &Path) -> bool {
        LocalFiles.is_link(path)
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        LocalFiles.real_path(path)
    }

    fn open(&self, path: &Path) -> io::Result<OpenFile> {
        LocalFiles.open(path)
    }
}
