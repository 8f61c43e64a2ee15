//! A file of a recipe.
//! Embedded files borrow from the binary.

use std::borrow::Cow;

/// A file of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFile {
    /// Path within the folder, with `/`.
    pub path: String,
    /// Content.
    pub bytes: Cow<'static, [u8]>,
    /// Whether it is a program.
    pub executable: bool,
}
