//! Which files, which environment, which name and which profiles.
//! Reads the arguments, `.env` files and directory listings; returns the setting of a load.
//! Never reads a compose file beyond its `name`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{FileSource, Loader};
use crate::compose::dotenv;
use crate::compose::error::{ComposeError, Diagnostic};
use crate::compose::interpolate::Interpolation;
use crate::compose::paths;
use crate::compose::value::{Node, Position, Value};
use crate::compose::yaml::{self, Document, YamlError};
use crate::input_file::{FileKind, Files, text_of};

const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// Bytes of compose files that one load may read; a file counts each time it is named.
const MOST: usize = 64 * 1024 * 1024;

/// Everything that is decided before the files are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setting {
    /// Absolute project directory.
    pub directory: String,
    pub files: Vec<ComposeFile>,
    pub environment: BTreeMap<String, String>,
    pub env_files: Vec<PathBuf>,
    pub profiles: Vec<String>,
    pub name: String,
}

/// A file and what it says.
#[derive(Debug, Clone)]
pub(crate) struct ComposeFile {
    /// Absolute path, or `-`.
    pub name: String,
    /// Its documents, or why it cannot be read as YAML.
    pub documents: Result<Vec<Document>, YamlError>,
}

impl Loader<'_> {
    /// Decides files, environment, name and profiles.
    pub(super) fn discover(&mut self) -> Result<Setting, ComposeError> {
        let args = self.args;
        let mut setting = Setting { environment: args.environment.clone(), ..Setting::default() };
        setting.environment.entry("PWD".to_owned()).or_insert_with(|| args.working_dir.to_string_lossy().into_owned());
        let named: Vec<String> = args.files.iter().filter_map(|file| self.path_of(file)).collect();
        // Compose reads .env twice: beside what is known first, then beside the files that were found.
        let first = self.directory(&named);
        self.read_env_files(&mut setting, &first)?;
        let files = self.find_files(&setting)?;
        let found: Vec<String> = files.iter().filter_map(|file| self.path_of(file)).collect();
        setting.directory = self.directory(&found);
        let directory = setting.directory.clone();
        self.read_env_files(&mut setting, &directory)?;
        setting.profiles = self.profiles(&setting);
        for file in files.iter().chain(&args.appended) {
            setting.files.push(self.read_source(file)?);
        }
        setting.name = self.project_name(&setting)?;
        setting.environment.insert("COMPOSE_PROJECT_NAME".to_owned(), setting.name.clone());
        Ok(setting)
    }

    fn path_of(&self, file: &FileSource) -> Option<String> {
        match file {
            FileSource::Path(path) if path.as_os_str() == "-" => None,
            FileSource::Path(path) | FileSource::Inline { name: path, .. } => {
                Some(self.absolute(&path.to_string_lossy()))
            }
            FileSource::Stdin(_) => None,
        }
    }

    /// `--project-directory`, else where the first file is, else where the command runs.
    fn directory(&self, files: &[String]) -> String {
        match (&self.args.project_dir, files.first()) {
            (Some(directory), _) => self.absolute(&directory.to_string_lossy()),
            (None, Some(file)) => paths::parent(file),
            (None, None) => self.absolute(""),
        }
    }

    fn find_files(&mut self, setting: &Setting) -> Result<Vec<FileSource>, ComposeError> {
        if !self.args.files.is_empty() {
            return Ok(self.args.files.clone());
        }
        if let Some(list) = setting.environment.get("COMPOSE_FILE") {
            let separator = setting.environment.get("COMPOSE_PATH_SEPARATOR").filter(|text| !text.is_empty());
            let separator = separator.map_or(":", String::as_str);
            return list.split(separator).map(|entry| self.named_by_variable(entry)).collect();
        }
        self.search(&self.directory(&[]))
    }

    fn named_by_variable(&self, entry: &str) -> Result<FileSource, ComposeError> {
        let path = self.absolute(entry);
        let reason = match self.disk.kind(Path::new(&path)) {
            Ok(FileKind::Regular { .. }) => return Ok(FileSource::Path(PathBuf::from(path))),
            Ok(FileKind::Directory) => "is a directory".to_owned(),
            Ok(FileKind::Other) => "is not a regular file".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(ComposeError::message(format!("compose file {entry:?} set by COMPOSE_FILE cannot be used: {reason}")))
    }

    fn search(&mut self, start: &str) -> Result<Vec<FileSource>, ComposeError> {
        let mut directory = Path::new(start);
        loop {
            let found = present(self.disk, &NAMES, directory);
            if let Some(winner) = found.first() {
                self.warn_of_others(&found, "config");
                let overrides = present(self.disk, &OVERRIDES, directory);
                self.warn_of_others(&overrides, "override");
                let chosen = std::iter::once(winner).chain(overrides.first());
                return Ok(chosen.map(|path| FileSource::Path(path.clone())).collect());
            }
            directory = directory.parent().ok_or_else(|| ComposeError::NotFound { directory: PathBuf::from(start) })?;
        }
    }

    fn warn_of_others(&mut self, found: &[PathBuf], kind: &str) {
        if let [first, _, ..] = found {
            let list: Vec<_> = found.iter().map(|path| path.to_string_lossy()).collect();
            let message = format!("several {kind} files found: {}; using {}", list.join(", "), first.display());
            self.warn("", Position::default(), message);
        }
    }

    fn read_source(&mut self, file: &FileSource) -> Result<ComposeFile, ComposeError> {
        match file {
            FileSource::Stdin(text) => Ok(self.parsed("-", text)),
            FileSource::Inline { name, text } => Ok(self.parsed(&self.absolute(&name.to_string_lossy()), text)),
            FileSource::Path(path) => self.read_file(&self.absolute(&path.to_string_lossy())),
        }
    }

    fn parsed(&mut self, name: &str, text: &str) -> ComposeFile {
        ComposeFile { name: name.to_owned(), documents: yaml::parse(text, self.number(name)) }
    }

    /// A file from disk.
    pub(super) fn read_file(&mut self, path: &str) -> Result<ComposeFile, ComposeError> {
        let absolute = self.absolute(path);
        let bytes =
            self.read(&absolute).map_err(|source| ComposeError::Read { path: absolute.clone().into(), source })?;
        self.bytes += bytes.len();
        if self.bytes > MOST {
            let message = format!(
                "the files of the project come to more than {} MiB, read as often as they are named",
                MOST / 1024 / 1024
            );
            return Err(ComposeError::message(message));
        }
        let text = text_of(bytes).map_err(|error| {
            let (file, message) = (Some(path.to_owned()), error.to_string());
            let diagnostic =
                Diagnostic { file, line: error.line, column: error.column, message, ..Diagnostic::default() };
            ComposeError::Invalid(vec![diagnostic])
        })?;
        Ok(self.parsed(path, &text))
    }

    fn profiles(&self, setting: &Setting) -> Vec<String> {
        if !self.args.profiles.is_empty() {
            return self.args.profiles.clone();
        }
        // No list is the profile without a name: a service may say `''` to be on unless profiles are chosen.
        let list = setting.environment.get("COMPOSE_PROFILES").map_or("", String::as_str);
        list.split(',').map(|profile| profile.trim().to_owned()).collect()
    }

    fn read_env_files(&mut self, setting: &mut Setting, directory: &str) -> Result<(), ComposeError> {
        let explicit: Vec<String> = if self.args.env_files.is_empty() {
            let list = self.args.environment.get("COMPOSE_ENV_FILES").map_or("", String::as_str);
            list.split(',').filter(|path| !path.is_empty()).map(str::to_owned).collect()
        } else {
            self.args.env_files.iter().map(|path| path.to_string_lossy().into_owned()).collect()
        };
        let files = if explicit.is_empty() { self.default_env_file(directory)? } else { explicit };
        let read = self.env_from_files(&setting.environment, &files)?;
        for (key, value) in read {
            setting.environment.entry(key).or_insert(value);
        }
        setting.env_files = files.iter().map(|path| PathBuf::from(self.absolute(path))).collect();
        Ok(())
    }

    fn default_env_file(&mut self, directory: &str) -> Result<Vec<String>, ComposeError> {
        if let Some(disabled) = self.args.environment.get("COMPOSE_DISABLE_ENV_FILE") {
            match disabled.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => return Ok(Vec::new()),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => {}
                other => {
                    let message = format!("COMPOSE_DISABLE_ENV_FILE must be true or false, got {other:?}");
                    return Err(ComposeError::message(message));
                }
            }
        }
        let path = paths::join(directory, ".env");
        match self.disk.kind(Path::new(&path)) {
            Ok(FileKind::Regular { .. }) => return Ok(vec![path]),
            Ok(FileKind::Other) => {
                let message = format!("{path} is not a regular file: it is not read; `--env-file` reads what is named");
                self.warn("", Position::default(), message);
            }
            Ok(FileKind::Directory) | Err(_) => {}
        }
        Ok(Vec::new())
    }

    /// What env files say, each read with what is known before it.
    pub(super) fn env_from_files(
        &mut self,
        known: &BTreeMap<String, String>,
        files: &[String],
    ) -> Result<BTreeMap<String, String>, ComposeError> {
        let mut vars = BTreeMap::new();
        for file in files {
            let path = self.absolute(file);
            let text = self.read(&path).and_then(|bytes| Ok(text_of(bytes)?));
            let text = text.map_err(|source| ComposeError::Read { path: path.clone().into(), source })?;
            let lookup = |name: &str| known.get(name).cloned();
            let parsed = dotenv::parse(&text, &mut vars, &lookup);
            self.args.observer.read(&vars);
            let shortened = parsed.map_err(|error| env_file_error(&path, error))?;
            self.warn_of_shortened(&path, shortened);
        }
        Ok(vars)
    }

    /// Warns of values of an env file that lost a part.
    pub(super) fn warn_of_shortened(&mut self, path: &str, shortened: Vec<dotenv::Shortened>) {
        let file = self.number(path);
        for one in shortened {
            self.warn("", Position { file, line: one.line, column: 1 }, one.message());
        }
    }

    /// `--project-name`, `COMPOSE_PROJECT_NAME`, the last `name` of the files, the directory.
    fn project_name(&self, setting: &Setting) -> Result<String, ComposeError> {
        let flag = self.args.project_name.as_ref().filter(|name| !name.is_empty());
        let variable = setting.environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
        if let Some(name) = flag.or(variable) {
            return if normalized_name(name) == *name { Ok(name.clone()) } else { Err(invalid_name(name)) };
        }
        self.refuse_unnamed(setting)?;
        let written = self.written_name(setting)?;
        let written = if self.args.options.no_normalize { written } else { normalized_name(&written) };
        if !written.is_empty() {
            return Ok(written);
        }
        let directory = setting.directory.rsplit('/').next().unwrap_or_default();
        let name = normalized_name(directory);
        if name.is_empty() && !self.has_name(setting) {
            return Err(ComposeError::message(
                "project name must not be empty: set `name` in the compose file or use --project-name",
            ));
        }
        Ok(if self.has_name(setting) { String::new() } else { name })
    }

    fn has_name(&self, setting: &Setting) -> bool {
        setting.files.iter().any(|file| names_of(file).first().is_some_and(|name| !name.is_empty()))
    }

    /// A date without quotes is no name; not checked if a name is given on the command line.
    fn refuse_unnamed(&self, setting: &Setting) -> Result<(), ComposeError> {
        let first = setting.files.iter().filter_map(|file| file.documents.as_ref().ok()?.first());
        match first.filter_map(|document| document.root.get("name")).find(|name| matches!(name.value, Value::Time(_))) {
            Some(name) => Err(self.refuse("name", name.at, "must be a string: put it in quotes")),
            None => Ok(()),
        }
    }

    fn written_name(&self, setting: &Setting) -> Result<String, ComposeError> {
        let mut names = setting.files.iter().flat_map(names_of).filter(|name| !name.is_empty());
        let Some(name) = names.next_back() else { return Ok(String::new()) };
        if self.args.options.no_interpolate {
            return Ok(name);
        }
        let mut node = Node::from(name.as_str());
        let problems = Interpolation::new(&setting.environment).tree(&mut node);
        match problems.into_iter().next() {
            Some(problem) => Err(self.refuse("name", Position::default(), problem.message)),
            None => Ok(node.as_str().unwrap_or_default().to_owned()),
        }
    }
}

