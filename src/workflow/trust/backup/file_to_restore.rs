//! A file of another tool that takes the place of a database.

use crate::backup::{Part, PlainFile};
use crate::plan::{DataOperation, Phase, Plan};

/// A file to restore.
#[derive(Clone, Copy)]
pub(super) struct FileToRestore<'a> {
    /// The file.
    pub(super) file: &'a PlainFile,
    /// As it was named.
    pub(super) name: &'a str,
    /// What it replaces: `database app`.
    pub(super) what: &'a str,
}

impl FileToRestore<'_> {
    /// The one step that restores it.
    pub(super) fn steps(&self, parts: &[Part]) -> Plan {
        let mut plan = Plan::default();
        for part in parts {
            let (part, what, file) = (part.name.clone(), self.what.to_owned(), self.name.to_owned());
            plan.push(Phase::Retire, DataOperation::RestoreFile { part, what, file }, "requested", &[]);
        }
        plan
    }
}
