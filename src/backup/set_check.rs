//! What verifications and drills find, as tags of snapshots. Reads and returns tags; never a file.

/// The beginning of the tag that says what was found.
const STATE_TAG: &str = "aictl-state=";
/// The beginning of the tag that says when, in milliseconds since 1970.
const AT_TAG: &str = "aictl-at-ms=";
/// The beginning of the tag that says how long a restore took, in milliseconds.
const TOOK_TAG: &str = "aictl-took-ms=";

/// The words for what was found.
const DAMAGED: &str = "damaged";
const VERIFIED: &str = "verified";
const PROVEN: &str = "proven";

/// What a verification or a drill found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It does not hold what was stored, or could not be restored.
    Damaged,
    /// It was read back and decoded.
    Verified,
    /// It was restored, within so many milliseconds.
    Proven { took_ms: u64 },
}

/// A finding with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCheck {
    /// What was found.
    pub finding: Finding,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl SetCheck {
    pub(super) fn tags(self) -> Vec<String> {
        let (word, took) = match self.finding {
            Finding::Damaged => (DAMAGED, None),
            Finding::Verified => (VERIFIED, None),
            Finding::Proven { took_ms } => (PROVEN, Some(took_ms)),
        };
        let fixed = [format!("{STATE_TAG}{word}"), format!("{AT_TAG}{}", self.at_ms)];
        fixed.into_iter().chain(took.map(|took| format!("{TOOK_TAG}{took}"))).collect()
    }

    /// The mark that a snapshot with these tags is; none for one with data, or of a newer version.
    pub(super) fn of(tags: &[String]) -> Option<Self> {
        let tag = |prefix: &str| tags.iter().find_map(|tag| tag.strip_prefix(prefix));
        let word = tag(STATE_TAG)?;
        let at_ms = tag(AT_TAG)?.parse().ok()?;
        let finding = if word == DAMAGED {
            Finding::Damaged
        } else if word == VERIFIED {
            Finding::Verified
        } else if word == PROVEN {
            Finding::Proven { took_ms: tag(TOOK_TAG)?.parse().ok()? }
        } else {
            return None;
        };
        Some(Self { finding, at_ms })
    }
}

/// Whether a snapshot with these tags holds a mark, known or not, and no data.
pub(super) fn is_set_check(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag.starts_with(STATE_TAG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_as_it_was_written() {
        for finding in [Finding::Damaged, Finding::Verified, Finding::Proven { took_ms: 7 }] {
            let mark = SetCheck { finding, at_ms: 3 };
            assert_eq!((SetCheck::of(&mark.tags()), is_set_check(&mark.tags())), (Some(mark), true));
        }
        assert_eq!(SetCheck::of(&["aictl-state=later".to_owned()]), None);
    }
}
