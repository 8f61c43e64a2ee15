//! One file of a recipe's folder.
//! Data only.
//! Embedded files are borrowed from the binary.

use std::borrow::Cow;

/// One file of a recipe's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFile {
    /// Path within the folder, with `/`.
    pub path: String,
    /// Content.
    pub bytes: Cow<'static, [u8]>,
    /// Whether it is a program.
    pub executable: bool,
}
