//! Rejects keys of aictl.yaml that deploys do not support yet.

use crate::error::Result;
use crate::project::LoadedProject;
use crate::session::WorkflowError;

/// Refuses the keys of the environment that are not supported yet.
pub(super) fn refuse_unsupported(project: &LoadedProject) -> Result<()> {
    let name = project.environment_name.as_deref().unwrap_or_default();
    let tls = project.environment.proxy.as_ref().and_then(|proxy| proxy.tls.as_ref());
    let wanted = [(
        "proxy.tls.letsencrypt",
        tls.is_some_and(|tls| tls.letsencrypt.is_some()),
        "certificates of Let's Encrypt",
        "name existing files with `files`",
    )];
    match wanted.into_iter().find(|(_, set, _, _)| *set) {
        Some((key, _, what, instead)) => Err(WorkflowError::Unsupported {
            what: format!("environments.{name}.{key}: {what}"),
            hint: format!("{instead} in aictl.yaml"),
        }
        .into()),
        None => Ok(()),
    }
}
