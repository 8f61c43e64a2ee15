//! Which images must be pulled or built before containers can be made.
//! Reads the stack's policies and what is present; returns a plan.
//! Never pulls what can only be built, never builds what is present unless asked.

use std::collections::{BTreeMap, BTreeSet};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::compose::model::{Service, Stack};
use crate::error::Result;
use crate::image::Reference;
use crate::plan::{ImageOperation, ImageSource, Observed, Operation, Phase, Plan, PullPolicy, StepId};
use crate::release::ReleaseName;
use crate::session::image_catalog::{Supplies, bases};
use crate::session::recipe_steps::RecipeSteps;
use crate::session::transfer::{Offers, TransferSteps};

/// The values of `--pull`.
pub fn pull_policy() -> impl TypedValueParser<Value = PullPolicy> {
    const POLICIES: [(&str, &str, PullPolicy); 3] = [
        ("always", "Pull even if the image is present", PullPolicy::Always),
        ("missing", "Pull only if the image is missing", PullPolicy::Missing),
        ("never", "Never pull", PullPolicy::Never),
    ];
    PossibleValuesParser::new(POLICIES.map(|(name, help, _)| PossibleValue::new(name).help(help))).map(|given| {
        let found = POLICIES.iter().find(|(name, _, _)| *name == given);
        found.map(|(_, _, policy)| *policy).unwrap_or_default()
    })
}

/// Wishes about images.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImageOptions<'s> {
    /// Build what has a build section, even when present.
    pub build: bool,
    /// Build nothing, even when it is missing; what has a name is pulled instead.
    pub no_build: bool,
    /// Pull wish, over the files' policies.
    pub pull: Option<PullPolicy>,
    /// Build without the cache.
    pub no_cache: bool,
    /// Pull base images while building.
    pub pull_base: bool,
    /// Only builds or only pulls, for the verbs of that name.
    pub only: Option<Only>,
    /// Where images come from besides their registries; nowhere when absent.
    pub supplies: Option<&'s Supplies>,
    /// Images of another engine, for those that are missing.
    pub offers: Option<&'s Offers>,
    /// The release whose images are used whatever the names lead to, and the services it has.
    pub promoted: Option<(&'s ReleaseName, &'s BTreeSet<String>)>,
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
    Pull(Why),
    Build(Why),
}

/// Why an image is pulled or built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The engine lacks it: it may come from anywhere.
    Missing,
    /// Somebody wants it pulled or built.
    Wish(&'static str),
}

impl Why {
    const fn words(self) -> &'static str {
        match self {
            Self::Missing => "the image is not present",
            Self::Wish(words) => words,
        }
    }
}

/// Plans the images of the selected services.
pub fn plan_images(
    stack: &Stack,
    selected: &BTreeSet<String>,
    observed: &Observed,
    options: &ImageOptions<'_>,
) -> Result<Plan> {
    let nothing = Supplies::default();
    let supplies = options.supplies.unwrap_or(&nothing);
    let plan = Plan { project: stack.name.clone(), ..Default::default() };
    let recipes = RecipeSteps::new(supplies, observed, options.no_cache);
    let transfers = options.offers.map(TransferSteps::new);
    let mut images = Images { plan, recipes, supplies, options, transfers, bases: BTreeMap::new() };
    let mut seen = BTreeSet::new();
    for (name, service) in stack.services.iter().filter(|(n, s)| selected.contains(*n) && s.provider.is_none()) {
        let image = service.image_or_default(&stack.name, name);
        if !seen.insert(image.clone()) {
            continue;
        }
        if let Some((release, _)) = options.promoted.filter(|(_, services)| services.contains(name)) {
            images.promote((name, &image), release, observed);
            continue;
        }
        let present = observed.images.contains_key(&image);
        match action(service, present, options) {
            Action::Nothing if present || options.only.is_some() => {}
            Action::Nothing | Action::Pull(Why::Missing) | Action::Build(Why::Missing)
                if images.transfer(name, &image) => {}
            // A bundle is no registry: `pull_policy: never` is not about it.
            Action::Nothing => images.load(name, service, image),
            Action::Pull(why) => images.pull(name, service, image, why.words().to_owned())?,
            Action::Build(why) => images.build(name, service, image, why.words().to_owned())?,
        }
    }
    images.finish()
}

