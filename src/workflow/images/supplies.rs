//! Where images come from besides their own registry: mirrors, a bundle file, recipes.
//! Reads the project file, `--bundle` and AICTL_BUNDLE; returns each image's sources in their order, and recipe steps.
//! Never asks a registry, and asks none at all for the names of recipes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::model::{Build, Stack};
use crate::error::Result;
use crate::image::bundle::Bundle;
use crate::image::{
    ImageError, RECIPE_HASH_LABEL, RECIPE_LABEL, Recipe, Recipes, Reference, VERSION_LABEL, base_images,
};
use crate::plan::{ImageSource, Observed, Operation, Phase, Plan, StepId};
use crate::project::LoadedProject;
use crate::workflow::Context;

/// Programs the recipe of the base image is built by; one is enough.
const BOOTSTRAPS: [&str; 2] = ["mmdebstrap", "debootstrap"];

/// Everything an image can come from.
#[derive(Debug, Clone, Default)]
pub struct Supplies {
    /// Mirrors of aictl.yaml, in their order.
    pub mirrors: Vec<String>,
    /// The bundle file and the canonical names of the images in it.
    pub bundle: Option<(PathBuf, BTreeSet<String>)>,
    /// The recipes of this binary.
    pub recipes: Recipes,
    /// Why a recipe that is a program cannot run here, if it cannot.
    pub obstacle: Option<(String, String)>,
}

/// Why a recipe is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Only what is not there.
    Present,
    /// Also what another version of the recipe built.
    Current,
    /// Whatever is there.
    Anew,
}

impl Supplies {
    /// What the project and the command line offer. A bundle that was named must be one.
    pub fn of(context: &Context, project: &LoadedProject, named: Option<&Path>) -> Result<Self> {
        let file = project.project.as_ref();
        let mirrors = file.and_then(|p| p.registry.as_ref()).map(|r| r.mirrors.clone()).unwrap_or_default();
        let variable = context.variables.get("AICTL_BUNDLE").filter(|path| !path.is_empty()).map(Path::new);
        let asked = named.or(variable).map(|path| context.cwd.join(path));
        let offered = file.and_then(|p| p.bundle.as_ref()).map(|path| project.directory.join(path));
        let bundle = match (asked, offered) {
            (Some(path), _) => Some((path.clone(), names(&Bundle::open(&path)?))),
            // The project may name a bundle that is not on every machine.
            (None, Some(path)) if path.exists() => Some((path.clone(), names(&Bundle::open(&path)?))),
            _ => None,
        };
        Ok(Self { mirrors, bundle, recipes: Recipes::embedded()?, obstacle: obstacle(context) })
    }

    /// The sources of an image that is no recipe's, in the order they are tried.
    pub fn sources(&self, image: &str) -> Vec<ImageSource> {
        let mut sources = vec![ImageSource::Registry];
        let Ok(reference) = image.parse::<Reference>() else { return sources };
        // A name with a digest cannot be given to an image that came from elsewhere.
        if reference.digest().is_some() {
            return sources;
        }
        let mirrors = self.mirrors.iter().flat_map(|mirror| reference.at_mirror(mirror));
        sources.extend(mirrors.map(|reference| ImageSource::Mirror { reference }));
        sources.extend(self.in_bundle(&reference));
        sources
    }

    /// The bundle, when it holds the image.
    fn in_bundle(&self, reference: &Reference) -> Option<ImageSource> {
        let (file, names) = self.bundle.as_ref()?;
        names.contains(&reference.canonical()).then(|| ImageSource::Bundle { file: file.clone() })
    }

    /// Recipe images that services run or are built on, and what those need: what must be looked for on the engine.
    pub fn recipe_images(&self, stack: &Stack) -> Vec<String> {
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for (name, service) in &stack.services {
            let images = match &service.build {
                Some(build) => bases(build),
                None => vec![service.image_or_default(&stack.name, name)],
            };
            let recipes = images.iter().filter_map(|image| self.recipes.building(image));
            wanted.extend(recipes.map(|recipe| recipe.name.clone()));
        }
        let names: Vec<String> = wanted.into_iter().collect();
        let order = self.recipes.order(&names).unwrap_or_default();
        order.into_iter().map(|recipe| recipe.image.clone()).collect()
    }
}

fn names(bundle: &Bundle) -> BTreeSet<String> {
    let references = bundle.contents().images.iter().filter_map(|image| image.reference.parse::<Reference>().ok());
    references.map(|reference| reference.canonical()).collect()
}

/// What a build starts from; nothing when its Dockerfile cannot be read here.
pub fn bases(build: &Build) -> Vec<String> {
    let arguments: BTreeMap<String, String> =
        build.args.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
    if !build.dockerfile_inline.is_empty() {
        return base_images(&build.dockerfile_inline, &arguments);
    }
    let name = if build.dockerfile.is_empty() { "Dockerfile" } else { &build.dockerfile };
    let text = std::fs::read_to_string(Path::new(&build.context).join(name)).unwrap_or_default();
    base_images(&text, &arguments)
}

