//! Images as data: references, digests, recipes, and the bundle that carries images where no registry is.
//! Reads names, embedded recipe folders and archives; returns values, orders and documents.
//! Never talks to an engine or a registry.

mod build_failure;
pub mod bundle;
mod digest;
mod dockerfile;
mod embedded;
mod error;
mod recipe;
mod recipe_file;
mod reference;

pub use build_failure::{Trouble, trouble_in};
pub use digest::{Digest, Digester};
pub use dockerfile::base_images;
pub use error::ImageError;
pub use recipe::{Recipe, Recipes};
pub use recipe_file::RecipeFile;
pub use reference::Reference;

/// Label of a built image: the recipe's name.
pub const RECIPE_LABEL: &str = "io.aictl.recipe";
/// Label of a built image: what the recipe was, see `Recipes::hash`.
pub const RECIPE_HASH_LABEL: &str = "io.aictl.recipe.hash";
/// Label of a built image: the aictl that built it.
pub const VERSION_LABEL: &str = "io.aictl.version";

/// An engine's word for an architecture (`x86_64`) in the words of images (`amd64`).
pub fn architecture(word: &str) -> &str {
    match word {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" | "armv8l" => "arm64",
        "armv7l" | "armv6l" | "armhf" => "arm",
        "i386" | "i686" => "386",
        other => other,
    }
}

/// Whether an engine of one architecture runs images of another without emulation.
pub fn runs(engine: &str, image: &str) -> bool {
    let (engine, image) = (architecture(engine), architecture(image));
    engine == image || matches!((engine, image), ("amd64", "386") | ("arm64", "arm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_runs_its_own_architecture_and_its_smaller_sister() {
        assert!(runs("x86_64", "amd64") && runs("aarch64", "arm64") && runs("x86_64", "386"));
        assert!(!runs("x86_64", "arm64") && !runs("aarch64", "amd64") && !runs("i686", "amd64"));
    }
}
