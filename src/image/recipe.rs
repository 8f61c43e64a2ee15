//! Recipes: folders that build an image from a distribution's packages, with what they need first.
//! Reads the files of each folder; returns recipes, their order, and a hash that says when one changed.
//! Never builds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::recipe_file::RecipeFile;
use super::{Digester, ImageError, Reference};
use crate::compose;
use crate::error::nearest;

/// What a recipe says of itself.
const ABOUT: &str = "recipe.yaml";
/// The program of a recipe that is no Dockerfile.
const SCRIPT: &str = "build";

/// A folder that builds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Name of the folder.
    pub name: String,
    /// What the image is called: `aictl/postgres:15`.
    pub image: String,
    /// Official images it stands for.
    pub replaces: Vec<String>,
    /// Recipes whose images it is built on.
    pub needs: Vec<String>,
    /// Where its programs come from.
    pub source: String,
    /// Whether it only answers like the real thing.
    pub stand_in: bool,
    /// The files.
    pub files: Vec<RecipeFile>,
}

/// `recipe.yaml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct About {
    image: String,
    #[serde(default)]
    replaces: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    stand_in: bool,
}

impl Recipe {
    /// A recipe from the files of its folder.
    pub fn from_files(name: &str, files: Vec<RecipeFile>) -> Result<Self, ImageError> {
        let bad = |reason: String| ImageError::BadRecipe { recipe: name.to_owned(), reason };
        let about = files.iter().find(|file| file.path == ABOUT).ok_or_else(|| bad(format!("it has no {ABOUT}")))?;
        let text = std::str::from_utf8(&about.bytes).map_err(|e| bad(format!("{ABOUT}: {e}")))?;
        let about = compose::plain_value(text).map_err(|e| bad(format!("{ABOUT}: {e}")))?;
        let about: About = serde_json::from_value(about).map_err(|e| bad(format!("{ABOUT}: {e}")))?;
        let image: Reference = about.image.parse()?;
        if image.tag().is_none() || !image.is_ours() {
            return Err(bad(format!("its image `{}` is not of the form aictl/NAME:TAG", about.image)));
        }
        if image.path().ends_with("-standin") != about.stand_in {
            return Err(bad("a stand-in, and nothing else, has a name that ends in -standin".to_owned()));
        }
        let recipe = Self {
            name: name.to_owned(),
            image: image.familiar(),
            replaces: about.replaces,
            needs: about.needs,
            source: about.source,
            stand_in: about.stand_in,
            files,
        };
        let dockerfile = recipe.files.iter().any(|file| file.path == "Dockerfile");
        if dockerfile == recipe.is_script() {
            return Err(bad(format!("it needs either a Dockerfile or an executable `{SCRIPT}`")));
        }
        Ok(recipe)
    }

    /// Whether it is built by its own program on this machine, not by the engine from a Dockerfile.
    pub fn is_script(&self) -> bool {
        self.files.iter().any(|file| file.path == SCRIPT && file.executable)
    }
}

/// All recipes.
#[derive(Debug, Clone, Default)]
pub struct Recipes(BTreeMap<String, Recipe>);

impl Recipes {
    /// The recipes this binary brings.
    pub fn embedded() -> Result<Self, ImageError> {
        let recipes = super::embedded::folders().into_iter().map(|(name, files)| Recipe::from_files(&name, files));
        Self::new(recipes.collect::<Result<Vec<_>, _>>()?)
    }

