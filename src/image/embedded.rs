//! The recipe folders of templates/images, inside the binary.
//! Reads nothing at run time; returns the files of each folder.
//! Never holds a folder without its files' meaning: what begins with `#!` is a program.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

use super::recipe_file::RecipeFile;

static FOLDERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates/images");

/// Packages a build fetches beside a recipe; no part of it.
const FETCHED: &str = "wheels/";

/// The files of each recipe by its name.
pub(super) fn folders() -> BTreeMap<String, Vec<RecipeFile>> {
    FOLDERS.dirs().map(|folder| (folder.path().display().to_string(), files(folder))).collect()
}

fn files(folder: &'static Dir<'static>) -> Vec<RecipeFile> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(next) = open.pop() {
        open.extend(next.dirs());
        for file in next.files() {
            let path = file.path().strip_prefix(folder.path()).unwrap_or(file.path()).display().to_string();
            let bytes = file.contents();
            if !path.starts_with(FETCHED) {
                // A directory macro keeps no mode bits; every program of a recipe is a script.
                found.push(RecipeFile { path, bytes: bytes.into(), executable: bytes.starts_with(b"#!") });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::image::Recipes;

    /// Path, whether it is executable, content.
    type Found = (String, bool, Vec<u8>);

    fn on_disk(folder: &Path, root: &Path, found: &mut Vec<Found>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                on_disk(&path, root, found);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if !name.contains(FETCHED) {
                let executable = path.metadata().unwrap().permissions().mode() & 0o111 != 0;
                found.push((name, executable, std::fs::read(&path).unwrap()));
            }
        }
    }

    #[test]
    fn the_binary_holds_the_recipes_as_they_lie_on_disk_modes_included() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/images");
        let mut disk = Vec::new();
        on_disk(&root, &root, &mut disk);
        disk.sort();
        let mut binary: Vec<Found> = Vec::new();
        for (name, files) in folders() {
            binary
                .extend(files.into_iter().map(|f| (format!("{name}/{}", f.path), f.executable, f.bytes.into_owned())));
        }
        binary.sort();
        let list = |found: &[Found]| found.iter().map(|(name, x, _)| format!("{name} {x}")).collect::<Vec<_>>();
        // A file that came after the last build is not seen by cargo: `touch src/image/embedded.rs`.
        assert_eq!(list(&binary), list(&disk));
        assert!(binary == disk, "the content differs");
    }

    #[test]
    fn the_embedded_recipes_fit_each_other() {
        let recipes = Recipes::embedded().unwrap();
        let base = recipes.get("base").unwrap();
        assert!(base.is_script() && base.needs.is_empty());
        assert_eq!(recipes.building("aictl/postgres:15").unwrap().name, "postgres");
        for recipe in recipes.iter() {
            let order = recipes.order(std::slice::from_ref(&recipe.name)).unwrap();
            assert_eq!(order.last().unwrap().name, recipe.name);
        }
    }
}
