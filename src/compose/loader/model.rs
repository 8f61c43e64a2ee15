//! The steps of a load, from the setting to the project.
//! Reads a setting; returns the normalised tree, or the typed and checked project.
//! Never decides what a file means: the steps do.

use std::path::PathBuf;
use std::rc::Rc;

use super::discover::Setting;
use super::file::Scope;
use super::{Loaded, Loader, locate, select};
use crate::compose::consistency;
use crate::compose::decode::{self, Context};
use crate::compose::error::ComposeError;
use crate::compose::model::Stack;
use crate::compose::normalize::normalize;
use crate::compose::value::{Node, Value};

impl Loader<'_> {
    /// The tree of a setting.
    pub(super) fn model(&mut self, setting: &mut Setting) -> Result<Node, ComposeError> {
        let options = self.args.options;
        let scope = Scope {
            base: setting.directory.clone(),
            resources: setting.directory.clone(),
            environment: Rc::new(setting.environment.clone()),
            included: Vec::new(),
            is_base: false,
            resolve_paths: !options.no_path_resolution,
        };
        let names: Vec<String> = setting.files.iter().map(|file| file.name.clone()).collect();
        let mut root = self.group(std::mem::take(&mut setting.files), &scope)?;
        if root.as_map().is_none_or(|map| map.is_empty()) {
            return Err(ComposeError::message(format!("empty compose file: {}", names.join(", "))));
        }
        if setting.name.is_empty() {
            return Err(ComposeError::message("project name must not be empty"));
        }
        if !options.no_normalize {
            root.set("name", Value::Str(setting.name.clone()));
            normalize(&mut root, &setting.environment).map_err(|error| self.merge_error(error))?;
        }
        Ok(root)
    }

    /// The whole project.
    pub(super) fn project(&mut self) -> Result<Loaded, ComposeError> {
        let mut setting = self.discover()?;
        let compose_files = setting.files.iter().map(|file| PathBuf::from(&file.name)).collect();
        let root = self.model(&mut setting)?;
        let mut stack = self.typed(&root)?;
        stack.name = setting.name.clone();
        stack.working_dir = PathBuf::from(&setting.directory);
        stack.compose_files = compose_files;
        stack.environment = setting.environment.clone();
        select::apply_profiles(&mut stack, setting.profiles.clone());
        if !self.args.options.no_consistency {
            self.check(&stack, &root)?;
            select::align_replicas(&mut stack);
        }
        if self.args.options.discard_env_files {
            // `config` reads the files of all services, also where only some are shown.
            self.resolve_environment(&mut stack, &root)?;
        }
        select::select(&mut stack, &self.args.services)?;
        if !self.args.options.no_consistency && !self.args.options.shared_names {
            self.refuse_shared_names(&stack, &root)?;
        }
        if !self.args.options.all_resources {
            select::prune(&mut stack);
        }
        self.resolve_environment(&mut stack, &root)?;
        self.resolve_labels(&mut stack, &root)?;
        self.warn_of_ignored(&root);
        Ok(Loaded {
            stack,
            warnings: std::mem::take(&mut self.warnings),
            variables: std::mem::take(&mut self.variables),
            env_files: setting.env_files,
        })
    }

    fn typed(&self, root: &Node) -> Result<Stack, ComposeError> {
        let mut context = Context::default();
        let stack = decode::stack(root, &mut context);
        if context.misfits.is_empty() {
            return Ok(stack);
        }
        let misfits = context.misfits.into_iter();
        Err(ComposeError::Invalid(misfits.map(|one| self.diagnostic(one.key, one.at, one.message)).collect()))
    }

    fn check(&self, stack: &Stack, root: &Node) -> Result<(), ComposeError> {
        let found = consistency::check(stack);
        if found.is_empty() {
            return Ok(());
        }
        let diagnostics = found.into_iter().map(|one| {
            let at = locate::position(root, &one.key);
            let mut diagnostic = self.diagnostic(one.key.join(".").replace(".[", "["), at, one.message);
            diagnostic.nearest = one.nearest;
            diagnostic
        });
        Err(ComposeError::Invalid(diagnostics.collect()))
    }

    fn refuse_shared_names(&self, stack: &Stack, root: &Node) -> Result<(), ComposeError> {
        let mut owners = std::collections::BTreeMap::<&str, &str>::new();
        let mut problems = Vec::new();
        for (name, service) in stack.services.iter().filter(|(_, service)| !service.container_name.is_empty()) {
            let Some(owner) = owners.insert(&service.container_name, name) else { continue };
            let key = ["services", name, "container_name"].map(str::to_owned);
            let message = format!("container name {:?} is already in use by service {owner}", service.container_name);
            problems.push(self.diagnostic(key.join("."), locate::position(root, &key), message));
        }
        if problems.is_empty() { Ok(()) } else { Err(ComposeError::Invalid(problems)) }
    }
}
