//! `aictl images ls`: the images of the project and of recipes, and where each came from.
//! Reads the engine and the project's files.
//! Never guesses an origin the image does not show: what is from no registry, build or recipe came as an archive.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::compose::model::Stack;
use crate::error::Result;
use crate::event::human;
use crate::image::{RECIPE_LABEL, Recipes, Reference};
use crate::plan::{ObservedImage, labels};
use crate::session::Context;
use crate::session::engine_images::{engine, project};
use crate::session::load::LoadedStack;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Its own registry.
    Registry,
    /// Another registry, and was given its name here.
    Mirror,
    /// An archive: a bundle, or what `docker load` was given.
    Bundle,
    /// A recipe of aictl.
    Recipe,
    /// A service's build section.
    Build,
    /// It is not on the engine.
    Absent,
}

impl Origin {
    /// The word of the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Mirror => "mirror",
            Self::Bundle => "bundle",
            Self::Recipe => "recipe",
            Self::Build => "build",
            Self::Absent => "absent",
        }
    }
}

/// One image under one name.
#[derive(Debug, Clone, Serialize)]
pub struct ListedImage {
    /// Its name; empty for one that lost it to a newer image.
    pub reference: String,
    /// Its id.
    pub id: Option<String>,
    /// The digest of its registry, if it came from one.
    pub digest: Option<String>,
    /// Bytes, shared ones included.
    pub size: u64,
    /// Bytes other images have too.
    pub shared: u64,
    /// Where it came from.
    pub origin: Origin,
    /// `amd64`, …
    pub architecture: String,
    /// RFC 3339.
    pub created_at: String,
    /// Containers made from it.
    pub containers: usize,
}

/// Arguments of `images ls` and `images summary`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Show all images on the engine
    #[arg(short = 'a', long)]
    pub all: bool,
}

#[derive(Debug, Serialize)]
pub struct ListReport {
    images: Vec<ListedImage>,
    #[serde(skip)]
    now: Option<OffsetDateTime>,
}

/// Lists.
pub(super) async fn run(context: &Context, args: ListArgs) -> Result<ListReport> {
    let images = list(context, &args).await?;
    Ok(ListReport { images, now: OffsetDateTime::parse(&(context.now)(), &Rfc3339).ok() })
}

/// The images that `ls` and `summary` list.
pub(super) async fn list(context: &Context, args: &ListArgs) -> Result<Vec<ListedImage>> {
    let project = project(context)?;
    let target = engine(context, project.as_ref()).await?;
    let found = target.need_images()?.observe_images().await?;
    let wanted = project.as_ref().map(used).unwrap_or_default();
    let recipes = Recipes::embedded()?;
    let mut listed: Vec<ListedImage> = Vec::new();
    for image in &found {
        // By the recipe's name too: the image may have been built by other means.
        let known = |name: &str| wanted.contains(name) || recipes.building(name).is_some();
        let ours = |name: &&String| args.all || is_recipe(image) || known(name.as_str());
        let names: Vec<&String> = image.references.iter().filter(ours).collect();
        listed.extend(names.iter().map(|name| entry(image, name, project.as_ref())));
        if names.is_empty() && image.references.is_empty() && (args.all || is_recipe(image)) {
            listed.push(entry(image, "", project.as_ref()));
        }
    }
    let there: BTreeSet<String> = listed.iter().map(|image| image.reference.clone()).collect();
    listed.extend(wanted.difference(&there).map(|name| absent(name)));
    listed.sort_by(|a, b| (a.reference.is_empty(), &a.reference).cmp(&(b.reference.is_empty(), &b.reference)));
    Ok(listed)
}

/// The names of the project's images as the engine writes them.
pub(super) fn used(project: &LoadedStack) -> BTreeSet<String> {
    let written = project.stack.as_ref().map(Stack::all_images).unwrap_or_default();
    written.into_iter().map(|name| tagged(&name)).collect()
}

/// With the tag `latest` where none is written.
fn tagged(name: &str) -> String {
    match name.parse::<Reference>() {
        Ok(reference) if reference.tag().is_none() && reference.digest().is_none() => format!("{reference}:latest"),
        Ok(reference) => reference.familiar(),
        Err(_) => name.to_owned(),
    }
}

pub(super) fn is_recipe(image: &ObservedImage) -> bool {
    image.labels.contains_key(RECIPE_LABEL)
}

