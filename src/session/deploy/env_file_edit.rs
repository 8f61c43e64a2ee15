//! A change of an env file that belongs to a release: made once the release is recorded, taken back where it does not serve.

use std::path::PathBuf;

use crate::error::Result;
use crate::input_file::{Files as _, LocalFiles};
use crate::output_file::PrivateFile;
use crate::session::Context;
use crate::session::env_files::{end_of_links, unwritable};
use crate::session::transaction::LocalChange;

/// The text of an env file before and after.
pub struct EnvFileEdit {
    path: PathBuf,
    file: PrivateFile,
    before: String,
    after: String,
    undone: String,
}

impl EnvFileEdit {
    /// The change of a file. Nothing is written.
    pub fn new((path, file): (PathBuf, PrivateFile), before: String, after: String) -> Self {
        Self { path, file, undone: before.clone(), before, after }
    }

    /// The same with another text where it is taken back.
    #[must_use]
    pub fn undone_as(self, undone: String) -> Self {
        Self { undone, ..self }
    }

    /// Takes the new text back, if it is there.
    pub fn undo(&self, context: &Context) -> Result<()> {
        match LocalFiles.read(&self.path) {
            Ok(now) if now == self.after.as_bytes() => self.replace(context, (&self.after, &self.undone)),
            _ => Ok(()),
        }
    }

    fn replace(&self, context: &Context, (from, to): (&str, &str)) -> Result<()> {
        let written = self.file.replace(from.as_bytes(), to.as_bytes());
        written.map_err(|error| unwritable(context, &self.path, &end_of_links(&self.path), &error))
    }
}

impl LocalChange for EnvFileEdit {
    /// Writes the new text; fails where the file is no longer what was read.
    fn make(&self, context: &Context) -> Result<()> {
        self.replace(context, (&self.before, &self.after))
    }
}
