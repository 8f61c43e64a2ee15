//! Writes the missing files of a new project, and reports them.
//! Files are written through `output_file`.
//! Existing files are never replaced: if one differs, nothing is written.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::output_file::{Content, Existing, Found, OutputError, Rules, Tree};
use crate::project::PROJECT_FILE;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::{Context, WorkflowError};

/// A list of more names is cut.
const MOST_NAMES: usize = 10;

/// The result of `init`.
#[derive(Debug, Default, Serialize)]
pub struct InitReport {
    /// The project directory.
    pub directory: String,
    /// The system the files are from, when they are from one.
    pub system: Option<String>,
    /// The default environment.
    pub environment: Option<String>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Files that were, or in a dry run would be, written.
    pub written: Vec<String>,
    /// Files that were there with the same content.
    pub kept: Vec<String>,
    /// What this binary can begin from; filled by `--list`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
}

/// A file to be.
pub(super) struct Draft {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    pub(super) is_program: bool,
}

/// Writes what is missing, the project file last: until it is there, there is no project.
pub(super) fn write(
    context: &Context,
    directory: &Path,
    mut drafts: Vec<Draft>,
    system: Option<&str>,
) -> Result<InitReport> {
    drafts.sort_by_key(|draft| draft.path == PROJECT_FILE);
    let mut report = InitReport {
        directory: directory.display().to_string(),
        dry_run: context.options.dry_run,
        ..Default::default()
    };
    let (mut missing, mut different) = (Vec::new(), Vec::<String>::new());
    let existing = Tree::existing(directory)?;
    for draft in drafts {
        match existing.as_ref().map_or(Ok(Found::Absent), |tree| tree.look(Path::new(&draft.path))) {
            Ok(Found::Absent) => missing.push(draft),
            Ok(Found::File(file)) if holds(&file, &draft.bytes) => report.kept.push(draft.path),
            Err(error @ OutputError::Link { .. }) => return Err(error.into()),
            _ => different.push(draft.path),
        }
    }
    if !different.is_empty() {
        return Err(in_the_way(&different, system).into());
    }
    if !context.options.dry_run && !missing.is_empty() {
        let tree = Tree::create(directory)?;
        for draft in &missing {
            let content = if draft.is_program { Content::Program } else { Content::Plain };
            let rules = Rules { existing: Existing::Keep, content };
            tree.write(Path::new(&draft.path), rules, &draft.bytes)?;
        }
    }
    report.written.extend(missing.into_iter().map(|draft| draft.path));
    Ok(report)
}

/// Files that are not those of the project to be.
fn in_the_way(different: &[String], system: Option<&str>) -> WorkflowError {
    let message = match different {
        [one] => format!("a file already exists with other content: {one}"),
        all => format!("{} files already exist with other content: {}", all.len(), some_of(all)),
    };
    let hint =
        system.map(|system| format!("create it in an empty directory: `aictl --project-dir NEW init --from {system}`"));
    WorkflowError::Refused { message, hint }
}

fn holds(mut file: &File, bytes: &[u8]) -> bool {
    let mut found = Vec::new();
    file.read_to_end(&mut found).is_ok() && found == bytes
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    if names.len() <= MOST_NAMES {
        return names.join(", ");
    }
    let (shown, more) = names.split_at(MOST_NAMES - 1);
    format!("{} … and {} more", shown.join(", "), more.len())
}

impl InitReport {
    /// One line that says it all.
    pub fn summary(&self) -> String {
        let verb = if self.dry_run { "would write" } else { "wrote" };
        match (self.written.len(), self.kept.len()) {
            (0, kept) => format!("up to date: all {kept} files exist"),
            (1, _) => format!("{verb} {} in {}", self.written[0], self.directory),
            (written, 0) => format!("{verb} {written} files in {}", self.directory),
            (written, kept) => format!("{verb} {written} files in {}, {kept} existed", self.directory),
        }
    }
}

impl Report for InitReport {
    fn blocks(&self) -> Vec<Block> {
        if !self.systems.is_empty() {
            return self.systems.iter().map(|name| Block::Line(vec![name.as_str().into()])).collect();
        }
        let mut blocks = Vec::new();
        if self.dry_run {
            blocks.extend(self.written.iter().map(|path| Block::Line(vec![format!("write {path}").into()])));
        }
        blocks.push(Block::Line(vec![self.summary().into()]));
        if !self.dry_run && !self.written.is_empty() {
            let environment = self.environment.as_deref().unwrap_or("none");
            let next = format!(
                "environment: {environment}; next: `aictl quickstart`, or `aictl secrets generate` and `aictl start`"
            );
            blocks.push(Block::Line(vec![Cell::new(next, Tone::Dim)]));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_says_how_many_more_there_are() {
        let names = |count: usize| (0..count).map(|number| format!("f{number}")).collect::<Vec<_>>();
        assert_eq!(some_of(&names(3)), "f0, f1, f2");
        assert!(some_of(&names(10)).ends_with("f8, f9"));
        assert_eq!(some_of(&names(60)), "f0, f1, f2, f3, f4, f5, f6, f7, f8 … and 51 more");
    }
}