    /// Recipes that are checked against each other: every need is there, and none needs itself.
    pub fn new(recipes: Vec<Recipe>) -> Result<Self, ImageError> {
        let all = Self(recipes.into_iter().map(|recipe| (recipe.name.clone(), recipe)).collect());
        for recipe in all.iter() {
            if let Some(need) = recipe.needs.iter().find(|need| !all.0.contains_key(*need)) {
                return Err(ImageError::UnknownNeed { recipe: recipe.name.clone(), need: need.clone() });
            }
        }
        let names: Vec<String> = all.0.keys().cloned().collect();
        all.order(&names)?;
        Ok(all)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &Recipe> {
        self.0.values()
    }

    /// One by name.
    pub fn get(&self, name: &str) -> Result<&Recipe, ImageError> {
        self.0.get(name).ok_or_else(|| ImageError::UnknownRecipe {
            name: name.to_owned(),
            nearest: nearest(name, self.0.keys().map(String::as_str)).map(str::to_owned),
            known: self.0.keys().cloned().collect(),
        })
    }

    /// The recipe that builds an image, by whatever spelling of its name.
    pub fn building(&self, image: &str) -> Option<&Recipe> {
        let wanted = image.parse::<Reference>().ok()?.canonical();
        self.iter().find(|recipe| recipe.image.parse::<Reference>().is_ok_and(|own| own.canonical() == wanted))
    }

    /// The recipe that stands for an official image.
    pub fn replacing(&self, image: &str) -> Option<&Recipe> {
        let wanted = image.parse::<Reference>().ok()?.canonical();
        let same = |other: &String| other.parse::<Reference>().is_ok_and(|other| other.canonical() == wanted);
        self.iter().find(|recipe| recipe.replaces.iter().any(same))
    }

    /// The named recipes and what they need, each after what it needs; in the order of their names where that is open.
    pub fn order(&self, names: &[String]) -> Result<Vec<&Recipe>, ImageError> {
        let mut walk = RecipeOrder { recipes: self, done: BTreeSet::new(), open: Vec::new(), ordered: Vec::new() };
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        for name in names {
            walk.visit(name)?;
        }
        Ok(walk.ordered)
    }

    /// What a recipe and everything it is built on is: 64 hexadecimal digits. Words about it do not count.
    pub fn hash(&self, name: &str) -> Result<String, ImageError> {
        let recipe = self.get(name)?;
        let mut digester = Digester::default();
        let mut part = |bytes: &[u8]| {
            digester.take(&(bytes.len() as u64).to_le_bytes());
            digester.take(bytes);
        };
        part(recipe.image.as_bytes());
        let mut files: Vec<&RecipeFile> =
            recipe.files.iter().filter(|f| f.path != ABOUT && f.path != "README.md").collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        for file in files {
            part(file.path.as_bytes());
            part(if file.executable { b"x" } else { b"-" });
            part(&file.bytes);
        }
        for need in &recipe.needs {
            part(self.hash(need)?.as_bytes());
        }
        Ok(digester.finish().hex().to_owned())
    }
}

/// A walk from recipes to what they need.
struct RecipeOrder<'r> {
    recipes: &'r Recipes,
    done: BTreeSet<&'r str>,
    open: Vec<&'r str>,
    ordered: Vec<&'r Recipe>,
}

