//! What can be wrong with a chart, its values or its templates.

use crate::error::{ErrorKind, Hint};

/// A chart that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    #[error("{file}: {message}")]
    File { file: String, message: String },
    #[error("{file}:{line}: {message}")]
    Yaml { file: String, line: usize, message: String },
    #[error("{file}: not a chart archive: {message}")]
    Archive { file: String, message: String },
    #[error("invalid values: {option}: {message}")]
    Set { option: String, message: String },
    #[error("chart {chart}: listed in Chart.yaml but missing in charts/: {missing}")]
    MissingDependencies { chart: String, missing: String },
    #[error("chart {chart} is a library chart, which cannot be installed")]
    Library { chart: String },
    #[error("chart {chart} requires Kubernetes {wanted}, incompatible with {given}")]
    KubeVersion { chart: String, wanted: String, given: String },
    #[error("invalid Kubernetes version `{given}`")]
    NotAVersion { given: String },
    #[error("invalid release name `{name}`: at most 53 lowercase letters, digits, `-` and `.`")]
    ReleaseName { name: String },
    #[error("values do not match the schema of the chart:\n{findings}")]
    Schema { findings: String },
    #[error("{message}")]
    Template { message: String },
    #[error("{file}: the rendered text is not valid YAML: line {line} of document {document}: {message}")]
    Rendered { file: String, document: usize, line: usize, message: String },
    #[error("{object} is in two templates of the chart: {other} and {file}")]
    Twice { object: String, file: String, other: String },
    #[error("no template of the chart matches `{pattern}`")]
    NoSuchTemplate { pattern: String },
}

impl Hint for ChartError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Set { .. } | Self::NotAVersion { .. } | Self::ReleaseName { .. } => ErrorKind::Usage,
            Self::NoSuchTemplate { .. } => ErrorKind::NotFound,
            Self::File { .. }
            | Self::Yaml { .. }
            | Self::Archive { .. }
            | Self::MissingDependencies { .. }
            | Self::Library { .. }
            | Self::KubeVersion { .. }
            | Self::Schema { .. }
            | Self::Template { .. }
            | Self::Rendered { .. }
            | Self::Twice { .. } => ErrorKind::Config,
        }
    }
}
