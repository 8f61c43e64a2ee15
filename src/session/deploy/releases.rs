//! The releases of a project as verbs read them, and the stored configuration of one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::configuration::Configuration;
use crate::error::Result;
use crate::plan::AcceptedAs;
use crate::plan::drift::Expected;
use crate::plan::{release_repository, release_tag};
use crate::release::{PastRelease, Release, ReleaseStatus, ReleasedService, Skipped, fallback, releases};
use crate::session::past_operations::PastOperations;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The releases of a project, oldest first.
pub struct Releases {
    /// Project name.
    pub project: String,
    /// The releases.
    pub list: Vec<PastRelease>,
}

/// The release that serves, with its configuration.
pub struct Current {
    /// Its revision.
    pub revision: u32,
    /// Its record.
    pub release: Release,
    /// Its stored configuration.
    pub configuration: Configuration,
    accepted: AcceptedAs,
}

impl Current {
    /// A release with its configuration.
    pub fn new(past: &PastRelease, configuration: Configuration) -> Self {
        let accepted = configuration.accepted();
        Self { revision: past.revision, release: past.release.clone(), configuration, accepted }
    }

    /// What is expected to run.
    pub fn expected(&self) -> Expected<'_> {
        let Configuration { stack, contents, .. } = &self.configuration;
        Expected { release: &self.release, stack, contents, accepted: &self.accepted }
    }
}

impl Releases {
    /// Reads them from the target.
    pub async fn load(target: &dyn Target, project: &str) -> Result<Self> {
        let past = PastOperations::of(target, project.to_owned()).await?;
        Ok(Self { project: project.to_owned(), list: releases(&past.operations) })
    }

    /// The release that serves: the newest good one, or the one that is baking.
    pub fn current(&self) -> Option<&PastRelease> {
        self.list.iter().rfind(|past| matches!(past.status, ReleaseStatus::Deployed | ReleaseStatus::Baking))
    }

    /// What a deploy does before anything else, for those that only look.
    pub fn unfinished_bake(&self) -> Option<String> {
        let baking = self.baking()?;
        Some(format!("release {} is still baking; the next deploy resumes it first", baking.revision))
    }

    /// The tags that keep a release's images.
    pub fn tags(&self, past: &PastRelease) -> BTreeSet<String> {
        let tag = |(name, service): (&String, &ReleasedService)| {
            let id = service.image_id.as_ref()?;
            Some(format!("{}:{}", release_repository(&self.project, name), release_tag(id)))
        };
        past.release.services.iter().filter_map(tag).collect()
    }

    /// The tags that keep the images of all releases; none where the records cannot be read.
    pub async fn all_tags(target: &dyn Target, project: &str) -> BTreeSet<String> {
        let releases = Self::load(target, project).await;
        releases.map(|all| all.list.iter().flat_map(|past| all.tags(past)).collect()).unwrap_or_default()
    }

    /// The release that is baking.
    pub fn baking(&self) -> Option<&PastRelease> {
        self.current().filter(|past| past.status == ReleaseStatus::Baking)
    }

    /// The newest good release with its configuration. One whose configuration cannot be used is warned of: a deploy
    /// makes a new release from the files nevertheless.
    pub async fn load_current(&self, context: &Context, target: &dyn Target) -> Result<Option<Current>> {
        let Some(past) = self.current() else { return Ok(None) };
        match self.configuration(target, past).await {
            Ok(configuration) => Ok(Some(Current::new(past, configuration))),
            Err(error) if matches!(error.downcast_ref(), Some(WorkflowError::UnusableConfiguration { .. })) => {
                context.reporter.warn(format!("{error}; the files are not compared with it"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A release whose stored configuration is missing or damaged, and what can be done about it.
    pub(super) fn unusable_configuration(&self, past: &PastRelease, reason: String) -> WorkflowError {
        let serves = self.current().is_some_and(|current| current.revision == past.revision);
        let hint = match (serves, past.status) {
            (true, ReleaseStatus::Baking) => "go back with `aictl rollback`",
            (true, _) => "make a new release from the files with `aictl deploy`, or go back with `aictl rollback`",
            _ => "list the releases with `aictl history`, and name another one: `aictl rollback --to REVISION`",
        };
        WorkflowError::UnusableConfiguration { revision: past.revision, reason, hint }
    }

    /// Where a rollback goes, and what it passes over.
    pub fn target_of_rollback(&self, to: Option<u32>) -> Result<(&PastRelease, Vec<Skipped>)> {
        let project = self.project.clone();
        if let Some(number) = to {
            let found = self.list.iter().find(|past| past.revision == number);
            let newest = self.list.last().map(|past| past.revision);
            let found = found.ok_or(WorkflowError::NoOperation { project: project.clone(), number, newest })?;
            let reason = match found.status {
                ReleaseStatus::Failed => "it failed",
                ReleaseStatus::Interrupted => "it was interrupted",
                ReleaseStatus::Running => "it is still running",
                ReleaseStatus::Deployed
                | ReleaseStatus::Baking
                | ReleaseStatus::Superseded
                | ReleaseStatus::RolledBack => {
                    return Ok((found, Vec::new()));
                }
            };
            return Err(WorkflowError::NotRestorable { project, revision: number, reason: reason.to_owned() }.into());
        }
        let way = fallback(&self.list);
        let found = way.revision.and_then(|revision| self.list.iter().find(|past| past.revision == revision));
        let skipped = way.skipped.iter().map(|skipped| (skipped.revision, skipped.why)).collect();
        let found = found.ok_or(WorkflowError::NoRelease { project, skipped })?;
        Ok((found, way.skipped))
    }

    /// The stored configuration of a release.
    pub async fn configuration(&self, target: &dyn Target, past: &PastRelease) -> Result<Configuration> {
        let images: BTreeMap<String, String> = past
            .release
            .services
            .iter()
            .filter_map(|(name, service)| Some((name.clone(), service.image_id.clone()?)))
            .collect();
        let found = match target.load_configuration(&self.project, past.revision).await? {
            Some(bytes) => Configuration::decode(&bytes, images),
            None => Err("was removed".to_owned()),
        };
        found.map_err(|reason| self.unusable_configuration(past, reason).into())
    }
}
