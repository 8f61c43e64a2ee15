//! A problem of a project whose parts do not fit together.
//! Data only.
//! The key is kept part by part: the place is looked up in the tree by it.

/// A problem at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inconsistency {
    /// The key, part by part; the place is looked up in the tree by it.
    pub key: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// The valid name nearest to the one written.
    pub nearest: Option<String>,
}

impl Inconsistency {
    pub(super) fn new<'k>(key: impl IntoIterator<Item = &'k str>, message: impl Into<String>) -> Self {
        Self { key: key.into_iter().map(str::to_owned).collect(), message: message.into(), nearest: None }
    }
}
