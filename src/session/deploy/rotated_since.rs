//! A rollback keeps the values of secrets that were rotated since: it never undoes a rotation.

use std::collections::BTreeMap;

use super::configuration::Configuration;
use super::releases::Releases;
use crate::error::Result;
use crate::release::{PastRelease, ReleaseCause, ReleaseStatus};
use crate::session::{Context, WorkflowError};
use crate::target::Target;

impl Releases {
    /// The secrets that were rotated after a revision, with the release that did it last. A rotation that was interrupted
    /// counts once its value serves: the deploy after it has finished it.
    fn rotated_since(&self, revision: u32) -> BTreeMap<&str, u32> {
        let serving = self.current().map(|current| &current.release.secrets);
        let mut rotated = BTreeMap::new();
        let rotations = self.list.iter().filter(|past| matches!(past.release.cause, ReleaseCause::Rotate));
        for past in rotations.filter(|past| past.revision > revision) {
            let serves = |key: &String| serving.and_then(|all| all.get(key)) == past.release.secrets.get(key);
            let counts = |key: &&String| has_served(past.status) || serves(key);
            rotated.extend(past.release.rotated.iter().filter(counts).map(|key| (key.as_str(), past.revision)));
        }
        rotated
    }

    /// The configuration of an earlier release with the present values of the secrets that were rotated since, and what
    /// the plan says of them.
    pub async fn keep_rotated(
        &self,
        (context, target): (&Context, &dyn Target),
        past: &PastRelease,
        configuration: Configuration,
    ) -> Result<(Configuration, Vec<String>)> {
        let mut rotated = self.rotated_since(past.revision);
        if configuration.secrets.is_known() {
            // What it does not use it does not get.
            rotated.retain(|key, _| configuration.secrets.values.contains_key(*key));
        }
        let Some(first) = rotated.keys().next() else { return Ok((configuration, Vec::new())) };
        let reason = format!("`{first}` was rotated since, and where its value belongs was not recorded");
        let unknown =
            || WorkflowError::NotRestorable { project: self.project.clone(), revision: past.revision, reason };
        let current = self.load_current(context, target).await?;
        let present = current.map(|current| current.configuration.secrets.values).unwrap_or_default();
        let wanted = rotated.keys().map(|key| Some(((*key).to_owned(), present.get(*key)?.clone())));
        let kept = wanted.collect::<Option<BTreeMap<_, _>>>().and_then(|values| configuration.with_values(&values));
        let kept = kept.ok_or_else(unknown)?;
        let said = rotated.iter().map(|(key, by)| format!("`{key}` keeps its value of release {by}, rotated since"));
        Ok((kept, said.collect()))
    }
}

/// Whether a release with this status was brought up.
fn has_served(status: ReleaseStatus) -> bool {
    match status {
        ReleaseStatus::Deployed | ReleaseStatus::Baking | ReleaseStatus::Superseded | ReleaseStatus::RolledBack => true,
        ReleaseStatus::Running | ReleaseStatus::Failed | ReleaseStatus::Interrupted => false,
    }
}
