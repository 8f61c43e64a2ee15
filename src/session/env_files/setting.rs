//! Which env files an environment reads, what they say, and which template they are made from.
//! Reads the project file, the env files of the chosen environment and of the others, and the templates beside them.
//! Never writes, and an error in a file names its line without what is on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::env_file_error::{not_text, refuse_irregular, unreadable};
use crate::compose::env_file::{Entry, entries};
use crate::error::Result;
use crate::input_file::{Files, LocalFiles};
use crate::project::LoadedProject;
use crate::session::context::shown;
use crate::session::load::load_project_file;
use crate::session::{Context, WorkflowError};

/// Endings of templates.
const TEMPLATES: [&str; 4] = ["example", "sample", "template", "dist"];

/// An env file that exists.
#[derive(Debug, Clone, Default)]
pub struct EnvFile {
    pub path: PathBuf,
    pub text: String,
    pub entries: Vec<Entry>,
}

impl EnvFile {
    /// The raw value with references, without quotes and comment. Text in single quotes has no references.
    pub fn written(&self, entry: &Entry) -> String {
        let written = self.text.get(entry.span.clone()).unwrap_or_default().trim();
        if written.starts_with('\'') {
            return entry.value.clone().unwrap_or_default().replace('$', "\u{fffd}");
        }
        let unquoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        unquoted.unwrap_or_else(|| uncommented(written).0).trim().to_owned()
    }

    /// The text after ` #` of an unquoted value.
    pub fn behind(&self, entry: &Entry) -> &str {
        let written = self.text.get(entry.span.clone()).unwrap_or_default();
        let rest = match written.starts_with(['"', '\'']) {
            true => self.text.get(entry.span.end..).and_then(|rest| rest.lines().next()).unwrap_or_default(),
            false => written,
        };
        uncommented(rest).1
    }

    /// The comments beside a statement and directly above it.
    pub fn comment(&self, entry: &Entry) -> String {
        let above = usize::try_from(entry.line).unwrap_or_default().saturating_sub(1);
        let lines: Vec<&str> = self.text.lines().take(above).collect();
        let comments = lines.iter().rev().take_while(|line| line.trim_start().starts_with('#'));
        let mut comments: Vec<&str> = comments.filter(|line| commented_name(line).is_none()).copied().collect();
        comments.reverse();
        comments.push(self.behind(entry));
        comments.join("\n")
    }

    /// The names of statements that are commented out.
    pub fn commented_out(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter_map(commented_name).filter(|name| self.entry(name).is_none())
    }

