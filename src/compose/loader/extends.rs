//! `extends`: a service completed by another one, in the same or another file, through any number of steps.
//! Reads the files it names; rewrites the tree's services.
//! Never follows a circle.

use super::Loader;
use super::file::Scope;
use crate::compose::error::{ComposeError, nearest};
use crate::compose::merge;
use crate::compose::paths;
use crate::compose::value::{Map, Node, Position, Value};
use crate::compose::yaml::{ResetPaths, apply_resets};

/// Services on the way to an extended one.
const DEEPEST: usize = 64;

/// Steps on the way: file and service.
type Trail = Vec<(String, String)>;

/// What `extends` says.
struct Reference {
    service: String,
    file: Option<String>,
    at: Position,
}

/// The file whose `extends` are resolved, and its load context.
#[derive(Clone, Copy)]
struct ExtendingFile<'f> {
    name: &'f str,
    scope: &'f Scope,
}

/// A group of services and the resets of the file they are from.
struct Bases {
    services: Map,
    resets: ResetPaths,
}

impl Loader<'_> {
    /// Completes every service of a tree.
    pub(super) fn apply_extends(
        &mut self,
        tree: &mut Node,
        (file, scope): (&str, &Scope),
        resets: &ResetPaths,
    ) -> Result<(), ComposeError> {
        for section in ["services", "jobs"] {
            let Some(node) = tree.get_mut(section) else { continue };
            let at = node.at;
            let Some(map) = node.as_map_mut() else {
                return Err(self.refuse(section, at, format!("{section} must be a mapping")));
            };
            let extending = map.values().any(|service| service.get("extends").is_some());
            if !extending {
                continue;
            }
            let mut bases = Bases { services: std::mem::take(map), resets: resets.clone() };
            let names: Vec<String> = bases.services.keys().cloned().collect();
            for name in names {
                self.extended(&name, &mut bases, ExtendingFile { name: file, scope }, &Trail::new())?;
            }
            if let Some(slot) = tree.get_mut(section) {
                slot.value = Value::Map(bases.services);
            }
        }
        Ok(())
    }

    /// A service with what it extends, put back into its group.
    fn extended(
        &mut self,
        name: &str,
        bases: &mut Bases,
        file: ExtendingFile<'_>,
        trail: &Trail,
    ) -> Result<Node, ComposeError> {
        let service = bases.services.get(name).cloned().unwrap_or_default();
        if !service.is_null() && service.as_map().is_none() {
            return Err(self.refuse(format!("services.{name}"), service.at, "must be a mapping"));
        }
        let Some(reference) = self.reference(name, &service)? else { return Ok(service) };
        let source = reference.file.clone().unwrap_or_else(|| file.name.to_owned());
        let trail = self.step(trail, (&source, name), reference.at)?;
        let mut others;
        let from = match &reference.file {
            None => &mut *bases,
            Some(path) => {
                others = self.bases_of((name, path), file.scope, reference.at)?;
                &mut others
            }
        };
        self.must_have(from, name, &reference)?;
        let mut base = self.extended(&reference.service, from, file, &trail)?;
        if base.is_null() {
            return Ok(service);
        }
        apply_resets(&bases.resets, &mut base, &["services", name]);
        let mut merged = merge::extend(base, service).map_err(|mut error| {
            error.key = error.key.replacen("services.x", &format!("services.{name}"), 1);
            self.merge_error(error)
        })?;
        if let Some(map) = merged.as_map_mut() {
            map.shift_remove("extends");
        }
        bases.services.insert(name.to_owned(), merged.clone());
        Ok(merged)
    }

    /// Rejects a reference to a service that does not exist.
    fn must_have(&self, bases: &Bases, name: &str, reference: &Reference) -> Result<(), ComposeError> {
        match bases.services.contains_key(&reference.service) {
            true => Ok(()),
            false => Err(self.unknown(name, reference, &bases.services)),
        }
    }

    fn reference(&self, name: &str, service: &Node) -> Result<Option<Reference>, ComposeError> {
        let Some(extends) = service.get("extends") else { return Ok(None) };
        let at = extends.at;
        let text = |key: &str| extends.get(key).and_then(Node::as_str).map(str::to_owned);
        match &extends.value {
            Value::Str(service) => Ok(Some(Reference { service: service.clone(), file: None, at })),
            Value::Map(_) => match text("service") {
                Some(service) => Ok(Some(Reference { service, file: text("file"), at })),
                None => Err(self.refuse(format!("services.{name}.extends"), at, "missing property `service`")),
            },
            _ => Err(self.refuse(format!("services.{name}.extends"), at, "must be a name or a mapping")),
        }
    }

    fn step(&self, trail: &Trail, (file, service): (&str, &str), at: Position) -> Result<Trail, ComposeError> {
        let next = (file.to_owned(), service.to_owned());
        let mut longer = trail.clone();
        longer.push(next.clone());
        if longer.len() > DEEPEST {
            let message = format!("more than {DEEPEST} services extend each other in a row");
            return Err(self.refuse(format!("services.{service}.extends"), at, message));
        }
        if !trail.contains(&next) {
            return Ok(longer);
        }
        let steps: Vec<_> = longer.iter().map(|(file, service)| format!("{service} in {file}")).collect();
        let message = format!("circular reference: {}", steps.join(" extends "));
        Err(self.refuse(format!("services.{service}.extends"), at, message))
    }

    fn unknown(&self, name: &str, reference: &Reference, services: &Map) -> ComposeError {
        let place = reference.file.as_ref().map_or_else(String::new, |file| format!(" in {file}"));
        let message = format!("cannot extend: service {:?} not found{place}", reference.service);
        let mut diagnostic = self.diagnostic(format!("services.{name}.extends"), reference.at, message);
        diagnostic.nearest = nearest(&reference.service, services.keys().map(String::as_str));
        ComposeError::Invalid(vec![diagnostic])
    }

    /// The services of another file, with paths as seen from the first one.
    fn bases_of(&mut self, (name, path): (&str, &str), scope: &Scope, at: Position) -> Result<Bases, ComposeError> {
        let key = format!("services.{name}.extends.file");
        let local = if path.starts_with('/') { path.to_owned() } else { paths::join(&scope.resources, path) };
        let source = self.read_file(&local).map_err(|error| match error {
            ComposeError::Read { source, .. } => self.refuse(&key, at, format!("cannot read {path}: {source}")),
            other => other,
        })?;
        let base_scope = Scope {
            base: self.directory_of(path, &scope.resources),
            resources: paths::parent(&local),
            is_base: true,
            resolve_paths: false,
            ..scope.clone()
        };
        let (mut root, resets) = self.base_file(source, &base_scope)?;
        let services = root.get_mut("services").map(|services| std::mem::take(&mut services.value));
        match services {
            Some(Value::Map(services)) => Ok(Bases { services, resets }),
            Some(_) => Err(self.refuse(&key, at, format!("services of {path} must be a mapping"))),
            None => Err(self.refuse(&key, at, format!("{path} has no services section"))),
        }
    }

    /// The directory of a reference, as seen from where references start.
    pub(super) fn directory_of(&self, path: &str, resources: &str) -> String {
        let absolute = |path: &str| if path.starts_with('/') { path.to_owned() } else { paths::join(resources, path) };
        let target = absolute(path);
        let is_directory = self.disk.has_directory(std::path::Path::new(&self.absolute(&target)));
        let target = if is_directory { target } else { absolute(&paths::parent(path)) };
        paths::relative(resources, &target)
    }
}
