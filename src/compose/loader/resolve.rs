//! What services take from files: `env_file` into `environment`, `label_file` into `labels`.
//! Reads the files; completes the services of the project.
//! Never overrides what the service says itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::Loader;
use super::discover::env_file_error;
use crate::compose::dotenv;
use crate::compose::error::{ComposeError, Diagnostic};
use crate::compose::model::{EnvFile, Mapping, MappingWithNulls, Stack};

impl Loader<'_> {
    /// Completes every service's environment.
    pub(super) fn resolve_environment(&self, stack: &mut Stack) -> Result<(), ComposeError> {
        if self.args.options.no_env_resolution {
            return Ok(());
        }
        let mut problems = Vec::new();
        for (name, service) in &mut stack.services {
            fill(&mut service.environment, &stack.environment);
            let mut found: Mapping = set_values(&service.environment);
            for file in &service.env_file {
                let known = (&stack.environment, &service.environment);
                if let Err(error) = self.read_env_file(file, &mut found, known) {
                    problems.extend(named(name, error)?);
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
        &self,
        file: &EnvFile,
        found: &mut Mapping,
        (project, own): (&Mapping, &MappingWithNulls),
    ) -> Result<(), ComposeError> {
        let path = self.absolute(&file.path);
        if !Path::new(&path).exists() {
            if !file.required.0 {
                return Ok(());
            }
            return Err(ComposeError::message(format!("env file {} not found", file.path)));
        }
        let text = read(&path)?;
        let lookup = |name: &str| project.get(name).cloned().or_else(|| own.get(name).cloned().flatten());
        let parsed = match file.format.as_str() {
            "" | ".env" => dotenv::parse(&text, found, &lookup),
            "raw" => dotenv::parse_raw(&text, found, &lookup),
            other => return Err(ComposeError::message(format!("unsupported env_file format {other:?}"))),
        };
        parsed.map_err(|error| env_file_error(&file.path, error))
    }

    /// Completes every service's labels.
    pub(super) fn resolve_labels(&self, stack: &mut Stack) -> Result<(), ComposeError> {
        for (name, service) in &mut stack.services {
            let mut labels = Mapping::new();
            for file in &service.label_file {
                let path = self.absolute(file);
                if !Path::new(&path).exists() {
                    let message = format!("label file {file} not found");
                    return Err(ComposeError::Invalid(named(name, ComposeError::message(message))?));
                }
                let known = labels.clone();
                let mut read_here = Mapping::new();
                let lookup = |name: &str| known.get(name).cloned();
                dotenv::parse(&read(&path)?, &mut read_here, &lookup).map_err(|error| env_file_error(file, error))?;
                labels.extend(read_here);
            }
            labels.append(&mut service.labels);
            service.labels = labels;
        }
        Ok(())
    }
}

fn read(path: &str) -> Result<String, ComposeError> {
    let bytes = std::fs::read(path).map_err(|source| ComposeError::Read { path: path.into(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The problems of an error, with the service they belong to; other errors pass.
fn named(service: &str, error: ComposeError) -> Result<Vec<Diagnostic>, ComposeError> {
    match error {
        ComposeError::Invalid(mut diagnostics) => {
            for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.key.is_empty()) {
                diagnostic.key = format!("services.{service}");
            }
            Ok(diagnostics)
        }
        other => Err(other),
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
