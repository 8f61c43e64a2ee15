//! How a restore can be taken back: by the safety set that it takes, or by the one of the restore that it finishes.

use super::restore_target::RestoreTarget;
use super::safety::{covers, interrupted_restore};
use crate::backup::{LoadedSet, Part, SAFETY, SetId};
use crate::error::Result;
use crate::session::Context;
use crate::session::backup::new_set;

/// How a restore can be taken back.
pub(super) struct WayBack {
    /// Whether the last restore was interrupted.
    pub(super) interrupted: bool,
    /// The safety set to take before anything is replaced.
    pub(super) safety: Option<SetId>,
    /// The safety set of the interrupted restore, which holds the state before it.
    kept: Option<String>,
}

impl RestoreTarget {
    /// The way back from a restore of these parts. No set is taken where there is nothing to replace, where `declined`, or
    /// where an interrupted restore left one.
    pub(super) async fn way_back(
        &self,
        context: &Context,
        (sets, parts): (&[LoadedSet], &[Part]),
        declined: bool,
    ) -> Result<WayBack> {
        let project = &self.loaded.name;
        let left = interrupted_restore(context, (&*self.target, project), sets).await?;
        let interrupted = left.is_some();
        let kept = left.and_then(|left| left.safety).filter(|left| covers(left, parts)).map(|left| left.found.id.set);
        if declined {
            context
                .reporter
                .warn("no safety set is taken: the data that is replaced cannot be brought back".to_owned());
        }
        let takes = !declined && kept.is_none() && self.has_data(parts);
        let safety = takes.then(|| new_set(context, project, vec![SAFETY.to_owned()])).transpose()?;
        Ok(WayBack { interrupted, safety, kept })
    }
}

impl WayBack {
    /// Id of the set that holds the state before.
    pub(super) fn set(&self) -> Option<String> {
        self.safety.as_ref().map(|safety| safety.set.clone()).or_else(|| self.kept.clone())
    }
}
