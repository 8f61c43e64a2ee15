//! The files of a chart on this machine, from a directory or a `.tgz` archive.
//! Follows links within the chart only; nothing outside its directory is read.

use std::path::{Path, PathBuf};

use crate::chart::{ChartError, ChartFile, IgnoreRules, MOST_BYTES, unpacked};
use crate::error::Result;
use crate::input_file::{FileKind, Files, LocalFiles};
use crate::session::WorkflowError;

/// Folders within folders that are read.
const DEEPEST: usize = 64;

/// Reads the files of a chart.
pub fn chart_files(path: &Path) -> Result<Vec<ChartFile>> {
    match LocalFiles.kind(path).map_err(|error| failed(path, error))? {
        FileKind::Directory => of_folder(path),
        FileKind::Regular { .. } | FileKind::Other => {
            let bytes = LocalFiles.read(path).map_err(|error| failed(path, error))?;
            Ok(unpacked(&path.display().to_string(), &bytes)?)
        }
    }
}

fn failed(path: &Path, reason: impl ToString) -> WorkflowError {
    WorkflowError::File { path: path.display().to_string(), reason: reason.to_string() }
}

struct Folder {
    root: PathBuf,
    rules: IgnoreRules,
    files: Vec<ChartFile>,
    left: u64,
}

fn of_folder(path: &Path) -> Result<Vec<ChartFile>> {
    let root = LocalFiles.real_path(path).map_err(|error| failed(path, error))?;
    let ignore = root.join(".helmignore");
    let rules = match LocalFiles.has_file(&ignore) && is_inside(&root, &ignore) {
        true => LocalFiles.read(&ignore).map_err(|error| failed(&ignore, error))?,
        false => Vec::new(),
    };
    let mut folder = Folder { rules: IgnoreRules::parse(&rules)?, root, files: Vec::new(), left: MOST_BYTES };
    folder.walk("", DEEPEST)?;
    Ok(folder.files)
}

fn is_inside(root: &Path, path: &Path) -> bool {
    LocalFiles.real_path(path).is_ok_and(|real| real.starts_with(root))
}

impl Folder {
    fn walk(&mut self, below: &str, left: usize) -> Result<()> {
        let here = self.root.join(below);
        if left == 0 {
            return Err(failed(&here, format!("nested more than {DEEPEST} levels deep")).into());
        }
        let entries = std::fs::read_dir(&here).map_err(|error| failed(&here, error))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&here, error))?.file_name();
            names.push(name.into_string().map_err(|name| failed(&here.join(name), "not valid UTF-8"))?);
        }
        names.sort();
        for name in names {
            let name = if below.is_empty() { name } else { format!("{below}/{name}") };
            self.entry(&name, left)?;
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, left: usize) -> Result<()> {
        let path = self.root.join(name);
        let kind = LocalFiles.kind(&path);
        if self.rules.ignores(name, matches!(kind, Ok(FileKind::Directory))) {
            return Ok(());
        }
        if LocalFiles.is_link(&path) && !is_inside(&self.root, &path) {
            return Err(failed(&path, "a link that leads out of the chart").into());
        }
        match kind.map_err(|error| failed(&path, error))? {
            FileKind::Directory => return self.walk(name, left - 1),
            FileKind::Other => return Err(failed(&path, "not a regular file").into()),
            FileKind::Regular { .. } => {}
        }
        let data = LocalFiles.read(&path).map_err(|error| failed(&path, error))?;
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            let message = format!("the chart is larger than {} MiB", MOST_BYTES / 1024 / 1024);
            return Err(ChartError::File { file: self.root.display().to_string(), message }.into());
        };
        self.left = left;
        self.files.push(ChartFile::new(name, &data));
        Ok(())
    }
}