/// An env file's error as one with a place.
pub(super) fn env_file_error(path: &str, error: dotenv::EnvFileError) -> ComposeError {
    let diagnostic = Diagnostic {
        file: Some(path.to_owned()),
        line: error.line,
        column: 1,
        message: error.message,
        required: error.required,
        ..Diagnostic::default()
    };
    ComposeError::Invalid(vec![diagnostic])
}

fn present(disk: &dyn Files, names: &[&str], directory: &Path) -> Vec<PathBuf> {
    names.iter().map(|name| directory.join(name)).filter(|path| disk.has(path)).collect()
}

/// The `name` of each document.
fn names_of(file: &ComposeFile) -> Vec<String> {
    let name = |root: &Node| match root.get("name").map(|name| &name.value) {
        Some(Value::Null) | None => String::new(),
        Some(value) => crate::compose::go::text::sprint(value),
    };
    file.documents.iter().flatten().map(|document| name(&document.root)).collect()
}

/// Lowercase letters, digits, `-` and `_`, beginning with a letter or digit.
pub(crate) fn normalized_name(name: &str) -> String {
    let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = name.to_lowercase().chars().filter(kept).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

fn invalid_name(name: &str) -> ComposeError {
    ComposeError::message(format!(
        "invalid project name {name:?}: it must consist only of lowercase letters, digits, hyphens and underscores, and start \
         with a letter or digit; {:?} would be valid",
        normalized_name(name)
    ))
}
