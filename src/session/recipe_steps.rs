//! Where one image comes from: its sources in their order, or the steps that build a recipe and what it needs.
//! Reads what is on offer and what is on the engine; returns sources and steps.
//! Never replaces what is present by a recipe, never lets a stand-in pass for the real thing.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::image::{ImageError, RECIPE_HASH_LABEL, RECIPE_LABEL, Recipe, Reference, VERSION_LABEL};
use crate::plan::{ImageOperation, ImageSource, Observed, Operation, Phase, Plan, RecipeBuild, StepId};
use crate::session::image_catalog::Supplies;

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

    /// Whether the engine has an image of this name.
    pub fn is_present(&self, image: &str) -> bool {
        self.observed.images.contains_key(image)
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
            let operation = Operation::Image(ImageOperation::Pull {
                service: String::new(),
                image: image.to_owned(),
                platform: None,
                sources: vec![source],
            });
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
        let operation = Operation::Image(ImageOperation::BuildRecipe(self.build(recipe)?));
        let step = plan.push(Phase::Prepare, operation, cause, &after);
        self.steps.insert(name.to_owned(), step);
        Ok(Some(step))
    }

    /// What must be built for a recipe's image to be there, in this order.
    fn absent(&self, recipe: &'s Recipe, found: &mut Vec<&'s Recipe>) -> Result<()> {
        if self.is_present(&recipe.image) || found.contains(&recipe) {
            return Ok(());
        }
        for need in &recipe.needs {
            self.absent(self.supplies.recipes.get(need)?, found)?;
        }
        found.push(recipe);
        Ok(())
    }

    fn cause(&self, recipe: &Recipe, freshness: Freshness) -> Result<Option<&'static str>> {
        let Some(found) = self.observed.images.get(&recipe.image) else { return Ok(Some("the image is not present")) };
        if freshness == Freshness::Anew {
            return Ok(Some("build requested"));
        }
        let current = found.labels.get(RECIPE_HASH_LABEL) == Some(&self.supplies.recipes.hash(&recipe.name)?);
        Ok((freshness == Freshness::Current && !current).then_some("the recipe changed"))
    }

    /// What building a recipe takes.
    fn build(&self, recipe: &Recipe) -> Result<RecipeBuild> {
        let labels = BTreeMap::from([
            (RECIPE_LABEL.to_owned(), recipe.name.clone()),
            (RECIPE_HASH_LABEL.to_owned(), self.supplies.recipes.hash(&recipe.name)?),
            (VERSION_LABEL.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ]);
        let (recipe, image) = (recipe.name.clone(), recipe.image.clone());
        Ok(RecipeBuild { recipe, image, labels, no_cache: self.no_cache })
    }

    /// The sources of an image that is no recipe's, in the order they are tried. What is present is not replaced by
    /// something older or other: only its registries are asked.
    pub fn sources(&self, image: &str) -> Result<Vec<ImageSource>> {
        let mut sources = vec![ImageSource::Registry];
        let Ok(reference) = image.parse::<Reference>() else { return Ok(sources) };
        // A name with a digest cannot be given to an image that came from elsewhere.
        if reference.digest().is_some() {
            return Ok(sources);
        }
        let mirrors = self.supplies.mirrors.iter().flat_map(|mirror| reference.at_mirror(mirror));
        sources.extend(mirrors.map(|reference| ImageSource::Mirror { reference }));
        if self.observed.images.contains_key(image) {
            return Ok(sources);
        }
        if let Some((file, _)) = &self.supplies.bundle {
            let excluded = || excluded(format!("bundle {}", file.display()), "the image is not in the bundle");
            sources.push(self.supplies.in_bundle(&reference).unwrap_or_else(excluded));
        }
        if let Some(recipe) = self.supplies.recipes.replacing(image) {
            sources.push(self.replacement(recipe)?);
        }
        Ok(sources)
    }

    /// A recipe in the place of an official image. A stand-in never is: it would answer in the name of what it is not.
    fn replacement(&self, recipe: &'s Recipe) -> Result<ImageSource> {
        let source = format!("recipe {}", recipe.name);
        if recipe.stand_in {
            let reason = format!("only a stand-in, used if the compose file names {}", recipe.image);
            return Ok(excluded(source, reason));
        }
        let mut absent = Vec::new();
        self.absent(recipe, &mut absent)?;
        if let Some((reason, remedy)) = self.supplies.obstacle.as_ref().filter(|_| absent.iter().any(|r| r.is_script()))
        {
            return Ok(excluded(source, format!("{reason}: {remedy}")));
        }
        let builds = absent.into_iter().map(|recipe| self.build(recipe)).collect::<Result<_>>()?;
        Ok(ImageSource::Recipe { recipe: recipe.name.clone(), image: recipe.image.clone(), builds })
    }

    /// No registry has such a name, so what is left is said at once.
    fn nowhere(&self, image: &str) -> ImageError {
        let bundle = match &self.supplies.bundle {
            Some((file, _)) => format!("not in the bundle {}", file.display()),
            None => "no bundle was given".to_owned(),
        };
        let known: Vec<String> = self.supplies.recipes.iter().map(|recipe| recipe.image.clone()).collect();
        ImageError::NoRecipe {
            image: image.to_owned(),
            bundle,
            nearest: crate::error::nearest(image, known.iter().map(String::as_str)).map(str::to_owned),
        }
    }
}

fn excluded(source: String, reason: impl Into<String>) -> ImageSource {
    ImageSource::Excluded { source, reason: reason.into() }
}
