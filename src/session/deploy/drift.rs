//! Loads the current release for `status` and compares what runs with it.

use super::configuration::Configuration;
use super::releases::{Current, Releases};
use crate::error::Result;
use crate::plan::Observed;
use crate::plan::drift::{Drift, drift};
use crate::release::{ObservedLease, history, releases};
use crate::target::Target;

/// The current release as it was compared with what runs.
pub struct Compared {
    /// Its revision.
    pub revision: u32,
    /// How what runs differs from it.
    pub drift: Vec<Drift>,
    /// Whether it has not finished its bake.
    pub is_baking: bool,
}

/// Compares what runs with the current release; none where there is no release, where its configuration was dropped, or
/// where reading it would create a container.
pub async fn release_drift(
    target: &dyn Target,
    project: &str,
    (observed, lease): (&Observed, Option<&ObservedLease>),
) -> Result<Option<Compared>> {
    if !target.has_state(project, false).await? {
        return Ok(None);
    }
    let records = target.load_records(project).await?;
    let releases = Releases { project: project.to_owned(), list: releases(&history(&records, lease)) };
    let Some(past) = releases.current() else { return Ok(None) };
    let Some(bytes) = target.load_configuration(project, past.revision).await? else { return Ok(None) };
    let configuration = Configuration::decode(&bytes, Default::default())
        .map_err(|reason| releases.unusable_configuration(past, reason))?;
    let current = Current::new(past, configuration);
    let is_baking = releases.baking().is_some();
    Ok(Some(Compared { revision: current.revision, drift: drift(current.expected(), observed), is_baking }))
}
