//! One file: interpolated, completed by what it includes and extends, laid over what came before, checked, canonical.
//! Reads the file's text; returns the merged tree.
//! Never normalises: that is done once, at the end.

use super::Loader;
use super::discover::ComposeFile;
use crate::compose::canonical::{Unreadable, canonical, omit_empty, promote_aliases, set_defaults};
use crate::compose::error::{ComposeError, Diagnostic};
use crate::compose::interpolate::Interpolation;
use crate::compose::merge::{self, MergeError};
use crate::compose::paths::Resolver;
use crate::compose::value::{Map, Node, Value};
use crate::compose::yaml::{Document, ResetPaths, apply_resets};
use crate::compose::{environment, schema, validation};

/// What a group of files is loaded with.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// Directory the paths of these files are resolved against; relative for included files.
    pub base: String,
    /// Directory references to other files start at; absolute, or relative to where the command runs.
    pub resources: String,
    pub environment: std::rc::Rc<std::collections::BTreeMap<String, String>>,
    /// Files on the way here, to find include cycles.
    pub included: Vec<String>,
    /// Base files of `extends` are neither validated nor completed: the result of the merge is.
    pub is_base: bool,
    /// Whether relative paths are resolved.
    pub resolve_paths: bool,
}

impl Scope {
    /// The same, one file further on the way.
    fn including(&self, file: &str) -> Self {
        let mut inner = self.clone();
        inner.included.push(file.to_owned());
        inner
    }
}

