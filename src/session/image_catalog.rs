//! Where images come from besides their own registry: mirrors, a bundle file, recipes.
//! Reads the project file, `--bundle` and AICTL_BUNDLE; returns what is on offer and what keeps it from being used here.
//! Never asks a registry, and decides nothing about an image: that is `sources`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::model::{Build, Stack};
use crate::error::Result;
use crate::image::bundle::Bundle;
use crate::image::{Recipes, Reference, base_images};
use crate::input_file::{Files, LocalFiles};
use crate::plan::ImageSource;
use crate::project::LoadedProject;
use crate::session::Context;

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

impl Supplies {
    /// What the project and the command line offer. A bundle that was named must be one.
    pub fn of(context: &Context, project: &LoadedProject, named: Option<&Path>) -> Result<Self> {
        let file = project.project.as_ref();
        let mirrors = file.and_then(|p| p.registry.as_ref()).map(|r| r.mirrors.clone()).unwrap_or_default();
        let variable = context.variables.get("AICTL_BUNDLE").filter(|path| !path.is_empty()).map(Path::new);
        let asked = named.or(variable).map(|path| context.cwd.join(path));
        let offered = file.and_then(|p| p.bundle.as_ref()).map(|path| project.directory.join(path));
        let bundle = match (asked, offered) {
            (Some(path), _) => Some((path.clone(), names(&Bundle::open(&path, &LocalFiles)?))),
            // The project may name a bundle that is not on every machine.
            (None, Some(path)) if path.exists() => Some((path.clone(), names(&Bundle::open(&path, &LocalFiles)?))),
            _ => None,
        };
        Ok(Self { mirrors, bundle, recipes: Recipes::embedded()?, obstacle: obstacle(context) })
    }

    /// The bundle, when it holds the image.
    pub fn in_bundle(&self, reference: &Reference) -> Option<ImageSource> {
        let (file, names) = self.bundle.as_ref()?;
        names.contains(&reference.canonical()).then(|| ImageSource::Bundle { file: file.clone() })
    }

    /// Images of recipes that services run or are built on, by their own names or official ones, and what those need:
    /// what must be looked for on the engine.
    pub fn recipe_images(&self, stack: &Stack) -> Vec<String> {
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        let mut official: BTreeSet<String> = BTreeSet::new();
        for (name, service) in &stack.services {
            let images = match &service.build {
                Some(build) => bases(build),
                None => vec![service.image_or_default(&stack.name, name)],
            };
            for image in images {
                if let Some(recipe) = self.recipes.building(&image).or_else(|| self.recipes.replacing(&image)) {
                    wanted.insert(recipe.name.clone());
                    official.insert(image);
                }
            }
        }
        let names: Vec<String> = wanted.into_iter().collect();
        let order = self.recipes.order(&names).unwrap_or_default();
        order.into_iter().map(|recipe| recipe.image.clone()).chain(official).collect()
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
    let text = LocalFiles.read_text(&Path::new(&build.context).join(name)).unwrap_or_default();
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
