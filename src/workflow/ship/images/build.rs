//! `aictl images build`: images from the recipes this binary brings, each after what it needs.
//! Reads the recipes and what is on the engine; builds what is absent or what another recipe built.
//! Never builds what is unchanged, and says which those are.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::image::{Recipe, Recipes};
use crate::plan::{Observed, Operation, Plan, Scope};
use crate::session::engine_images::{ENGINE_WIDE, engine, project};
use crate::session::image_catalog::Supplies;
use crate::session::load::{LoadedStack, load_project_file};
use crate::session::recipe_steps::{Freshness, RecipeSteps};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// Arguments of `images build`.
#[derive(Debug, Clone, Default, Args)]
pub struct BuildRecipesArgs {
    /// Recipes to build; by default those the project uses
    pub names: Vec<String>,
    /// Build all recipes
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Do not use the build cache, and build even if nothing changed
    #[arg(long)]
    pub no_cache: bool,
    /// List the recipes
    #[arg(long, conflicts_with_all = ["names", "all", "no_cache"])]
    pub list: bool,
}

/// A recipe and its result.
#[derive(Debug, Serialize)]
struct BuiltRecipe {
    recipe: String,
    image: String,
    source: String,
    stand_in: bool,
    replaces: Vec<String>,
    built: bool,
    id: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct BuildReport {
    steps: Vec<String>,
    dry_run: bool,
    changed: bool,
    recipes: Vec<BuiltRecipe>,
    #[serde(skip)]
    list: bool,
}

/// Builds.
pub(super) async fn run(context: &Context, args: BuildRecipesArgs) -> Result<BuildReport> {
    let project = project(context)?;
    let file = match &project {
        Some(loaded) => loaded.project.clone(),
        None => load_project_file(context)?,
    };
    let supplies = Supplies::of(context, &file, None)?;
    if args.list {
        let recipes = supplies.recipes.iter().map(|recipe| entry(recipe, false, None)).collect();
        return Ok(BuildReport { steps: Vec::new(), dry_run: true, changed: false, recipes, list: true });
    }
    let names = names(&supplies, project.as_ref(), &args)?;
    let wanted: Vec<Recipe> = supplies.recipes.order(&names)?.into_iter().cloned().collect();
    let target = engine(context, project.as_ref()).await?;
    let images: Vec<String> = wanted.iter().map(|recipe| recipe.image.clone()).collect();
    let scope = Scope { project: ENGINE_WIDE.to_owned(), images, ..Default::default() };
    let freshness = if args.no_cache { Freshness::Anew } else { Freshness::Current };
    let planning = |observed: &Observed| {
        let mut plan = Plan { project: ENGINE_WIDE.to_owned(), ..Default::default() };
        let mut steps = RecipeSteps::new(&supplies, observed, args.no_cache);
        for recipe in supplies.recipes.order(&names)?.iter().filter(|recipe| names.contains(&recipe.name)) {
            steps.recipe(&mut plan, &recipe.name, freshness)?;
        }
        Ok(plan)
    };
    let transaction = Transaction::new(context, target.clone(), scope.clone(), "images build").retiring(true);
    let outcome = transaction.run(&planning).await?;
    let executed = outcome.executed;
    let found = if executed { target.observe(&scope).await?.images } else { outcome.before.images };
    let built = |recipe: &Recipe| executed && builds(&outcome.plan, &recipe.image);
    let id = |recipe: &Recipe| found.get(&recipe.image).map(|image| image.id.clone());
    let recipes = wanted.iter().map(|recipe| entry(recipe, built(recipe), id(recipe))).collect();
    let steps = outcome.plan.lines();
    Ok(BuildReport { dry_run: context.options.dry_run, changed: executed, recipes, steps, list: false })
}

/// Whether a step of the plan makes the image.
fn builds(plan: &Plan, image: &str) -> bool {
    plan.steps.iter().any(|step| matches!(&step.operation, Operation::Image(made) if made.makes() == Some(image)))
}

fn entry(recipe: &Recipe, built: bool, id: Option<String>) -> BuiltRecipe {
    BuiltRecipe {
        recipe: recipe.name.clone(),
        image: recipe.image.clone(),
        source: recipe.source.clone(),
        stand_in: recipe.stand_in,
        replaces: recipe.replaces.clone(),
        built,
        id,
    }
}

/// The recipes that were asked for: by name, all, or those whose images the project uses.
fn names(supplies: &Supplies, project: Option<&LoadedStack>, args: &BuildRecipesArgs) -> Result<Vec<String>> {
    let recipes: &Recipes = &supplies.recipes;
    if args.all {
        return Ok(recipes.iter().map(|recipe| recipe.name.clone()).collect());
    }
    for name in &args.names {
        recipes.get(name)?;
    }
    if !args.names.is_empty() {
        return Ok(args.names.clone());
    }
    let stack = project.and_then(|loaded| loaded.stack.as_ref());
    let used = stack.map(|stack| supplies.recipe_images(stack)).unwrap_or_default();
    let names: Vec<String> = used.iter().filter_map(|image| Some(recipes.building(image)?.name.clone())).collect();
    if names.is_empty() {
        let message = "no recipe was named, and no project in this directory uses one".to_owned();
        let hint = Some("list the recipes with `aictl images build --list`, build all with `--all`".to_owned());
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    Ok(names)
}

impl Report for BuildReport {
    fn blocks(&self) -> Vec<Block> {
        if self.list {
            let header = ["RECIPE", "IMAGE", "REPLACES", "SOURCE"].map(str::to_owned).to_vec();
            let row = |recipe: &BuiltRecipe| {
                let name = Cell::new(recipe.recipe.as_str(), Tone::Strong);
                let replaces = recipe.replaces.join(", ");
                vec![name, recipe.image.as_str().into(), replaces.into(), recipe.source.as_str().into()]
            };
            return vec![Block::Table { header, rows: self.recipes.iter().map(row).collect() }];
        }
        if self.dry_run {
            return planned_blocks(&self.steps);
        }
        let unchanged = self.recipes.iter().filter(|recipe| !recipe.built);
        unchanged
            .map(|recipe| {
                let text = format!("up to date: {} from recipe {}", recipe.image, recipe.recipe);
                Block::Line(vec![Cell::new(text, Tone::Dim)])
            })
            .collect()
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
