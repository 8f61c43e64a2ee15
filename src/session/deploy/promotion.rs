//! Deploys of what another environment proved: the images of one of its releases, with the configuration of this environment.
//! Reads the release and its images; sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::releases::Releases;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::image::Reference;
use crate::release::{PastRelease, Release, ReleaseName, ReleaseStatus};
use crate::session::cluster::is_cluster;
use crate::session::load::load_or_name;
use crate::session::transfer::{Offers, Source, Standing};
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The images of a release of another environment.
pub struct Promotion {
    /// The release.
    pub name: ReleaseName,
    source: Source,
    release: Release,
}

impl Promotion {
    /// Finds the release, which must have been deployed well.
    pub async fn open(context: &Context, name: ReleaseName) -> Result<Self> {
        if context.options.environment.as_ref() == Some(&name.environment) {
            let message = format!("release {name} is one of this environment");
            let hint = Some(format!("go back to it with `aictl rollback --to {}`", name.revision));
            return Err(WorkflowError::Usage { message, hint }.into());
        }
        let mut context = context.clone();
        context.options.environment = Some(name.environment.clone());
        let loaded = load_or_name(&context, "name the project: `aictl -p NAME deploy`")?;
        if is_cluster(&loaded.project) {
            let what = format!("--release with environment `{}`, which runs on Kubernetes", name.environment);
            let hint = "name a release of an environment on a Docker engine".to_owned();
            return Err(WorkflowError::Unsupported { what, hint }.into());
        }
        let target = loaded.connect(&context).await?;
        let releases = Releases::load(&*target, &loaded.name).await?;
        let release = proved(&releases, &name)?.release.clone();
        let address = target.observe_engine().await?.address;
        Ok(Self { name, source: Source { address, target, names: BTreeMap::new() }, release })
    }

    /// What is said of services whose images the release does not have.
    pub fn limits(&self, stack: &Stack) -> Vec<String> {
        let own = stack.services.iter().filter(|(name, service)| service.provider.is_none() && !self.has(name));
        let line = |(name, _)| format!("`{name}` is not in release {}: its image comes from the files", self.name);
        own.map(line).collect()
    }

    /// The services whose images come from the release.
    pub fn services(&self, stack: &Stack) -> BTreeSet<String> {
        let images = self.images(stack).into_iter().filter(|(_, image)| !is_pinned(image));
        images.map(|(service, _)| service).collect()
    }

    /// The images that the target lacks or has with another content.
    pub async fn offers(&self, context: &Context, (target, stack): (&dyn Target, &Stack)) -> Result<Offers> {
        let images = self.images(stack);
        self.refuse_other_digests(&images)?;
        let id = |service: &str| self.release.services.get(service).and_then(|released| released.image_id.clone());
        let names = images.iter().filter_map(|(service, image)| Some((image.clone(), id(service)?))).collect();
        let references = images.into_iter().map(|(_, image)| image).filter(|image| !is_pinned(image)).collect();
        let source = Source { names, ..self.source.clone() };
        let offers = Offers::load(context, source, target, &references).await?;
        let is_absent = |standing: &Standing| matches!(standing, Standing::Absent);
        let absent = offers.standings().filter(|(_, standing)| is_absent(standing));
        let images: Vec<String> = absent.map(|(image, _)| image.clone()).collect();
        if images.is_empty() {
            return Ok(offers);
        }
        let reason = format!("{} no longer has {}", self.source.address, images.join(", "));
        Err(self.not_usable(&stack.name, reason).into())
    }

    /// An image that the files name by digest must be the one that the release has.
    fn refuse_other_digests(&self, images: &[(String, String)]) -> Result<()> {
        for (service, image) in images.iter().filter(|(_, image)| is_pinned(image)) {
            let digests = self.release.services.get(service).map(|released| released.digests.as_slice());
            let digest = image.rsplit_once('@').map(|(_, digest)| digest).unwrap_or_default();
            if !digests.unwrap_or_default().iter().any(|known| known.ends_with(digest)) {
                let message =
                    format!("the files name {image} for `{service}`, which is not the image of release {}", self.name);
                let hint = Some(format!(
                    "name the same image in both environments, or deploy without `--release {}`",
                    self.name
                ));
                return Err(WorkflowError::Configuration { message, hint }.into());
            }
        }
        Ok(())
    }

    fn has(&self, service: &str) -> bool {
        self.release.services.get(service).is_some_and(|released| released.image_id.is_some())
    }

    /// Services of the stack that the release has, with the names of their images.
    fn images(&self, stack: &Stack) -> Vec<(String, String)> {
        let services = stack.services.iter().filter(|(name, service)| service.provider.is_none() && self.has(name));
        services.map(|(name, service)| (name.clone(), service.image_or_default(&stack.name, name))).collect()
    }

    fn not_usable(&self, project: &str, reason: String) -> WorkflowError {
        let hint = format!("list the releases with `aictl --env {} history`", self.name.environment);
        let message = format!("{project} cannot get the images of release {}: {reason}", self.name);
        WorkflowError::Configuration { message, hint: Some(hint) }
    }
}

fn is_pinned(image: &str) -> bool {
    image.parse::<Reference>().is_ok_and(|reference| reference.digest().is_some())
}

/// The release, if it served and nothing was found wrong with it.
fn proved<'r>(releases: &'r Releases, name: &ReleaseName) -> Result<&'r PastRelease> {
    let found = releases.list.iter().find(|past| past.revision == name.revision);
    let reason = match found.map(|past| past.status) {
        Some(ReleaseStatus::Deployed | ReleaseStatus::Superseded) => None,
        Some(ReleaseStatus::Baking) => Some("is still baking"),
        Some(ReleaseStatus::Failed) => Some("failed"),
        Some(ReleaseStatus::Interrupted) => Some("was interrupted"),
        Some(ReleaseStatus::Running) => Some("is still running"),
        Some(ReleaseStatus::RolledBack) => Some("was rolled back"),
        None => Some("does not exist"),
    };
    match (found, reason) {
        (Some(found), None) => Ok(found),
        (_, reason) => {
            let message = format!("release {name} {}", reason.unwrap_or_default());
            let hint = Some(format!("list the releases with `aictl --env {} history`", name.environment));
            Err(WorkflowError::Configuration { message, hint }.into())
        }
    }
}
