//! Names of releases: an environment and a number.

use std::str::FromStr;

/// A release of an environment: `staging@12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseName {
    /// The environment of aictl.yaml.
    pub environment: String,
    /// The revision in its history.
    pub revision: u32,
}

impl FromStr for ReleaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('@').filter(|(environment, _)| !environment.is_empty());
        let (environment, revision) = parts.ok_or("expected ENV@NUMBER, such as staging@12")?;
        let revision = revision.parse().map_err(|_| "expected a number from `aictl history` after @".to_owned())?;
        Ok(Self { environment: environment.to_owned(), revision })
    }
}

impl std::fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.environment, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_environment_and_number() {
        let name: ReleaseName = "staging@12".parse().unwrap();
        assert_eq!((name.environment.as_str(), name.revision), ("staging", 12));
        assert_eq!(name.to_string(), "staging@12");
        for wrong in ["staging", "@12", "staging@", "staging@last", "staging@-1"] {
            assert!(wrong.parse::<ReleaseName>().is_err(), "{wrong}");
        }
    }
}
