//! What services take from files: `env_file` into `environment`, `label_file` into `labels`.
//! Reads the files; completes the services of the project.
//! Never overrides what the service says itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::discover::env_file_error;
use super::{Loader, locate};
use crate::compose::dotenv;
use crate::compose::error::{ComposeError, Diagnostic};
use crate::compose::model::{EnvFile, Mapping, MappingWithNulls, Stack};
use crate::compose::value::Node;

impl Loader<'_> {
    /// Completes every service's environment.
    pub(super) fn resolve_environment(&mut self, stack: &mut Stack, root: &Node) -> Result<(), ComposeError> {
        if self.args.options.no_env_resolution {
            return Ok(());
        }
        let mut problems = Vec::new();
        for (name, service) in &mut stack.services {
            fill(&mut service.environment, &stack.environment);
            let mut found: Mapping = set_values(&service.environment);
            for (number, file) in service.env_file.iter().enumerate() {
                let known = (&stack.environment, &service.environment);
                if let Err(error) = self.read_env_file(file, &mut found, known) {
                    problems.extend(self.placed(root, [name, "env_file", &format!("[{number}]")], error));
                }
            }
            let own = std::mem::take(&mut service.environment);
            service.environment = found.into_iter().map(|(key, value)| (key, Some(value))).collect();
            service.environment.extend(own);
            if self.args.options.discard_env_files {
                service.env_file.clear();
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ComposeError::Invalid(problems)) }
    }

    fn read_env_file(
        &mut self,
        file: &EnvFile,
        found: &mut Mapping,
        (project, own): (&Mapping, &MappingWithNulls),
    ) -> Result<(), ComposeError> {
        let path = self.absolute(&file.path);
        if !self.disk.has(Path::new(&path)) {
            if !file.required.0 {
                return Ok(());
            }
            return Err(ComposeError::message(format!("env file {} not found", file.path)));
        }
        let text = self.read_lossy(&path)?;
        let lookup = |name: &str| project.get(name).cloned().or_else(|| own.get(name).cloned().flatten());
        let parsed = match file.format.as_str() {
            "" | ".env" => dotenv::parse(&text, found, &lookup),
            "raw" => dotenv::parse_raw(&text, found, &lookup).map(|()| Vec::new()),
            other => return Err(ComposeError::message(format!("unsupported env_file format {other:?}"))),
        };
        self.args.observer.read(&*found);
        let shortened = parsed.map_err(|error| env_file_error(&file.path, error))?;
        self.warn_of_shortened(&path, shortened);
        Ok(())
    }

    /// Completes every service's labels.
    pub(super) fn resolve_labels(&mut self, stack: &mut Stack, root: &Node) -> Result<(), ComposeError> {
        let mut problems = Vec::new();
        for (name, service) in &mut stack.services {
            let mut labels = Mapping::new();
            for (number, file) in service.label_file.iter().enumerate() {
                match self.read_label_file(file, &labels) {
                    Ok(read) => labels.extend(read),
                    Err(error) => {
                        problems.extend(self.placed(root, [name, "label_file", &format!("[{number}]")], error))
                    }
                }
            }
            labels.append(&mut service.labels);
            service.labels = labels;
        }
        if problems.is_empty() { Ok(()) } else { Err(ComposeError::Invalid(problems)) }
    }

    fn read_label_file(&mut self, file: &str, known: &Mapping) -> Result<Mapping, ComposeError> {
        let path = self.absolute(file);
        if !self.disk.has(Path::new(&path)) {
            return Err(ComposeError::message(format!("label file {file} not found")));
        }
        let mut labels = Mapping::new();
        let lookup = |name: &str| known.get(name).cloned();
        let parsed = dotenv::parse(&self.read_lossy(&path)?, &mut labels, &lookup);
        self.warn_of_shortened(&path, parsed.map_err(|error| env_file_error(file, error))?);
        Ok(labels)
    }

    fn read_lossy(&self, path: &str) -> Result<String, ComposeError> {
        let bytes = self.disk.read(Path::new(path));
        let bytes = bytes.map_err(|source| ComposeError::Read { path: path.into(), source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The problems of an error; those without a file are where the service names it.
    fn placed(&self, root: &Node, entry: [&str; 3], error: ComposeError) -> Vec<Diagnostic> {
        let [service, key, number] = entry;
        let key = ["services", service, key, number].map(str::to_owned);
        let at = locate::position(root, &key);
        let key = key.join(".").replace(".[", "[");
        match error {
            ComposeError::Invalid(mut diagnostics) => {
                for diagnostic in &mut diagnostics {
                    diagnostic.key.clone_from(&key);
                    if diagnostic.file.is_none() {
                        *diagnostic = self.diagnostic(&key, at, std::mem::take(&mut diagnostic.message));
                    }
                }
                diagnostics
            }
            ComposeError::Read { path, source } => {
                vec![self.diagnostic(key, at, format!("cannot read {}: {source}", path.display()))]
            }
            other => vec![self.diagnostic(key, at, other.to_string())],
        }
    }
}

fn fill(environment: &mut MappingWithNulls, known: &BTreeMap<String, String>) {
    for (name, value) in environment.iter_mut().filter(|(_, value)| value.is_none()) {
        *value = known.get(name).cloned();
    }
}

fn set_values(environment: &MappingWithNulls) -> Mapping {
    environment.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}