    /// The last statement of a name, which is the one that counts.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}

/// The env files of a project as the chosen environment sees them.
pub struct Setting {
    pub project: LoadedProject,
    /// Where the chosen environment's own values belong: the last of its files, whether or not it exists.
    pub target: PathBuf,
    /// The chosen environment's files that exist, in the order they are read.
    pub files: Vec<EnvFile>,
    /// The env files of other environments.
    pub others: Vec<EnvFile>,
    /// What the target is made from.
    pub template: Option<EnvFile>,
}

/// Loads the setting of the command line's project and environment.
pub fn load_setting(context: &Context) -> Result<Setting> {
    let project = load_project_file(context)?;
    let named = named_files(context, &project);
    let target = named.last().cloned().unwrap_or_else(|| project.directory.join(".env"));
    let mut files = Vec::new();
    for path in &named {
        files.extend(load_file(context, path)?);
    }
    let template = match template_of(&target) {
        Some(path) => load_file(context, &path)?,
        None => None,
    };
    let mut others = Vec::new();
    for path in other_files(&project, &named) {
        others.extend(load_file(context, &path)?);
    }
    Ok(Setting { project, target, files, others, template })
}

impl Setting {
    /// The statement that gives a name its value, and its file.
    pub fn found(&self, key: &str) -> Option<(&EnvFile, &Entry)> {
        self.files.iter().rev().find_map(|file| Some((file, file.entry(key)?)))
    }
}

/// A value and the text after its ` #`.
fn uncommented(written: &str) -> (&str, &str) {
    let found = written.find('#').filter(|at| *at == 0).or_else(|| written.find(" #").map(|at| at + 1));
    match found.or_else(|| written.find("\t#").map(|at| at + 1)) {
        Some(at) => (written[..at].trim_end(), &written[at + 1..]),
        None => (written, ""),
    }
}

/// `# NAME=value`.
fn commented_name(line: &str) -> Option<&str> {
    let statement = line.trim_start().strip_prefix('#')?.trim_start_matches(['#', ' ', '\t']);
    let (name, _) = statement.strip_prefix("export ").unwrap_or(statement).split_once('=')?;
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

/// `--env-file`, else what the environment names, else `.env`.
fn named_files(context: &Context, project: &LoadedProject) -> Vec<PathBuf> {
    if !context.options.env_files.is_empty() {
        return context.options.env_files.iter().map(|file| context.cwd.join(file)).collect();
    }
    let declared = &project.environment.env_file;
    if declared.is_empty() {
        return vec![project.directory.join(".env")];
    }
    declared.iter().map(|file| project.directory.join(file)).collect()
}

/// Env files that belong to the project and not to the chosen environment: declared ones, and `.env*` beside the project file.
fn other_files(project: &LoadedProject, named: &[PathBuf]) -> Vec<PathBuf> {
    let declared = project.project.iter().flat_map(|file| file.environments.values()).flat_map(|e| &e.env_file);
    let mut found: Vec<PathBuf> = declared.map(|file| project.directory.join(file)).collect();
    let listed = std::fs::read_dir(&project.directory).into_iter().flatten().flatten();
    let names = listed.filter_map(|entry| entry.file_name().into_string().ok());
    found.extend(names.filter(|name| is_env_name(name)).map(|name| project.directory.join(name)));
    found.sort();
    found.dedup();
    let same = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let chosen: Vec<PathBuf> = named.iter().map(|path| same(path)).collect();
    found.retain(|path| path.is_file() && !chosen.contains(&same(path)));
    found
}

/// `.env`, `.env.prod`, not `.env.example` nor an editor's leavings.
fn is_env_name(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(".env") else { return false };
    let words: Vec<&str> = rest.split('.').collect();
    let legal = rest.is_empty()
        || rest.starts_with('.') && rest[1..].chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    legal && !words.iter().any(|word| TEMPLATES.contains(word) || matches!(*word, "bak" | "orig" | "swp"))
}

/// `.env.prod.example`, else `.env.example`, and the other endings.
fn template_of(target: &Path) -> Option<PathBuf> {
    let own = target.file_name()?.to_string_lossy().into_owned();
    let names = [own, ".env".to_owned()];
    let candidates = names.iter().flat_map(|name| TEMPLATES.iter().map(move |ending| format!("{name}.{ending}")));
    candidates.map(|name| target.with_file_name(name)).find(|path| path.is_file())
}

/// A file and its statements; nothing when it does not exist.
pub fn load_file(context: &Context, path: &Path) -> Result<Option<EnvFile>> {
    refuse_irregular(context, path)?;
    let text = match LocalFiles.read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| not_text(context, path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(context, path, &error)),
    };
    let entries = entries(&text, &BTreeMap::new()).map_err(|error| WorkflowError::EnvFile {
        path: shown(context, path),
        line: error.line,
        reason: error.message,
    })?;
    Ok(Some(EnvFile { path: path.to_owned(), text, entries }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{EnvFile, entries, is_env_name};

    #[test]
    fn what_is_written_is_told_from_what_is_beside_it() {
        let text = "# openssl rand -hex 32\nA=x # why\nB='a $b' # c\nC=\"${A}\"\nD=${A}/p #tail\n#E=1\nF=\n";
        let file =
            EnvFile { text: text.to_owned(), entries: entries(text, &BTreeMap::new()).unwrap(), ..EnvFile::default() };
        let all: Vec<(String, String)> =
            file.entries.iter().map(|entry| (file.written(entry), file.comment(entry))).collect();
        let told =
            [("x", "# openssl rand -hex 32\n why"), ("a \u{fffd}b", " c"), ("${A}", ""), ("${A}/p", "tail"), ("", "")];
        assert_eq!(all, told.map(|(written, comment)| (written.to_owned(), comment.to_owned())));
        assert_eq!(file.commented_out().collect::<Vec<_>>(), ["E"]);
    }

    #[test]
    fn env_files_are_told_from_templates_and_leavings() {
        for name in [".env", ".env.prod", ".env.prod.local", ".env.e2e"] {
            assert!(is_env_name(name), "{name}");
        }
        for name in
            [".env.example", ".env.prod.example", ".env.sample", ".env~", ".envrc", ".env.prod.bak", "env", ".env.x 1"]
        {
            assert!(!is_env_name(name), "{name}");
        }
    }
}
