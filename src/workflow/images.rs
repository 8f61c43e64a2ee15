//! Which images must be pulled or built before containers can be made.
//! Reads the stack's policies and what is present; returns a plan.
//! Never pulls what can only be built, never builds what is present unless asked.

use std::collections::BTreeSet;

use clap::ValueEnum;

use crate::compose::model::{Service, Stack};
use crate::plan::{Observed, Operation, Phase, Plan, PlanError};

/// `--pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PullWhen {
    /// Even when present.
    Always,
    /// When not present.
    Missing,
    /// Never.
    Never,
}

/// Wishes about images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageOptions {
    /// Build what has a build section, even when present.
    pub build: bool,
    /// Pull wish, over the files' policies.
    pub pull: Option<PullWhen>,
    /// Build without the cache.
    pub no_cache: bool,
    /// Pull base images while building.
    pub pull_base: bool,
    /// Only builds or only pulls, for the verbs of that name.
    pub only: Option<Only>,
}

/// One half of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// `aictl build`.
    Builds,
    /// `aictl pull`.
    Pulls,
}

/// What is done about one image.
enum Action {
    Nothing,
    Pull(String),
    Build(String),
}

/// Plans the images of the selected services.
pub fn plan_images(
    stack: &Stack,
    selected: &BTreeSet<String>,
    observed: &Observed,
    options: &ImageOptions,
) -> Result<Plan, PlanError> {
    let mut plan = Plan { project: stack.name.clone(), ..Default::default() };
    let mut seen = BTreeSet::new();
    for (name, service) in stack.services.iter().filter(|(n, s)| selected.contains(*n) && s.provider.is_none()) {
        let image = service.image_or_default(&stack.name, name);
        if !seen.insert(image.clone()) {
            continue;
        }
        let present = observed.images.contains_key(&image);
        let platform = (!service.platform.is_empty()).then(|| service.platform.clone());
        match action(service, present, options) {
            Action::Nothing => {}
            Action::Pull(cause) => {
                let pull = Operation::PullImage { service: name.clone(), image, platform };
                plan.push(Phase::Prepare, pull, cause, &[]);
            }
            Action::Build(cause) => {
                let Some(build) = service.build.clone() else { continue };
                let operation = Operation::BuildImage {
                    service: name.clone(),
                    image,
                    no_cache: options.no_cache || build.no_cache,
                    pull: options.pull_base || build.pull,
                    build: Box::new(build),
                    platform,
                };
                plan.push(Phase::Prepare, operation, cause, &[]);
            }
        }
    }
    Ok(plan)
}

fn action(service: &Service, present: bool, options: &ImageOptions) -> Action {
    let buildable = service.build.is_some();
    let policy = match options.pull {
        Some(PullWhen::Always) => "always",
        Some(PullWhen::Missing) => "missing",
        Some(PullWhen::Never) => "never",
        None => service.pull_policy.as_str(),
    };
    match options.only {
        Some(Only::Builds) if buildable => return Action::Build("a build was asked for".into()),
        Some(Only::Builds) => return Action::Nothing,
        Some(Only::Pulls) if buildable && service.image.is_empty() => return Action::Nothing,
        Some(Only::Pulls) if policy == "missing" && present => return Action::Nothing,
        Some(Only::Pulls) if matches!(policy, "never" | "build") => return Action::Nothing,
        Some(Only::Pulls) => return Action::Pull("a pull was asked for".into()),
        None => {}
    }
    if buildable && options.build {
        return Action::Build("a build was asked for".into());
    }
    match policy {
        "build" if buildable => Action::Build("its pull policy is build".into()),
        "always" if !buildable || options.pull == Some(PullWhen::Always) && !service.image.is_empty() => {
            Action::Pull("its pull policy is always".into())
        }
        "never" => Action::Nothing,
        _ if present => Action::Nothing,
        _ if buildable => Action::Build("the image is not present".into()),
        _ => Action::Pull("the image is not present".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Build;

    fn stack() -> Stack {
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        stack.services.insert("db".into(), Service { image: "postgres:15".into(), ..Default::default() });
        let build = Some(Build { context: "/src".into(), ..Default::default() });
        stack.services.insert("api".into(), Service { build, ..Default::default() });
        stack
    }

    fn lines(stack: &Stack, present: &[&str], options: &ImageOptions) -> Vec<String> {
        let mut observed = Observed::default();
        for image in present {
            observed.images.insert((*image).to_owned(), Default::default());
        }
        plan_images(stack, &stack.services.keys().cloned().collect(), &observed, options).unwrap().lines()
    }

    #[test]
    fn missing_images_are_built_where_they_can_be_and_pulled_otherwise() {
        let lines = lines(&stack(), &[], &ImageOptions::default());
        assert_eq!(
            lines,
            [
                "build image shop-api of api: the image is not present",
                "pull image postgres:15: the image is not present"
            ]
        );
    }

    #[test]
    fn present_images_are_left_alone_unless_asked() {
        let present = ["shop-api", "postgres:15"];
        assert!(lines(&stack(), &present, &ImageOptions::default()).is_empty());
        let build = ImageOptions { build: true, ..Default::default() };
        assert_eq!(lines(&stack(), &present, &build), ["build image shop-api of api: a build was asked for"]);
        let pull = ImageOptions { pull: Some(PullWhen::Always), ..Default::default() };
        assert_eq!(lines(&stack(), &present, &pull), ["pull image postgres:15: its pull policy is always"]);
    }

    #[test]
    fn the_verbs_build_and_pull_do_one_half_each() {
        let only = |only| ImageOptions { only: Some(only), ..Default::default() };
        assert_eq!(lines(&stack(), &[], &only(Only::Builds)).len(), 1);
        assert_eq!(lines(&stack(), &[], &only(Only::Pulls)), ["pull image postgres:15: a pull was asked for"]);
    }
}
