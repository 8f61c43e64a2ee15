//! `include`: other projects' resources brought into this one.
//! Reads the files it names, each with its own directory and environment; adds their resources to the tree.
//! Never follows a circle.

use std::rc::Rc;

use super::Loader;
use super::discover::ComposeFile;
use super::file::Scope;
use crate::compose::error::{ComposeError, Diagnostic};
use crate::compose::merge;
use crate::compose::paths;
use crate::compose::value::{Map, Node, Position, Value};
use crate::compose::yaml::{ResetPaths, apply_resets};

const SECTIONS: [&str; 7] = ["services", "jobs", "volumes", "networks", "secrets", "configs", "models"];

/// Files that one load includes: where files include the same files, they come to be included very often.
const MOST: usize = 1000;

/// Files on the way to an included one.
const DEEPEST: usize = 64;

/// One entry of `include`.
#[derive(Debug, Default)]
struct Entry {
    paths: Vec<String>,
    directory: String,
    env_files: Vec<String>,
    at: Position,
}

impl Loader<'_> {
    /// Brings in what a tree includes.
    pub(super) fn apply_includes(
        &mut self,
        tree: &mut Node,
        scope: &Scope,
        resets: &ResetPaths,
    ) -> Result<(), ComposeError> {
        let Some(include) = tree.as_map_mut().and_then(|map| map.shift_remove("include")) else { return Ok(()) };
        if include.is_null() {
            return Ok(());
        }
        let Some(list) = include.as_list() else {
            return Err(self.refuse("include", include.at, "must be a list"));
        };
        let mut problems = Vec::new();
        for (number, node) in list.iter().enumerate() {
            let entry = self.entry(node, number)?;
            if entry.paths.is_empty() {
                // Compose includes nothing then, without a word.
                self.warn(format!("include[{number}]"), node.at, "no `path`, nothing is included");
                continue;
            }
            let loaded = self.sources(entry, scope).and_then(|(sources, inner)| self.group(sources, &inner));
            match loaded {
                Ok(imported) => self.import(imported, tree, resets)?,
                // What is wrong with the other included files is worth knowing too.
                Err(ComposeError::Invalid(found)) if self.includes <= MOST => problems.extend(found),
                Err(error) => return Err(error),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ComposeError::Invalid(problems)) }
    }

    /// The missing variables of what a tree includes, when the tree itself misses some: all are named at once.
    pub(super) fn included_problems(&mut self, tree: &Node, scope: &Scope) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let entries = tree.get("include").and_then(Node::as_list).into_iter().flatten();
        for (number, node) in entries.enumerate() {
            let Ok(entry) = self.entry(node, number) else { continue };
            if entry.paths.is_empty() {
                continue;
            }
            if let Ok((sources, inner)) = self.sources(entry, scope)
                && let Err(ComposeError::Invalid(found)) = self.group(sources, &inner)
            {
                problems.extend(found.into_iter().filter(|one| one.required.is_some()));
            }
        }
        problems
    }

    fn entry(&mut self, node: &Node, number: usize) -> Result<Entry, ComposeError> {
        let key = format!("include[{number}]");
        let mut entry = Entry { at: node.at, ..Entry::default() };
        match &node.value {
            Value::Str(path) => entry.paths.push(path.clone()),
            Value::Map(map) => {
                for (name, child) in map.iter().filter(|(_, child)| !child.is_null()) {
                    let texts = texts(child);
                    match (name.as_str(), texts) {
                        ("path", Some(paths)) => entry.paths = paths,
                        ("env_file", Some(files)) => entry.env_files = files,
                        ("project_directory", Some(one)) => {
                            entry.directory = one.into_iter().next().unwrap_or_default()
                        }
                        ("path" | "env_file" | "project_directory", None) => {
                            return Err(self.refuse(
                                format!("{key}.{name}"),
                                child.at,
                                "must be a path or a list of paths",
                            ));
                        }
                        // Compose ignores it; it is probably a mistyped key.
                        _ => self.warn(format!("{key}.{name}"), child.key_at, "unknown key, ignored"),
                    }
                }
            }
            _ => return Err(self.refuse(key, node.at, "must be a path or a mapping")),
        }
        Ok(entry)
    }

    /// The files an entry names, and what they are loaded with.
    fn sources(&mut self, mut entry: Entry, scope: &Scope) -> Result<(Vec<ComposeFile>, Scope), ComposeError> {
        let locals: Vec<String> = entry.paths.iter().map(|path| rooted(&scope.resources, path)).collect();
        let main = locals[0].clone();
        let base = match entry.directory.as_str() {
            "" => {
                entry.directory = paths::parent(&main);
                self.directory_of(&main, &scope.resources)
            }
            directory if directory.starts_with('/') => directory.to_owned(),
            directory => {
                let base = self.directory_of(directory, &scope.resources);
                entry.directory = paths::join(&scope.base, directory);
                base
            }
        };
        self.bound(main, &entry, scope)?;
        let environment = self.include_environment(&entry, scope)?;
        let inner = Scope {
            base,
            resources: entry.directory.clone(),
            environment: Rc::new(environment),
            included: scope.included.clone(),
            is_base: false,
            resolve_paths: true,
        };
        let mut sources: Vec<ComposeFile> = Vec::new();
        for path in &locals {
            sources.push(self.read_file(path).map_err(|error| match error {
                ComposeError::Read { source, .. } => {
                    self.refuse("include", entry.at, format!("cannot read {path}: {source}"))
                }
                other => other,
            })?);
        }
        Ok((sources, inner))
    }

    /// Refuses an include that leads back to itself, and more of them than a project may have.
    fn bound(&mut self, main: String, entry: &Entry, scope: &Scope) -> Result<(), ComposeError> {
        if scope.included.contains(&main) {
            let trail = [&scope.included[..], &[main]].concat().join(" includes ");
            return Err(self.refuse("include", entry.at, format!("include cycle detected: {trail}")));
        }
        self.includes += 1;
        if self.includes > MOST {
            let message = format!("more than {MOST} files are included; a file counts each time it is");
            return Err(ComposeError::Invalid(vec![self.diagnostic("include", entry.at, message)]));
        }
        if scope.included.len() > DEEPEST {
            let message = format!("more than {DEEPEST} files include each other in a row");
            return Err(self.refuse("include", entry.at, message));
        }
        Ok(())
    }

    fn include_environment(
        &mut self,
        entry: &Entry,
        scope: &Scope,
    ) -> Result<std::collections::BTreeMap<String, String>, ComposeError> {
        let files = if entry.env_files.is_empty() {
            let default = paths::join(&entry.directory, ".env");
            if self.disk.has_file(std::path::Path::new(&self.absolute(&default))) { vec![default] } else { Vec::new() }
        } else {
            let named = entry.env_files.iter().filter(|file| *file != "/dev/null");
            named.map(|file| rooted(&scope.base, file)).collect()
        };
        let mut environment = (*scope.environment).clone();
        for (name, value) in self.env_from_files(&scope.environment, &files)? {
            environment.entry(name).or_insert(value);
        }
        Ok(environment)
    }

    /// Adds resources; one that is there already is laid over the imported one.
    fn import(&self, mut imported: Node, tree: &mut Node, resets: &ResetPaths) -> Result<(), ComposeError> {
        for section in SECTIONS {
            let Some(Value::Map(from)) = imported.get_mut(section).map(|node| std::mem::take(&mut node.value)) else {
                continue;
            };
            if tree.get(section).is_none() {
                tree.set(section, Value::Map(Map::new()));
            }
            let Some(to) = tree.get_mut(section).and_then(Node::as_map_mut) else { continue };
            for (name, mut resource) in from {
                let Some(own) = to.get_mut(&name) else {
                    to.insert(name, resource);
                    continue;
                };
                if *own == resource {
                    continue;
                }
                apply_resets(resets, &mut resource, &[section, &name]);
                let merged = merge::merge_at(resource, std::mem::take(own), &[section, &name]);
                *own = merged.map_err(|error| self.merge_error(error))?;
            }
        }
        Ok(())
    }
}

fn rooted(base: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { paths::join(base, path) }
}

fn texts(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::Str(text) => Some(vec![text.clone()]),
        Value::List(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