impl Loader<'_> {
    /// Loads a group of files into one canonical tree.
    pub(super) fn group(&mut self, files: Vec<ComposeFile>, scope: &Scope) -> Result<Node, ComposeError> {
        let mut root = Node::from(Value::Map(Map::new()));
        let mut prepared = Vec::new();
        let mut problems = Vec::new();
        // All files are interpolated before any is merged, so that every missing variable is named at once.
        for file in files {
            let name = file.name.clone();
            prepared.push((name, self.prepare(file, scope, &mut problems)?));
        }
        if !problems.is_empty() {
            for (name, documents) in &prepared {
                let inner = scope.including(name);
                for document in documents {
                    problems.extend(self.included_problems(&document.root, &inner));
                }
            }
            return Err(ComposeError::Invalid(problems));
        }
        for (name, documents) in prepared {
            for document in documents {
                root = self.document(document, (&name, scope), root)?;
            }
        }
        set_defaults(&mut root);
        let refused = if self.validates { validation::validate(&root) } else { Vec::new() };
        if !refused.is_empty() {
            let diagnostics = refused.into_iter().map(|one| self.diagnostic(one.key, one.at, one.message));
            return Err(ComposeError::Invalid(diagnostics.collect()));
        }
        if scope.resolve_paths {
            self.resolve_paths(&mut root, &scope.base)?;
        }
        environment::resolve(&mut root, &scope.environment);
        Ok(root)
    }

    /// Loads one file as the base of an `extends`.
    pub(super) fn base_file(&mut self, file: ComposeFile, scope: &Scope) -> Result<(Node, ResetPaths), ComposeError> {
        let mut root = Node::from(Value::Map(Map::new()));
        let mut problems = Vec::new();
        let name = file.name.clone();
        let documents = self.prepare(file, scope, &mut problems)?;
        if !problems.is_empty() {
            return Err(ComposeError::Invalid(problems));
        }
        let resets = documents.last().map(|document| document.resets.clone()).unwrap_or_default();
        for document in documents {
            root = self.document(document, (&name, scope), root)?;
        }
        self.resolve_paths(&mut root, &scope.base)?;
        Ok((root, resets))
    }

    fn resolve_paths(&self, root: &mut Node, base: &str) -> Result<(), ComposeError> {
        let resolver = Resolver { base, home: self.home.as_deref(), cwd: &self.args.working_dir, disk: self.disk };
        resolver.resolve(root);
        let missing = bind_without_source(root);
        if missing.is_empty() {
            return Ok(());
        }
        let message = "invalid mount config for type \"bind\": source must not be empty";
        Err(ComposeError::Invalid(missing.into_iter().map(|(key, at)| self.diagnostic(key, at, message)).collect()))
    }

    /// The documents of a file, interpolated.
    fn prepare(
        &mut self,
        file: ComposeFile,
        scope: &Scope,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<Vec<Document>, ComposeError> {
        let number = self.number(&file.name);
        let mut documents = file.documents.map_err(|error| self.refuse("", error.at, error.message))?;
        for document in &mut documents {
            if !matches!(document.root.value, Value::Map(_)) {
                let mut at = document.root.at;
                (at.file, at.line, at.column) = (number, at.line.max(1), at.column.max(1));
                return Err(self.refuse("", at, "top-level object must be a mapping"));
            }
            self.note_variables(&document.root);
            self.args.observer.referred(&document.root, &scope.environment);
            if !self.args.options.no_interpolate {
                self.interpolate(&mut document.root, scope, problems);
            }
        }
        Ok(documents)
    }

    fn note_variables(&mut self, root: &Node) {
        for (name, variable) in crate::compose::interpolate::extract(root).variables {
            self.variables.entry(name).or_insert(variable);
        }
    }

    fn interpolate(&mut self, root: &mut Node, scope: &Scope, problems: &mut Vec<Diagnostic>) {
        let mut interpolation = Interpolation::new(&scope.environment);
        let found = interpolation.tree(root);
        let unset = std::mem::take(&mut interpolation.unset);
        problems.extend(
            found
                .into_iter()
                .map(|one| Diagnostic { required: one.required, ..self.diagnostic(one.key, one.at, one.message) }),
        );
        for (name, at) in unset {
            self.warn("", at, format!("the {name:?} variable is not set, defaulting to a blank string"));
        }
    }

    /// Lays a document over what was loaded before.
    fn document(
        &mut self,
        document: Document,
        (name, scope): (&str, &Scope),
        mut root: Node,
    ) -> Result<Node, ComposeError> {
        let Document { root: mut tree, resets } = document;
        promote_aliases(&mut tree).map_err(|error| self.merge_error(error))?;
        if !scope.is_base {
            self.apply_includes(&mut tree, &scope.including(name), &resets)?;
        }
        apply_resets(&resets, &mut root, &[]);
        if !scope.is_base {
            self.apply_extends(&mut tree, (name, scope), &resets)?;
        }
        root = merge::merge(root, tree).map_err(|error| self.merge_error(error))?;
        merge::enforce_unicity(&mut root).map_err(|error| self.merge_error(error))?;
        if !scope.is_base && self.validates {
            self.validate(&mut root)?;
        }
        let unreadable = if self.args.options.no_interpolate { Unreadable::Keep } else { Unreadable::Refuse };
        let errors = canonical(&mut root, unreadable);
        if !errors.is_empty() {
            let diagnostics = errors.into_iter().map(|one| self.diagnostic(one.key, one.at, one.message));
            return Err(ComposeError::Invalid(diagnostics.collect()));
        }
        omit_empty(&mut root);
        merge::enforce_unicity(&mut root).map_err(|error| self.merge_error(error))?;
        Ok(root)
    }

    pub(super) fn merge_error(&self, error: MergeError) -> ComposeError {
        self.refuse(error.key, error.at, error.message)
    }

    fn validate(&mut self, root: &mut Node) -> Result<(), ComposeError> {
        let violations = schema::violations(schema::schema(), root);
        if !violations.is_empty() {
            let diagnostics = violations.into_iter().map(|violation| {
                let key = violation.path.join(".").replace(".[", "[");
                let mut diagnostic = self.diagnostic(key, violation.at, violation.message);
                diagnostic.nearest = violation.nearest;
                diagnostic
            });
            let mut diagnostics: Vec<_> = diagnostics.collect();
            diagnostics.dedup();
            return Err(ComposeError::Invalid(diagnostics));
        }
        if let Some(version) = root.as_map_mut().and_then(|map| map.shift_remove("version")) {
            let message = "the attribute `version` is obsolete, it will be ignored, please remove it";
            self.warn("version", version.key_at, message);
        }
        Ok(())
    }
}

/// Bind mounts in long form that say no source.
fn bind_without_source(root: &Node) -> Vec<(String, crate::compose::value::Position)> {
    let mut missing = Vec::new();
    for section in ["services", "jobs"] {
        for (name, container) in root.get(section).and_then(Node::as_map).into_iter().flatten() {
            let volumes = container.get("volumes").and_then(Node::as_list).into_iter().flatten();
            for (number, volume) in volumes.enumerate() {
                let bind = volume.get("type").and_then(Node::as_str) == Some("bind");
                if bind && volume.get("source").is_none() {
                    missing.push((format!("{section}.{name}.volumes[{number}]"), volume.at));
                }
            }
        }
    }
    missing
}
