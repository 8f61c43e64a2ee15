//! A rollback keeps the values of secrets that were rotated since: it never undoes a rotation. A deploy of files that
//! have an older value is refused.

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

    /// Refuses a configuration with a value that a rotation replaced, as another checkout may have it.
    pub fn refuse_older_values(&self, configuration: &Configuration) -> Result<()> {
        let reverted = self.reverted(configuration);
        if reverted.is_empty() {
            return Ok(());
        }
        let message = reverted.iter().map(older_value).collect::<Vec<_>>().join("; ");
        let keys = reverted.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
        let hint =
            format!("copy the present value into the env file, or make a new one with `aictl secrets rotate {keys}`");
        Err(WorkflowError::Refused { message, hint: Some(hint) }.into())
    }

    /// What a plan says of values that a deploy refuses.
    pub fn older_values(&self, configuration: &Configuration) -> Vec<String> {
        let reverted = self.reverted(configuration);
        reverted.iter().map(|one| format!("{}; `aictl deploy` will refuse it", older_value(one))).collect()
    }

    /// The secrets of which a configuration has a value that a rotation replaced, with that rotation.
    fn reverted(&self, configuration: &Configuration) -> BTreeMap<String, u32> {
        let Some(current) = self.current() else { return BTreeMap::new() };
        let rotations = self.list.iter().filter(|past| matches!(past.release.cause, ReleaseCause::Rotate));
        let served = rotations.filter(|past| has_served(past.status));
        let mut reverted = BTreeMap::new();
        for (key, wanted) in configuration.secret_versions() {
            let serves = current.release.secrets.get(&key).map_or(0, |serving| serving.version);
            let replaced = |past: &&PastRelease| {
                let version = past.release.secrets.get(&key).map_or(0, |rotated| rotated.version);
                past.release.rotated.contains(&key) && wanted.version < version && version <= serves
            };
            if let Some(last) = served.clone().rfind(replaced) {
                reverted.insert(key, last.revision);
            }
        }
        reverted
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

fn older_value((key, rotation): (&String, &u32)) -> String {
    format!("`{key}` has an older value here: release {rotation} rotated it")
}

/// Whether a release with this status was brought up.
fn has_served(status: ReleaseStatus) -> bool {
    match status {
        ReleaseStatus::Deployed | ReleaseStatus::Baking | ReleaseStatus::Superseded | ReleaseStatus::RolledBack => true,
        ReleaseStatus::Running | ReleaseStatus::Failed | ReleaseStatus::Interrupted => false,
    }
}
