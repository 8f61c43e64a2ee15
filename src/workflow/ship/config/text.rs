//! The text `config` makes of a loaded project or tree, by its flags.
//! Reads the flags and the stack; returns text.
//! Never loads anything.

use super::listing;
use super::options::{ConfigArgs, Format};
use crate::compose::LoadedModel;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::session::WorkflowError;

/// The text made of the loaded project; the order of the questions is Compose's.
pub(super) fn of_stack(args: &ConfigArgs, format: Format, stack: &Stack) -> Result<String> {
    let list = &args.list;
    Ok(match &args.hash {
        _ if list.services => listing::lines(stack.services.keys()),
        _ if list.volumes => listing::lines(stack.volumes.keys()),
        _ if list.networks => listing::lines(stack.networks.keys()),
        _ if list.models => listing::models(stack),
        Some(services) => listing::hashes(stack, services)?,
        _ if list.profiles => listing::profiles(stack),
        _ if list.images => listing::images(stack),
        _ if list.environment => listing::environment(stack),
        None if format == Format::Json => stack.config_json().map_err(broken)?,
        None => stack.config_yaml(),
    })
}

/// The text of a tree.
pub(super) fn of_model(format: Format, model: &LoadedModel) -> Result<String> {
    if format == Format::Json { Ok(model.config_json().map_err(broken)?) } else { Ok(model.config_yaml()) }
}

fn broken(error: serde_json::Error) -> WorkflowError {
    WorkflowError::File { path: "the project".to_owned(), reason: error.to_string() }
}