/// What keeps a recipe's own program from running on this machine, with the remedy.
fn obstacle(context: &Context) -> Option<(String, String)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if user.is_some_and(|user| user != "0") {
        return Some(("it makes a root file system, which only root can".into(), "`sudo aictl images build`".into()));
    }
    let path = context.variables.get("PATH").cloned().unwrap_or_default();
    let found = |program: &str| path.split(':').any(|folder| Path::new(folder).join(program).is_file());
    if !BOOTSTRAPS.iter().any(|program| found(program)) {
        return Some((
            "neither mmdebstrap nor debootstrap is installed".into(),
            "`apt-get install mmdebstrap` (or `dnf install debootstrap`)".into(),
        ));
    }
    if !found("docker") {
        return Some(("the docker command is not installed".into(), "`apt-get install docker.io`".into()));
    }
    None
}

/// Recipe steps of one plan, each recipe once.
pub struct RecipeSteps<'s> {
    supplies: &'s Supplies,
    observed: &'s Observed,
    steps: BTreeMap<String, StepId>,
    no_cache: bool,
}

impl<'s> RecipeSteps<'s> {
    /// None yet.
    pub fn new(supplies: &'s Supplies, observed: &'s Observed, no_cache: bool) -> Self {
        Self { supplies, observed, steps: BTreeMap::new(), no_cache }
    }

    /// The step that makes an image of a recipe present, taken from the bundle or built; none when it is present.
    pub fn image(&mut self, plan: &mut Plan, image: &str) -> Result<Option<StepId>> {
        if self.observed.images.contains_key(image) {
            return Ok(None);
        }
        let reference: Reference = image.parse()?;
        if let Some(source) = self.supplies.in_bundle(&reference) {
            let key = reference.canonical();
            if let Some(step) = self.steps.get(&key) {
                return Ok(Some(*step));
            }
            let operation = Operation::PullImage {
                service: String::new(),
                image: image.to_owned(),
                platform: None,
                sources: vec![source],
            };
            let step = plan.push(Phase::Prepare, operation, "the image is not present", &[]);
            self.steps.insert(key, step);
            return Ok(Some(step));
        }
        let Some(recipe) = self.supplies.recipes.building(image) else { return Err(self.nowhere(image).into()) };
        let name = recipe.name.clone();
        self.recipe(plan, &name, Freshness::Present)
    }

    /// The step that builds a recipe, after those of what it needs; none when nothing has to be done.
    pub fn recipe(&mut self, plan: &mut Plan, name: &str, freshness: Freshness) -> Result<Option<StepId>> {
        if let Some(step) = self.steps.get(name) {
            return Ok(Some(*step));
        }
        let supplies = self.supplies;
        let recipe = supplies.recipes.get(name)?;
        let Some(cause) = self.cause(recipe, freshness)? else { return Ok(None) };
        // What is needed is never built anew because its dependant is.
        let below = if freshness == Freshness::Present { Freshness::Present } else { Freshness::Current };
        let mut after = Vec::new();
        for need in &recipe.needs {
            after.extend(self.recipe(plan, need, below)?);
        }
        if let Some((reason, remedy)) = supplies.obstacle.as_ref().filter(|_| recipe.is_script()) {
            let (recipe, reason, remedy) = (name.to_owned(), reason.clone(), remedy.clone());
            return Err(ImageError::CannotBuild { recipe, reason, remedy }.into());
        }
        let operation = Operation::BuildRecipe {
            recipe: name.to_owned(),
            image: recipe.image.clone(),
            labels: self.labels(recipe)?,
            no_cache: self.no_cache,
        };
        let step = plan.push(Phase::Prepare, operation, cause, &after);
        self.steps.insert(name.to_owned(), step);
        Ok(Some(step))
    }

    fn cause(&self, recipe: &Recipe, freshness: Freshness) -> Result<Option<&'static str>> {
        let Some(found) = self.observed.images.get(&recipe.image) else { return Ok(Some("the image is not present")) };
        if freshness == Freshness::Anew {
            return Ok(Some("a build was asked for"));
        }
        let current = found.labels.get(RECIPE_HASH_LABEL) == Some(&self.supplies.recipes.hash(&recipe.name)?);
        Ok((freshness == Freshness::Current && !current).then_some("the image is not what the recipe gives now"))
    }

    fn labels(&self, recipe: &Recipe) -> Result<BTreeMap<String, String>> {
        Ok(BTreeMap::from([
            (RECIPE_LABEL.to_owned(), recipe.name.clone()),
            (RECIPE_HASH_LABEL.to_owned(), self.supplies.recipes.hash(&recipe.name)?),
            (VERSION_LABEL.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]))
    }

    /// No registry has such a name, so what is left is said at once.
    fn nowhere(&self, image: &str) -> ImageError {
        let bundle = match &self.supplies.bundle {
            Some((file, _)) => format!("the bundle {} does not hold it", file.display()),
            None => "no bundle file is given".to_owned(),
        };
        let known: Vec<String> = self.supplies.recipes.iter().map(|recipe| recipe.image.clone()).collect();
        ImageError::NoRecipe {
            image: image.to_owned(),
            bundle,
            nearest: crate::error::nearest(image, known.iter().map(String::as_str)).map(str::to_owned),
        }
    }
}
