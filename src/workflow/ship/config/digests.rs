//! `config --resolve-image-digests` and `--lock-image-digests`: images by the digest their registry has for them.
//! Reads the project; asks the registries through the engine, once for each image that is not by digest already.
//! Never pulls an image and never writes a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ConfigArgs, of_model, of_stack};
use crate::compose::{Finding, LoadArgs, load, load_model};
use crate::error::Result;
use crate::image::Reference;
use crate::input_file::LocalFiles;
use crate::project::LoadedProject;
use crate::session::Context;
use crate::session::endpoint::endpoint;
use crate::target::Target;

/// The project with its images by digest, as text.
pub(super) async fn pinned(
    (context, project): (&Context, &LoadedProject),
    args: &ConfigArgs,
    load_args: &LoadArgs,
) -> Result<(String, Vec<Finding>)> {
    let format = args.format()?;
    let mut resolver = Resolver { context, project, target: None, known: BTreeMap::new() };
    if args.skip.no_interpolate {
        let mut model = load_model(load_args, &LocalFiles)?;
        resolver.pin(model.images_mut()).await?;
        if args.lock_image_digests {
            model.images_only();
        }
        let text = of_model(format, &model)?;
        return Ok((text, model.warnings));
    }
    let loaded = load(load_args, &LocalFiles)?;
    let mut stack = loaded.stack;
    resolver.pin(stack.images_mut()).await?;
    if args.lock_image_digests {
        let hooked = stack.services.iter().filter(|(_, service)| service.pre_start.iter().any(|h| !h.image.is_empty()));
        for (name, _) in hooked {
            let missing = "images of pre_start hooks are not in this file: hooks of two files are all run";
            context.reporter.warn(format!("services.{name}.pre_start: {missing}"));
        }
        stack = stack.images_only();
    }
    Ok((of_stack(args, format, &stack)?, loaded.warnings))
}

/// Asks for digests; the engine is only reached when one has to be asked for.
struct Resolver<'c> {
    context: &'c Context,
    project: &'c LoadedProject,
    target: Option<Arc<dyn Target>>,
    known: BTreeMap<String, String>,
}

impl Resolver<'_> {
    async fn pin(&mut self, images: Vec<&mut String>) -> Result<()> {
        for image in images {
            let pinned = match self.known.get(image.as_str()) {
                Some(known) => known.clone(),
                None => self.resolve(image).await?,
            };
            self.known.insert(image.clone(), pinned.clone());
            *image = pinned;
        }
        Ok(())
    }

    async fn resolve(&mut self, image: &str) -> Result<String> {
        let reference: Reference = image.parse()?;
        if let Some(digest) = reference.digest() {
            return Ok(reference.pinned(digest));
        }
        let digest = self.engine().await?.need_images()?.registry_digest(&reference.canonical()).await?;
        Ok(reference.pinned(&digest))
    }

    async fn engine(&mut self) -> Result<Arc<dyn Target>> {
        if let Some(target) = &self.target {
            return Ok(Arc::clone(target));
        }
        let target = endpoint(self.context, self.project)?.connect().await?;
        self.target = Some(Arc::clone(&target));
        Ok(target)
    }
}
