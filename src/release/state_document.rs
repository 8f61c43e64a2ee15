//! What is kept in a project's state beside its records, and replaced as a whole.

/// A document of a project's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateDocument {
    /// What is known of the backups.
    Backups,
    /// The verdict of the newest rehearsal.
    Rehearsal,
}

impl StateDocument {
    /// Its file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Backups => "backups.json",
            Self::Rehearsal => "rehearsal.json",
        }
    }

    /// What it is about, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Backups => "the state of the backups",
            Self::Rehearsal => "the verdict of a rehearsal",
        }
    }
}
