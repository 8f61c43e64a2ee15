//! What can be wrong with a project file, each problem with its place, key and the nearest valid name.
//! Reads facts handed to it; the error lists every problem found, in the order of the file.
//! Never holds a value that may be secret.

use std::fmt;
use std::path::PathBuf;

use crate::error::{ErrorKind, Hint};

/// One problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file as the user would name it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The key: `environments.prod.proxy.routes[0].path`.
    pub key: String,
    /// What is wrong, as a fragment.
    pub message: String,
    /// The valid name nearest to the one written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

/// Why a project could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The project file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something else has the name of the project file.
    #[error("{} is {what}, not a file", path.display())]
    NoRegularFile {
        /// Its path.
        path: PathBuf,
        /// In words.
        what: &'static str,
    },
    /// The project file is wrong in one or more places.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
    /// The environment's target cannot be honoured, or a file that it names cannot be read.
    #[error("{0}")]
    Target(Box<Problem>),
    /// An environment was asked for that the project does not have.
    #[error("environment `{name}` is not in {file}{}", listed_names(known))]
    UnknownEnvironment {
        /// The requested options.
        name: String,
        /// The project file.
        file: String,
        /// The environments there are.
        known: Vec<String>,
    },
    /// There are several environments and none was chosen.
    #[error("{file} has several environments but no `default_environment`{}", listed_names(known))]
    NoEnvironment {
        /// The project file.
        file: String,
        /// The environments there are.
        known: Vec<String>,
    },
    /// An environment was asked for and there is no project file.
    #[error("no aictl.yaml in {} or a parent directory, so there is no environment `{name}`", directory.display())]
    NoProject {
        /// The requested options.
        name: String,
        /// Where the search began.
        directory: PathBuf,
    },
    /// A `--set` that cannot be read.
    #[error("`--set {argument}`: {reason}")]
    Set {
        /// The argument's key; its value may be secret.
        argument: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The checked file does not fit the types: a fault of this program.
    #[error("{file} passed validation but cannot be loaded: {reason}")]
    Mismatch {
        /// The project file.
        file: String,
        /// What the reader said.
        reason: String,
    },
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    match &lines[..] {
        [] => "the project file is invalid".to_owned(),
        [only] => only.clone(),
        several => format!("{} problems in the project file\n{}", several.len(), several.join("\n")),
    }
}

fn listed_names(known: &[String]) -> String {
    match known {
        [] => "; it has none".to_owned(),
        names => format!("; it has {}", names.join(", ")),
    }
}

impl Hint for ProjectError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Set { .. } => ErrorKind::Usage,
            _ => ErrorKind::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::UnknownEnvironment { name, known, .. } => {
                let near = crate::error::nearest(name, known.iter().map(String::as_str));
                near.map(|near| format!("did you mean `--env {near}`?")).into_iter().collect()
            }
            Self::NoEnvironment { known, .. } => {
                known.first().map(|first| format!("choose one with `--env {first}`")).into_iter().collect()
            }
            Self::Invalid(_) => vec!["see the schema of the file with `aictl schema`".to_owned()],
            Self::Set { .. } => vec!["write `--set api.port=8001`".to_owned()],
            _ => Vec::new(),
        }
    }
}
