//! The sources of an image tried in their order: which gave it, and why those before did not.
//! Turns the results of all sources into the outcome with its origin, or an error that names every attempt.
//! Never tries anything itself, and never hides refused credentials.

use super::error::{Attempt, TargetError};
use crate::plan::{ImageSource, Outcome};

/// The attempts for one image so far.
#[derive(Debug)]
pub struct Attempts<'a> {
    image: &'a str,
    sources: &'a [ImageSource],
    failed: Vec<Attempt>,
}

impl<'a> Attempts<'a> {
    /// None yet.
    pub fn new(image: &'a str, sources: &'a [ImageSource]) -> Self {
        Self { image, sources: if sources.is_empty() { &[ImageSource::Registry] } else { sources }, failed: Vec::new() }
    }

    /// The sources in their order: the image's registry alone where none are named.
    pub fn sources(&self) -> &'a [ImageSource] {
        self.sources
    }

    /// Books a source that did not give the image. The error comes back where no other source would help.
    pub fn fail(&mut self, source: &ImageSource, error: TargetError) -> Result<(), TargetError> {
        let registry_alone = self.sources.len() == 1 && matches!(source, ImageSource::Registry);
        if registry_alone || matches!(error, TargetError::DiskFull { .. } | TargetError::Unreachable { .. }) {
            return Err(error);
        }
        let credentials = matches!(error, TargetError::RegistryRefused { .. });
        self.failed.push(Attempt { source: source.words(self.image), reason: reason(error), credentials });
        Ok(())
    }

    /// The outcome of the source that gave it, with the source's name and one phrase for each that did not.
    pub fn found(self, source: &ImageSource, mut outcome: Outcome) -> Outcome {
        let digest = outcome.detail.take().map(|digest| format!("  {digest}")).unwrap_or_default();
        let not = |attempt: &Attempt| format!("not {}: {}", attempt.source, brief(&attempt.reason));
        let failed: Vec<String> = self.failed.iter().map(not).collect();
        let failed = if failed.is_empty() { String::new() } else { format!("  ({})", failed.join("; ")) };
        outcome.detail = Some(format!("from {}{digest}{failed}", source.words(self.image)));
        let refused = self.failed.into_iter().filter(|attempt| attempt.credentials);
        outcome.warnings.extend(refused.map(|attempt| format!("{}: {}", attempt.source, attempt.reason)));
        outcome
    }

    /// No source gave it.
    pub fn nowhere(self) -> TargetError {
        TargetError::ImageNowhere { image: self.image.to_owned(), attempts: self.failed }
    }
}

fn reason(error: TargetError) -> String {
    match error {
        TargetError::ImageMissing { reason, .. } | TargetError::RegistryRefused { reason, .. } => reason,
        TargetError::Refused { message, .. } | TargetError::Broken { message, .. } => message,
        TargetError::TimedOut { after, .. } => format!("timed out after {}s", after.as_secs()),
        other => other.to_string(),
    }
}

/// The end of an engine's chain of causes: `Get "https://r/v2/": dial tcp: lookup r: no such host` → `no such host`.
fn brief(reason: &str) -> &str {
    let first = reason.lines().next().unwrap_or_default();
    if first.contains("dial tcp") || first.starts_with("Get ") || first.contains("unknown: ") {
        return first.rsplit(": ").next().unwrap_or(first);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(reason: &str) -> TargetError {
        TargetError::ImageMissing { image: "redis:7".into(), reason: reason.into() }
    }

    #[test]
    fn one_line_says_what_gave_it_and_why_the_others_did_not() {
        let mirror = ImageSource::Mirror { reference: "mirror.local:5000/library/redis:7".into() };
        let sources = [ImageSource::Registry, mirror];
        let mut attempts = Attempts::new("redis:7", &sources);
        let refused = "Get \"https://r.example/v2/\": dial tcp: lookup r.example: no such host";
        attempts.fail(&sources[0], missing(refused)).unwrap();
        let outcome = attempts.found(&sources[1], Outcome { detail: Some("sha256:0".into()), ..Default::default() });
        assert_eq!(
            outcome.detail.as_deref(),
            Some("from mirror mirror.local:5000/library/redis:7  sha256:0  (not registry docker.io: no such host)")
        );
        assert!(outcome.warnings.is_empty());
    }

    #[test]
    fn refused_credentials_are_a_warning_on_the_way_and_the_error_at_the_end() {
        let sources = [ImageSource::Registry, ImageSource::Mirror { reference: "m/redis:7".into() }];
        let refused = || TargetError::RegistryRefused { image: "redis:7".into(), reason: "unauthorized".into() };
        let mut attempts = Attempts::new("redis:7", &sources);
        attempts.fail(&sources[0], refused()).unwrap();
        assert_eq!(attempts.found(&sources[1], Outcome::default()).warnings, ["registry docker.io: unauthorized"]);
        let mut attempts = Attempts::new("redis:7", &sources);
        attempts.fail(&sources[0], refused()).unwrap();
        attempts.fail(&sources[1], missing("manifest unknown")).unwrap();
        let error = attempts.nowhere();
        assert_eq!(crate::error::Hint::kind(&error), crate::error::ErrorKind::Credentials);
        assert!(error.to_string().ends_with("\nregistry docker.io: unauthorized\nmirror m/redis:7: manifest unknown"));
    }

    #[test]
    fn a_registry_alone_keeps_its_own_error_and_a_full_disk_ends_the_search() {
        let mut alone = Attempts::new("redis:7", &[]);
        assert_eq!(alone.fail(&ImageSource::Registry, missing("a")), Err(missing("a")));
        let sources = [ImageSource::Registry, ImageSource::Mirror { reference: "m/redis:7".into() }];
        let full = TargetError::DiskFull { operation: "pulling".into(), reason: "full".into() };
        assert_eq!(Attempts::new("redis:7", &sources).fail(&sources[0], full.clone()), Err(full));
    }
}
