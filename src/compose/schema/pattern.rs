//! The patterns names and words of a compose file must fit.
//! Reads a text, says whether it fits.
//! Never explains more than what would fit.

/// A pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Letters, digits, `.`, `_`, `-`.
    Name,
    /// Lowercase letters.
    Lowercase,
    /// Anything but nothing.
    Filled,
    /// What a container name has somewhere in it.
    ContainerName,
    /// The words of `pull_policy`.
    PullPolicy,
}

impl Pattern {
    /// The pattern of a word the table of shapes uses.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "pull_policy" => Some(Self::PullPolicy),
            "container_name" => Some(Self::ContainerName),
            _ => None,
        }
    }

    /// Whether a text fits.
    pub(super) fn fits(self, text: &str) -> bool {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match self {
            Self::Name => !text.is_empty() && text.chars().all(name),
            Self::Lowercase => !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase()),
            Self::Filled => text.chars().any(|c| c != '\n'),
            Self::ContainerName => {
                let characters: Vec<char> = text.chars().collect();
                characters.windows(2).any(|pair| pair[0].is_ascii_alphanumeric() && name(pair[1]))
            }
            Self::PullPolicy => is_pull_policy(text),
        }
    }

    /// What the pattern asks for, in words.
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Name => "letters, digits, `.`, `_` and `-` only",
            Self::Lowercase => "lowercase letters only",
            Self::Filled => "a name that is not empty",
            Self::ContainerName => "at least two of letters, digits, `.`, `_` and `-`",
            Self::PullPolicy => {
                "one of always, never, build, if_not_present, missing, refresh, daily, weekly, every_DURATION"
            }
        }
    }
}

fn is_pull_policy(text: &str) -> bool {
    const WORDS: [&str; 8] = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
    let Some(mut rest) = text.strip_prefix("every_") else { return WORDS.contains(&text) };
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        match rest.as_bytes().get(digits) {
            Some(b'w' | b'd' | b'h' | b'm' | b's') if digits > 0 => rest = &rest[digits + 1..],
            _ => return false,
        }
        parts += 1;
    }
    parts > 0
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn pull_policies_are_words_or_an_age() {
        for text in ["always", "every_12h", "every_1d12h"] {
            assert!(Pattern::PullPolicy.fits(text), "{text}");
        }
        for text in ["sometimes", "every_", "every_h", "every_12", "every_1y"] {
            assert!(!Pattern::PullPolicy.fits(text), "{text}");
        }
    }
}
