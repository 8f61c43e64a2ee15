//! The files of a chart on this machine, from a directory or a `.tgz` archive.
//! Follows links within the chart only; nothing outside its directory is read.

use std::path::{Path, PathBuf};

use crate::chart::{ChartError, ChartFile, IgnoreRules, MOST_BYTES, unpacked};
use crate::error::Result;
use crate::input_file::{FileKind, Files, LocalFiles};
use crate::session::WorkflowError;

/// Folders within folders that are read.
const DEEPEST: usize = 32;

/// Files and folders that are looked at; links may lead to the same ones again.
const MOST_ENTRIES: usize = 20_000;

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
    seen: usize,
}

fn of_folder(path: &Path) -> Result<Vec<ChartFile>> {
    let root = LocalFiles.real_path(path).map_err(|error| failed(path, error))?;
    let ignore = root.join(".helmignore");
    let rules = match LocalFiles.has_file(&ignore) && is_inside(&root, &ignore) {
        true => LocalFiles.read(&ignore).map_err(|error| failed(&ignore, error))?,
        false => Vec::new(),
    };
    let mut folder = Folder { rules: IgnoreRules::parse(&rules)?, root, files: Vec::new(), left: MOST_BYTES, seen: 0 };
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
        self.seen += 1;
        if self.seen > MOST_ENTRIES {
            return Err(failed(&self.root, format!("more than {MOST_ENTRIES} files and folders")).into());
        }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_within_the_chart_are_followed_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (chart, secret) = (folder.path().join("chart"), folder.path().join("secret"));
        std::fs::create_dir_all(chart.join("templates")).unwrap();
        std::fs::write(chart.join("a.txt"), "a").unwrap();
        std::fs::write(&secret, "hidden").unwrap();
        symlink("../a.txt", chart.join("templates/b.txt")).unwrap();
        let names = |files: Vec<ChartFile>| files.into_iter().map(|file| file.name).collect::<Vec<_>>();
        assert_eq!(names(chart_files(&chart).unwrap()), ["a.txt", "templates/b.txt"]);
        symlink(&secret, chart.join("out")).unwrap();
        let error = chart_files(&chart).unwrap_err().to_string();
        assert!(error.ends_with("a link that leads out of the chart"), "{error}");
        std::fs::write(chart.join(".helmignore"), "out\n").unwrap();
        assert_eq!(names(chart_files(&chart).unwrap()), [".helmignore", "a.txt", "templates/b.txt"]);
    }

    #[test]
    fn a_link_to_a_folder_above_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        symlink(".", folder.path().join("again")).unwrap();
        let error = chart_files(folder.path()).unwrap_err().to_string();
        assert!(error.contains("levels deep"), "{error}");
    }

    #[test]
    fn a_pipe_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(chart_files(folder.path()).unwrap_err().to_string().ends_with("not a regular file"));
        assert!(chart_files(&pipe).is_err());
    }
}
