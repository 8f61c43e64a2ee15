//! The bundle that is named on the command line.
//! Reads the name only.
//! Refuses `-`, wherever a bundle is named.

use std::path::Path;

use crate::error::Result;
use crate::session::WorkflowError;

/// A bundle is read more than once and appears by a rename: it is a file.
pub(super) fn refuse_stream(file: &Path, verb: &str) -> Result<()> {
    if file != Path::new("-") {
        return Ok(());
    }
    let message = "a bundle must be a file, not `-`".to_owned();
    let hint = Some(format!("`aictl bundle {verb} shop.tar`; a file of that name is `./-`"));
    Err(WorkflowError::Usage { message, hint }.into())
}
