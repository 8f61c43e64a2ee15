//! What shows that a key or flag had its effect: there with it, and not there without it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What one run left.
#[derive(Debug, Default)]
pub struct Seen {
    /// None: it was still running at the deadline.
    pub code: Option<i32>,
    /// Standard output and error.
    pub said: String,
    /// Everything that was sent to the engine.
    pub asked: String,
    /// Files the sign speaks of that are there, with their owner.
    pub file: Option<u32>,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |text: &str| text.chars().filter(|c| *c != '\0').take(1500).collect::<String>();
        let requests = self.asked.lines().filter(|line| line.contains(" HTTP/1.1")).collect::<Vec<_>>().join("\n  ");
        write!(f, "{:?} {}\n  {}", self.code, short(&self.said), short(&requests))
    }
}

/// A difference between two runs.
#[derive(Debug, Clone, Copy)]
pub enum Sign {
    /// Only with it this is said.
    Says(&'static str),
    /// Only without it this is said.
    Hides(&'static str),
    /// Only with it this is sent to the engine.
    Asks(&'static str),
    /// Only without it this is sent to the engine.
    Spares(&'static str),
    /// Only with it the command ends with this code.
    Ends(i32),
    /// Only with it the command goes on.
    Lasts,
    /// Only with it the file is written.
    Writes(&'static str),
    /// Only without it the file is written.
    Spoils(&'static str),
    /// Only with it the file belongs to who it belonged to.
    Owner(&'static str),
    /// Something else is said.
    Differs,
}

/// Who owns the file whose owner is to be kept.
pub const OWNER: u32 = 1234;

impl Sign {
    /// The file a run may leave; whoever looks at it takes it away.
    pub fn file(self) -> Option<&'static str> {
        match self {
            Self::Writes(file) | Self::Spoils(file) | Self::Owner(file) => Some(file),
            _ => None,
        }
    }

    /// Whether the run goes on until it is stopped.
    pub fn may_last(self) -> bool {
        matches!(self, Self::Lasts | Self::Asks(_) | Self::Spares(_))
    }

    /// Whether the difference is there; `name` is put for `{}`.
    pub fn shows(self, (with, without): (&Seen, &Seen), name: &str) -> bool {
        let has = |text: &str, part: &str| text.contains(&part.replace("{}", name));
        let only = |first: bool, second: bool| first && !second;
        match self {
            Self::Says(part) => only(has(&with.said, part), has(&without.said, part)),
            Self::Hides(part) => only(has(&without.said, part), has(&with.said, part)),
            Self::Asks(part) => only(has(&with.asked, part), has(&without.asked, part)),
            Self::Spares(part) => only(has(&without.asked, part), has(&with.asked, part)),
            Self::Ends(code) => only(with.code == Some(code), without.code == Some(code)),
            Self::Lasts => only(with.code.is_none(), without.code.is_none()),
            Self::Writes(_) => only(with.file.is_some(), without.file.is_some()),
            Self::Spoils(_) => only(without.file.is_some(), with.file.is_some()),
            // Only root may give a file away.
            Self::Owner(_) => with.file.is_some_and(|owner| owner == OWNER || owner == without.file.unwrap_or(OWNER)),
            Self::Differs => with.said != without.said,
        }
    }
}

/// Who owns a file that is there; it is removed.
pub fn take_file(path: &Path) -> Option<u32> {
    let owner = std::fs::metadata(path).ok()?.uid();
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap()
    } else {
        std::fs::remove_file(path).unwrap()
    }
    Some(owner)
}
