//! What a change of the whole stack wants, complete: the stack, the selection, the contents of its files, the wishes.
//! Reads contents of configs and secrets; returns plans through `plan::converge`.
//! Never observes or executes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::compose::model::Stack;
use crate::compose::short_form;
use crate::error::Result;
use crate::host::host_name;
use crate::input_file::LocalFiles;
use crate::plan::blue_green::plan_start;
use crate::plan::content::{ServiceContent, load_content};
use crate::plan::converge::{ConvergeOptions, Wanted, plan_after_images};
use crate::plan::host_requirements::{HostView, UnmetRequirement, unmet_requirements};
use crate::plan::platform::{check_architecture, check_network_options};
use crate::plan::{EngineInfo, Observed, Plan, PlanError};
use crate::session::WorkflowError;
use crate::session::deploy::StartProxy;
use crate::session::load::LoadedStack;
use crate::session::plan_images::{ImageOptions, plan_images};

/// The contents of the selected services; none of them may expose what is no port.
pub fn load_contents(
    stack: &Stack,
    selected: &BTreeSet<String>,
    local: bool,
) -> Result<BTreeMap<String, ServiceContent>> {
    let mut contents = BTreeMap::new();
    for name in selected {
        let exposed = stack.services.get(name).map_or(&[][..], |service| &service.expose);
        if let Some(port) = exposed.iter().find(|port| short_form::port::exposed(port).is_none()) {
            return Err(PlanError::InvalidPort { service: name.clone(), port: port.clone() }.into());
        }
        contents.insert(name.clone(), load_content(stack, name, local, &LocalFiles)?);
    }
    Ok(contents)
}

/// Requirements of the selected services that the host does not meet.
pub fn unmet(stack: &Stack, selected: &BTreeSet<String>, engine: &EngineInfo) -> Vec<UnmetRequirement> {
    // A local socket may lead out of the container we are in.
    let is_here = engine.local && (engine.host.name.is_empty() || engine.host.name == host_name());
    let exists = |path: &str| Path::new(path).exists();
    unmet_requirements(stack, selected, HostView { engine, exists: is_here.then_some(&exists) })
}

/// Orphans cannot be removed and passed over at once; the message is Compose's.
pub fn refuse_both_orphans(remove: bool, ignore: bool) -> Result<()> {
    if remove && ignore {
        let message = "cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans";
        return Err(WorkflowError::usage(message).into());
    }
    Ok(())
}

/// Everything `plan_converge` wants, owned.
pub struct Convergence<'a> {
    /// Wishes.
    pub options: ConvergeOptions,
    /// The stack.
    pub stack: Stack,
    /// Selected services.
    pub selected: BTreeSet<String>,
    /// Their contents.
    pub contents: BTreeMap<String, ServiceContent>,
    /// Where it was loaded from.
    pub loaded: &'a LoadedStack,
    /// The engine and its host.
    pub engine: EngineInfo,
    /// The managed proxy that gets its configuration.
    pub proxy: Option<StartProxy>,
}

impl Convergence<'_> {
    /// What is wanted, as plans read it.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            stack: &self.stack,
            selected: &self.selected,
            contents: &self.contents,
            env_files: &self.loaded.env_files,
            version: crate::plan::labels::COMPATIBLE_WITH,
            options: &self.options,
        }
    }

    /// The plan against what was found, after the steps that make its images.
    pub fn plan(&self, images: &ImageOptions<'_>, observed: &Observed) -> Result<Plan> {
        check_architecture(&self.stack, &self.selected, observed)?;
        let network_warnings = check_network_options(&self.stack, &self.selected, &self.engine)?;
        let images = plan_images(&self.stack, &self.selected, observed, images)?;
        let wanted = self.wanted();
        let proxy = self.proxy.as_ref().map(|proxy| proxy.wanted(&self.stack, observed)).transpose()?;
        let mut plan = match &proxy {
            None => plan_after_images(&wanted, observed, images, None)?,
            Some(proxy) => {
                let planning = |observed: &Observed| plan_start(&wanted, proxy, observed);
                plan_after_images(&wanted, observed, images, Some(&planning))?
            }
        };
        plan.warnings.extend(network_warnings);
        plan.warnings.extend(unmet(&self.stack, &self.selected, &self.engine).into_iter().map(|unmet| unmet.message));
        Ok(plan)
    }
}