/// The plan while it grows.
struct Images<'s> {
    plan: Plan,
    recipes: RecipeSteps<'s>,
    supplies: &'s Supplies,
    options: &'s ImageOptions<'s>,
    transfers: Option<TransferSteps<'s>>,
    /// Steps for what Dockerfiles start from.
    bases: BTreeMap<String, StepId>,
}

impl Images<'_> {
    /// From the other engine, if that has it.
    fn transfer(&mut self, name: &str, image: &str) -> bool {
        let Some(transfers) = &mut self.transfers else { return false };
        transfers.push(&mut self.plan, (name, image), Why::Missing.words()).is_some()
    }

    /// From the engine of the release; nothing where the same image is present.
    fn promote(&mut self, (name, image): (&str, &str), release: &ReleaseName, observed: &Observed) {
        let offer = self.options.offers.and_then(|offers| offers.offer(image));
        let present = observed.images.get(image).map(|image| &image.content);
        let differs = offer.is_some_and(|offer| present != Some(&offer.content));
        if let (Some(transfers), true) = (&mut self.transfers, differs) {
            transfers.push(&mut self.plan, (name, image), &format!("release {release} has this image"));
        }
    }

    fn finish(mut self) -> Result<Plan> {
        if let Some(transfers) = &self.transfers {
            transfers.check_room(&mut self.plan)?;
        }
        Ok(self.plan)
    }

    /// From its registry and what stands behind it; no registry is asked for a recipe's image.
    fn pull(&mut self, name: &str, service: &Service, image: String, cause: String) -> Result<()> {
        if self.options.supplies.is_some() && image.parse::<Reference>().is_ok_and(|r| r.is_ours()) {
            self.recipes.image(&mut self.plan, &image)?;
            return Ok(());
        }
        self.push_pull(name, service, image, cause).map(drop)
    }

    /// From the bundle alone, if it holds the image.
    fn load(&mut self, name: &str, service: &Service, image: String) {
        let source = image.parse::<Reference>().ok().and_then(|reference| self.supplies.in_bundle(&reference));
        let Some(source) = source else { return };
        let (service, platform, sources) = (name.to_owned(), platform(service), vec![source]);
        let pull = Operation::Image(ImageOperation::Pull { service, image, platform, sources });
        self.plan.push(Phase::Prepare, pull, "it is not present and in the bundle", &[]);
    }

    fn push_pull(&mut self, name: &str, service: &Service, image: String, cause: String) -> Result<StepId> {
        let sources = self.recipes.sources(&image)?;
        let usable = sources.iter().skip(1).filter(|source| !matches!(source, ImageSource::Excluded { .. }));
        let others: Vec<String> = usable.map(|source| source.words(&image)).collect();
        let cause = if others.is_empty() { cause } else { format!("{cause}; else from {}", others.join(", ")) };
        let service_name = name.to_owned();
        let pull = Operation::Image(ImageOperation::Pull {
            service: service_name,
            image,
            platform: platform(service),
            sources,
        });
        Ok(self.plan.push(Phase::Prepare, pull, cause, &[]))
    }

    /// What a Dockerfile starts from where a recipe can give it: the builder itself knows registries only.
    fn base(&mut self, name: &str, service: &Service, base: String) -> Result<Option<StepId>> {
        let recipes = &self.supplies.recipes;
        if recipes.building(&base).is_some() {
            return self.recipes.image(&mut self.plan, &base);
        }
        if recipes.replacing(&base).is_none() || self.recipes.is_present(&base) {
            return Ok(None);
        }
        if let Some(step) = self.bases.get(&base) {
            return Ok(Some(*step));
        }
        let cause = "it is the base of a build and not present".to_owned();
        let step = self.push_pull(name, service, base.clone(), cause)?;
        self.bases.insert(base, step);
        Ok(Some(step))
    }

    /// After the recipe images its Dockerfile starts from.
    fn build(&mut self, name: &str, service: &Service, image: String, cause: String) -> Result<()> {
        let Some(build) = service.build.clone() else { return Ok(()) };
        let mut after: Vec<StepId> = Vec::new();
        for base in bases(&build) {
            after.extend(self.base(name, service, base)?);
        }
        let operation = Operation::Image(ImageOperation::Build {
            service: name.to_owned(),
            image,
            no_cache: self.options.no_cache || build.no_cache,
            pull: self.options.pull_base || build.pull,
            build: Box::new(build),
            platform: platform(service),
        });
        self.plan.push(Phase::Prepare, operation, cause, &after);
        Ok(())
    }
}