fn entry(image: &ObservedImage, name: &str, project: Option<&LoadedStack>) -> ListedImage {
    let digest = image.digests.first().and_then(|digest| digest.split_once('@')).map(|(_, digest)| digest.to_owned());
    ListedImage {
        reference: name.to_owned(),
        id: Some(image.id.clone()),
        digest,
        size: image.size,
        shared: image.shared,
        origin: origin(image, name, project.and_then(|loaded| loaded.stack.as_ref())),
        architecture: image.architecture.clone(),
        created_at: image.created_at.clone(),
        containers: image.containers,
    }
}

fn absent(name: &str) -> ListedImage {
    ListedImage {
        reference: name.to_owned(),
        id: None,
        digest: None,
        size: 0,
        shared: 0,
        origin: Origin::Absent,
        architecture: String::new(),
        created_at: String::new(),
        containers: 0,
    }
}

/// No registry has such names.
fn is_ours(name: &str) -> bool {
    name.parse::<Reference>().is_ok_and(|reference| reference.is_ours())
}

fn origin(image: &ObservedImage, name: &str, stack: Option<&Stack>) -> Origin {
    let repository = |text: &str| text.parse::<Reference>().map(|r| (r.domain().to_owned(), r.path().to_owned())).ok();
    let own = repository(name);
    let built = |stack: &Stack| {
        let of_service = |(key, service): (&String, &crate::compose::model::Service)| {
            service.build.is_some() && tagged(&service.image_or_default(&stack.name, key)) == name
        };
        stack.services.iter().any(of_service)
    };
    match () {
        () if is_recipe(image) || is_ours(name) => Origin::Recipe,
        () if image.digests.iter().any(|digest| repository(digest) == own) => Origin::Registry,
        () if !image.digests.is_empty() => Origin::Mirror,
        () if image.labels.contains_key(labels::SERVICE) || stack.is_some_and(built) => Origin::Build,
        () => Origin::Bundle,
    }
}

impl Report for ListReport {
    fn blocks(&self) -> Vec<Block> {
        if self.images.is_empty() {
            return vec![Block::Line(vec!["no images of a project or a recipe".into()])];
        }
        let header = ["IMAGE", "DIGEST", "SIZE", "SOURCE", "ARCHITECTURE", "CREATED"].map(str::to_owned).to_vec();
        let row = |image: &ListedImage| {
            let name = if image.reference.is_empty() { "<none>" } else { &image.reference };
            let digest = image.digest.as_ref().or(image.id.as_ref()).map(|d| d.trim_start_matches("sha256:"));
            let tone = if image.origin == Origin::Absent { Tone::Warn } else { Tone::Plain };
            let size = if image.id.is_some() { human::bytes(image.size) } else { String::new() };
            vec![
                Cell::new(name, Tone::Strong),
                digest.map(|digest| digest.chars().take(12).collect::<String>()).unwrap_or_default().into(),
                size.into(),
                Cell::new(image.origin.word(), tone),
                image.architecture.as_str().into(),
                self.age(image).into(),
            ]
        };
        vec![Block::Table { header, rows: self.images.iter().map(row).collect() }]
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.images)
    }
}

impl ListReport {
    fn age(&self, image: &ListedImage) -> String {
        let made = OffsetDateTime::parse(&image.created_at, &Rfc3339).ok();
        let seconds = self.now.zip(made).map(|(now, made)| (now - made).whole_seconds().unsigned_abs());
        seconds.map(|seconds| human::ago(Duration::from_secs(seconds))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_from_what_the_image_shows() {
        let image = |digests: &[&str], label: Option<&str>| ObservedImage {
            digests: digests.iter().map(|digest| (*digest).to_owned()).collect(),
            labels: label.map(|label| (label.to_owned(), "x".to_owned())).into_iter().collect(),
            ..Default::default()
        };
        let digest = |name: &str| format!("{name}@sha256:{}", "0".repeat(64));
        let of = |image: &ObservedImage| origin(image, "postgres:15", None);
        assert_eq!(of(&image(&[], Some(RECIPE_LABEL))), Origin::Recipe);
        assert_eq!(of(&image(&[&digest("mirror:5000/library/postgres"), &digest("postgres")], None)), Origin::Registry);
        assert_eq!(of(&image(&[&digest("mirror:5000/library/postgres")], None)), Origin::Mirror);
        assert_eq!(of(&image(&[], Some(labels::SERVICE))), Origin::Build);
        assert_eq!(of(&image(&[], None)), Origin::Bundle);
    }
}
