//! What can be wrong with a project: each problem with file, line, column, key and the nearest valid name.
//! Reads facts handed to it; the error lists every problem found, in the order of the files.
//! Never holds a secret's value.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::{ErrorKind, Hint};

/// One problem of a project, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Diagnostic {
    /// The file, when one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// The key: `services.web.ports[0]`.
    pub key: String,
    /// What is wrong, as a fragment.
    pub message: String,
    /// The valid name nearest to the one written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// The required variable without a value, if that is the problem.
    #[serde(skip)]
    pub required: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if self.line > 0 {
                write!(f, "{}:{}:", self.line, self.column)?;
            }
            write!(f, " ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.message)?;
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}

/// Something worth saying that is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What and where.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

/// Why a project could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// No compose file was named and none was found.
    #[error(
        "no compose file in {} or a parent directory (compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml)",
        directory.display()
    )]
    NotFound {
        /// Where the search began.
        directory: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The project is wrong in one or more places.
    #[error("{}", listed(.0))]
    Invalid(Vec<Diagnostic>),
}

impl ComposeError {
    /// An error of one problem without a place.
    pub fn message(message: impl Into<String>) -> Self {
        Self::Invalid(vec![Diagnostic { message: message.into(), ..Diagnostic::default() }])
    }

    /// The problems, when the project itself is wrong.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Invalid(diagnostics) => diagnostics,
            Self::NotFound { .. } | Self::Read { .. } => &[],
        }
    }
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    match lines.len() {
        0 => "the project is invalid".to_owned(),
        1 => lines[0].clone(),
        count => format!("{count} problems in the project\n  {}", lines.join("\n  ")),
    }
}

impl Hint for ComposeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { .. } => vec![
                "create a project with `aictl init --from ai-assistant`, or name a compose file: `aictl --file PATH config`".to_owned(),
            ],
            Self::Read { .. } => Vec::new(),
            Self::Invalid(diagnostics) => {
                vec![
                    missing_variables(diagnostics)
                        .unwrap_or_else(|| "fix it, then validate the files with `aictl config --quiet`".to_owned()),
                ]
            }
        }
    }
}

/// One line that names all required variables without a value.
fn missing_variables(diagnostics: &[Diagnostic]) -> Option<String> {
    let mut names: Vec<&str> = diagnostics.iter().filter_map(|diagnostic| diagnostic.required.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let set = || format!("set {} in .env or the environment, then `aictl config --quiet`", names.join(", "));
    (!names.is_empty()).then(set)
}

/// The known name nearest to the one written, when it is near enough to be meant.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = written.to_lowercase();
    let length = written.chars().count();
    if length < 2 {
        return None;
    }
    let bound = (length / 3).max(1) + usize::from(length > 3);
    let scored = known.into_iter().map(|name| {
        let candidate = name.to_lowercase();
        // An abbreviation is nearer than any typing error.
        let abbreviated = lower.len() >= 3 && candidate.starts_with(&lower);
        (if abbreviated { 1 } else { strsim::damerau_levenshtein(&lower, &candidate) }, name)
    });
    scored.filter(|(distance, _)| *distance <= bound).min().map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, nearest};

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["image", "init", "isolation", "environment", "ports"];
        assert_eq!(nearest("imag", known).as_deref(), Some("image"));
        assert_eq!(nearest("enviroment", known).as_deref(), Some("environment"));
        assert_eq!(nearest("prots", known).as_deref(), Some("ports"));
        assert_eq!(nearest("env", known).as_deref(), Some("environment"));
        assert_eq!(nearest("zzzz", known), None);
    }

    #[test]
    fn a_problem_reads_as_place_key_message_and_suggestion() {
        let problem = Diagnostic {
            file: Some("compose.yaml".to_owned()),
            line: 3,
            column: 5,
            key: "services.web.imag".to_owned(),
            message: "unknown key".to_owned(),
            nearest: Some("image".to_owned()),
            required: None,
        };
        assert_eq!(problem.to_string(), "compose.yaml:3:5: services.web.imag: unknown key; did you mean `image`?");
    }
}
