//! Changes of images that may belong to no project: which engine, under which name they exclude each other.
//! Reads the project here when there is one.
//! Never needs a project.

use crate::compose::ComposeError;
use crate::error::Result;
use crate::session::Context;
use crate::session::endpoint::endpoint;
use crate::session::load::{LoadedStack, load_named, load_project_file};
use crate::target::Target;

/// The name under which changes of images that belong to no project exclude each other.
pub const ENGINE_WIDE: &str = "aictl-images";

/// The project here, when there is one: recipes need none.
pub fn project(context: &Context) -> Result<Option<LoadedStack>> {
    match load_named(context) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(error) if matches!(error.downcast_ref::<ComposeError>(), Some(ComposeError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The engine of the project here, or the one the surroundings name.
pub async fn engine(context: &Context, project: Option<&LoadedStack>) -> Result<std::sync::Arc<dyn Target>> {
    match project {
        Some(loaded) => loaded.connect(context).await,
        None => Ok(endpoint(context, &load_project_file(context)?)?.connect().await?),
    }
}
