//! What a change of the whole stack wants, complete: the stack, the selection, the contents of its files, the wishes.
//! Reads contents of configs and secrets; returns plans through `plan::converge`.
//! Never observes or executes.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::Stack;
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::plan::content::{ServiceContent, load_content};
use crate::plan::converge::{ConvergeOptions, Wanted, plan_after_images};
use crate::plan::platform::check_architecture;
use crate::plan::{Observed, Plan};
use crate::session::WorkflowError;
use crate::session::load::LoadedStack;
use crate::session::plan_images::{ImageOptions, plan_images};

/// The contents of the selected services.
pub fn load_contents(
    stack: &Stack,
    selected: &BTreeSet<String>,
    local: bool,
) -> Result<BTreeMap<String, ServiceContent>> {
    let mut contents = BTreeMap::new();
    for name in selected {
        contents.insert(name.clone(), load_content(stack, name, local, &LocalFiles)?);
    }
    Ok(contents)
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
        let images = plan_images(&self.stack, &self.selected, observed, images)?;
        Ok(plan_after_images(&self.wanted(), observed, images, None)?)
    }
}
