//! `aictl images prune`: removes images of the project and of recipes that no container uses, after saying which.
//! Reads the engine and the project's files; asks before anything goes.
//! Never removes what a container uses, nor what such an image is built on.

use std::collections::BTreeSet;

use super::listing::{is_recipe, used};
use crate::error::Result;
use crate::plan::{ImageOperation, Observed, ObservedImage, Operation, Phase, Plan, Scope, is_release_tag, labels};
use crate::session::Context;
use crate::session::engine_images::{ENGINE_WIDE, engine, project};
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;

/// Prunes.
pub(super) async fn run(context: &Context) -> Result<Done> {
    let project = project(context)?;
    let target = engine(context, project.as_ref()).await?;
    let names = project.as_ref().map(used).unwrap_or_default();
    let name = project.as_ref().map(|loaded| loaded.name.as_str());
    let found = plan(&target.need_images()?.observe_images().await?, &names, name);
    if !context.options.dry_run && !found.is_empty() {
        found.lines().into_iter().for_each(|line| context.reporter.note(line));
        context.prompt.confirm("remove these images?")?;
    }
    let planning = |_: &Observed| Ok(found.clone());
    let scope = Scope { project: ENGINE_WIDE.to_owned(), ..Default::default() };
    let outcome = Transaction::new(context, target, scope, "images prune").retiring(true).run(&planning).await?;
    Ok(Done::new(context, outcome, "nothing to remove: all images of projects and recipes are in use"))
}

/// Names go one by one, the images on top before those they are built on. The engine refuses, as a warning, what came
/// into use since.
fn plan(images: &[ObservedImage], names: &BTreeSet<String>, project: Option<&str>) -> Plan {
    let mut plan = Plan { project: ENGINE_WIDE.to_owned(), ..Default::default() };
    let mut candidates: Vec<&ObservedImage> = images.iter().filter(|image| !is_needed(image, images)).collect();
    candidates.sort_by(|a, b| b.layers.len().cmp(&a.layers.len()).then_with(|| a.references.cmp(&b.references)));
    let mut last = None;
    for image in candidates {
        let built_here = project.is_some() && image.labels.get(labels::PROJECT).map(String::as_str) == project;
        let whole = is_recipe(image) || built_here;
        let mut going: Vec<String> =
            image.references.iter().filter(|name| whole || names.contains(*name)).cloned().collect();
        // Rollbacks need them; deploys remove what they no longer keep.
        going.retain(|name| !is_release_tag(name));
        if whole && image.references.is_empty() {
            going.push(image.id.clone());
        }
        for image in going {
            let after: Vec<_> = last.into_iter().collect();
            let operation = Operation::Image(ImageOperation::Remove { image });
            last = Some(plan.push(Phase::Retire, operation, "not used by any container", &after));
        }
    }
    plan
}

/// Whether a container runs it, or runs an image whose lowest layers are all of this one.
fn is_needed(image: &ObservedImage, all: &[ObservedImage]) -> bool {
    let above = |other: &ObservedImage| !image.layers.is_empty() && other.layers.starts_with(&image.layers);
    all.iter().any(|other| other.containers > 0 && (other.id == image.id || above(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::RECIPE_LABEL;

    fn image(name: &str, layers: &[&str], containers: usize, label: Option<&str>) -> ObservedImage {
        ObservedImage {
            id: format!("sha256:{name}"),
            references: if name.is_empty() { Vec::new() } else { vec![format!("{name}:1")] },
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            containers,
            labels: label.map(|label| (label.to_owned(), "shop".to_owned())).into_iter().collect(),
            ..Default::default()
        }
    }

    #[test]
    fn only_unused_images_of_recipes_and_the_project_go_the_top_ones_first() {
        let images = [
            image("aictl/base", &["b"], 0, Some(RECIPE_LABEL)),
            image("aictl/redis", &["b", "r"], 0, Some(RECIPE_LABEL)),
            image("postgres", &["p"], 0, None),
            image("foreign", &["f"], 0, None),
            image("shop-api", &["x"], 0, Some(labels::PROJECT)),
            image("", &["o", "p"], 0, Some(labels::PROJECT)),
        ];
        let names = BTreeSet::from(["postgres:1".to_owned()]);
        let lines = |project| plan(&images, &names, project).lines();
        let gone = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("remove image {name}: not used by any container")).collect()
        };
        assert_eq!(
            lines(Some("shop")),
            gone(&["sha256:", "aictl/redis:1", "aictl/base:1", "postgres:1", "shop-api:1"])
        );
        assert_eq!(lines(None), gone(&["aictl/redis:1", "aictl/base:1", "postgres:1"]));
    }

    #[test]
    fn what_a_container_uses_stays_with_all_it_is_built_on() {
        let images = [
            image("aictl/base", &["b"], 0, Some(RECIPE_LABEL)),
            image("aictl/redis", &["b", "r"], 1, Some(RECIPE_LABEL)),
            image("aictl/jre", &["b", "j"], 0, Some(RECIPE_LABEL)),
        ];
        let lines = plan(&images, &BTreeSet::new(), None).lines();
        assert_eq!(lines, ["remove image aictl/jre:1: not used by any container"]);
    }
}