fn platform(service: &Service) -> Option<String> {
    (!service.platform.is_empty()).then(|| service.platform.clone())
}

fn action(service: &Service, present: bool, options: &ImageOptions<'_>) -> Action {
    if options.no_build && service.build.is_some() && service.image.is_empty() {
        return Action::Nothing;
    }
    let buildable = service.build.is_some() && !options.no_build;
    let policy = match options.pull {
        Some(PullPolicy::Always) => "always",
        Some(PullPolicy::Missing) => "missing",
        Some(PullPolicy::Never) => "never",
        None => service.pull_policy.as_str(),
    };
    match options.only {
        Some(Only::Builds) if buildable => return Action::Build(Why::Wish("build requested")),
        Some(Only::Builds) => return Action::Nothing,
        Some(Only::Pulls) if buildable && service.image.is_empty() => return Action::Nothing,
        Some(Only::Pulls) if policy == "missing" && present => return Action::Nothing,
        Some(Only::Pulls) if matches!(policy, "never" | "build") => return Action::Nothing,
        Some(Only::Pulls) => return Action::Pull(Why::Wish("pull requested")),
        None => {}
    }
    if buildable && options.build {
        return Action::Build(Why::Wish("build requested"));
    }
    match policy {
        "build" if buildable => Action::Build(Why::Wish("its pull policy is build")),
        "always" if !buildable || options.pull == Some(PullPolicy::Always) && !service.image.is_empty() => {
            Action::Pull(Why::Wish("its pull policy is always"))
        }
        "never" => Action::Nothing,
        _ if present => Action::Nothing,
        _ if buildable => Action::Build(Why::Missing),
        _ => Action::Pull(Why::Missing),
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

    fn lines(stack: &Stack, present: &[&str], options: &ImageOptions<'_>) -> Vec<String> {
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
        assert_eq!(lines(&stack(), &present, &build), ["build image shop-api of api: build requested"]);
        let pull = ImageOptions { pull: Some(PullPolicy::Always), ..Default::default() };
        assert_eq!(lines(&stack(), &present, &pull), ["pull image postgres:15: its pull policy is always"]);
    }

    #[test]
    fn without_builds_a_name_is_pulled_and_what_has_none_is_left_missing() {
        let mut stack = stack();
        stack.services.get_mut("api").unwrap().image = "registry.example/api:1".into();
        let no_build = ImageOptions { no_build: true, ..Default::default() };
        let pulls = |stack: &Stack| lines(stack, &["postgres:15"], &no_build);
        assert_eq!(pulls(&stack), ["pull image registry.example/api:1: the image is not present"]);
        stack.services.get_mut("api").unwrap().image.clear();
        assert!(pulls(&stack).is_empty());
    }

    #[test]
    fn the_verbs_build_and_pull_do_one_half_each() {
        let only = |only| ImageOptions { only: Some(only), ..Default::default() };
        assert_eq!(lines(&stack(), &[], &only(Only::Builds)).len(), 1);
        assert_eq!(lines(&stack(), &[], &only(Only::Pulls)), ["pull image postgres:15: pull requested"]);
    }
}
