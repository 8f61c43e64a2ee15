//! What a copy came to, as both directions count it.
//! Data only.
//! What was left out is said too.

/// What was copied.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(super) struct Copied {
    pub(super) files: u64,
    pub(super) bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) skipped: Vec<String>,
}
