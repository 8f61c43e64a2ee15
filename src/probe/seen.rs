//! What a look of a check has seen.
//! Data only.
//! What is wrong is an error, not this.

/// What a look that passed has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) message: String,
    pub(super) details: Vec<String>,
}

impl Seen {
    pub(super) fn new(message: impl Into<String>, detail: Option<String>) -> Self {
        Self { message: message.into(), details: detail.into_iter().collect() }
    }
}