impl<'r> RecipeOrder<'r> {
    fn visit(&mut self, name: &str) -> Result<(), ImageError> {
        let recipe = self.recipes.get(name)?;
        if self.done.contains(recipe.name.as_str()) {
            return Ok(());
        }
        if let Some(begin) = self.open.iter().position(|open| *open == recipe.name) {
            let mut path: Vec<String> = self.open[begin..].iter().map(|name| (*name).to_owned()).collect();
            path.push(recipe.name.clone());
            return Err(ImageError::Cycle { path });
        }
        self.open.push(&recipe.name);
        for need in &recipe.needs {
            self.visit(need)?;
        }
        self.open.pop();
        self.done.insert(&recipe.name);
        self.ordered.push(recipe);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> RecipeFile {
        RecipeFile { path: path.to_owned(), bytes: text.as_bytes().to_vec().into(), executable: text.starts_with("#!") }
    }

    fn recipe(name: &str, needs: &[&str]) -> Recipe {
        let about = format!("image: aictl/{name}:1\nreplaces: [{name}:1]\nneeds: [{}]\n", needs.join(", "));
        Recipe::from_files(name, vec![file("recipe.yaml", &about), file("Dockerfile", "FROM x")]).unwrap()
    }

    fn names(recipes: &[&Recipe]) -> Vec<String> {
        recipes.iter().map(|recipe| recipe.name.clone()).collect()
    }

    #[test]
    fn what_is_needed_comes_first_and_once() {
        let all = Recipes::new(vec![
            recipe("app", &["jre", "tools"]),
            recipe("base", &[]),
            recipe("jre", &["base"]),
            recipe("tools", &["base"]),
            recipe("other", &[]),
        ])
        .unwrap();
        assert_eq!(names(&all.order(&["app".into()]).unwrap()), ["base", "jre", "tools", "app"]);
        assert_eq!(names(&all.order(&["tools".into(), "base".into()]).unwrap()), ["base", "tools"]);
    }

    #[test]
    fn circles_and_unknown_names_are_refused() {
        let circle = Recipes::new(vec![recipe("a", &["b"]), recipe("b", &["c"]), recipe("c", &["b"])]).unwrap_err();
        assert_eq!(circle.to_string(), "recipe dependency cycle: b -> c -> b");
        let missing = Recipes::new(vec![recipe("a", &["z"])]).unwrap_err();
        assert_eq!(missing.to_string(), "recipe `a` requires unknown recipe `z`");
        let all = Recipes::new(vec![recipe("postgres", &[])]).unwrap();
        let unknown = all.get("postgers").unwrap_err();
        assert_eq!(unknown.to_string(), "unknown recipe `postgers` (did you mean `postgres`?)");
    }

    #[test]
    fn a_recipe_is_found_by_its_image_and_by_what_it_replaces() {
        let all = Recipes::new(vec![recipe("redis", &[])]).unwrap();
        assert!(all.building("docker.io/aictl/redis:1").is_some() && all.building("aictl/redis:2").is_none());
        assert!(all.replacing("docker.io/library/redis:1").is_some() && all.replacing("redis:7").is_none());
    }

    #[test]
    fn the_hash_follows_files_modes_and_needs_but_not_words() {
        let with = |base: &str, text: &str, readme: &str| {
            let files = vec![file("recipe.yaml", "image: aictl/a:1\nneeds: [base]\n"), file("Dockerfile", text)];
            let mut own = Recipe::from_files("a", files).unwrap();
            own.files.push(file("README.md", readme));
            let mut parent = recipe("base", &[]);
            parent.files[1].bytes = base.as_bytes().to_vec().into();
            Recipes::new(vec![own, parent]).unwrap().hash("a").unwrap()
        };
        let before = with("FROM x", "FROM base", "a");
        assert_eq!((before.len(), &before), (64, &with("FROM x", "FROM base", "b")));
        assert_ne!(before, with("FROM y", "FROM base", "a"));
        assert_ne!(before, with("FROM x", "#!FROM base", "a"));
    }

    #[test]
    fn a_folder_that_is_no_recipe_says_why() {
        let of = |files| Recipe::from_files("x", files).unwrap_err().to_string();
        let about = |text: &str| vec![file("recipe.yaml", text), file("Dockerfile", "FROM x")];
        assert_eq!(of(vec![]), "recipe `x`: it has no recipe.yaml");
        assert!(
            of(about("image: aictl/x:1\nimages: 2\n")).contains("unknown field"),
            "{}",
            of(about("image: a\nb: 1"))
        );
        assert!(of(about("image: x:1\n")).ends_with("not of the form aictl/NAME:TAG"));
        assert!(of(about("image: aictl/x:1\nstand_in: true\n")).ends_with("ends in -standin"));
        assert!(of(about("image: aictl/x-standin:1\n")).ends_with("ends in -standin"));
        assert!(of(vec![file("recipe.yaml", "image: aictl/x:1\n")]).ends_with("an executable `build`"));
    }
}
