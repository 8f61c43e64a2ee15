//! What a verb answers with: data that can be written as JSON or drawn as text.
//! A workflow builds it, `ui` draws it; the drawing primitives are plain data, so that a workflow knows no terminal.
//! Never prints.

use serde::Serialize;

/// How a piece of text is meant. `ui` turns it into colour where there is any; the words alone must suffice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// All well.
    Good,
    /// Look here.
    Warn,
    /// Broken.
    Bad,
    /// Less important.
    Dim,
    /// A name or heading.
    Strong,
}

/// A piece of text with a tone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The text, without line ends.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// Whether it is of no use when it is cut: a time.
    pub whole: bool,
}

impl Cell {
    /// Text with a tone.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, whole: false }
    }

    /// Text that a table does not cut; other columns give way.
    pub fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, whole: true }
    }
}

impl<S: Into<String>> From<S> for Cell {
    fn from(text: S) -> Self {
        Self { text: text.into(), tone: Tone::Plain, whole: false }
    }
}

/// One part of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A table; columns are as wide as they need to be, the widest give way at the terminal's edge. No header when empty.
    Table { header: Vec<String>, rows: Vec<Vec<Cell>> },
    /// One line.
    Line(Vec<Cell>),
    /// Text that is data: written byte for byte, never wrapped or coloured.
    Raw(String),
    /// An empty line between parts.
    Gap,
}

/// The answer of a verb. `--output json` writes `json`, text draws `blocks`.
pub trait Report: Send {
    /// The report as text.
    fn blocks(&self) -> Vec<Block>;

    /// The report as JSON.
    fn json(&self) -> serde_json::Value;

    /// The exit code of a run that did not fail but has something to say (`exec` passes the command's own on).
    fn exit_code(&self) -> u8 {
        0
    }
}

/// The JSON of a serialisable report; a report that cannot be serialised says so instead of vanishing.
pub fn to_json<T: Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() }))
}

/// A report that is a few lines of text and a JSON value.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Lines for the text form.
    pub lines: Vec<String>,
    /// The JSON form.
    pub value: serde_json::Value,
}

impl Report for Said {
    fn blocks(&self) -> Vec<Block> {
        self.lines.iter().map(|line| Block::Line(vec![line.as_str().into()])).collect()
    }

    fn json(&self) -> serde_json::Value {
        self.value.clone()
    }
}

/// Defines an enum of reports that implements `Report` by delegation.
macro_rules! one_of_reports {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident($report:ty)),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[allow(clippy::large_enum_variant, reason = "created once and boxed by dispatch")]
        pub enum $name {
            $($(#[$variant_doc])* $variant($report),)+
        }

        impl $crate::session::report::Report for $name {
            fn blocks(&self) -> Vec<$crate::session::report::Block> {
                match self { $(Self::$variant(report) => report.blocks(),)+ }
            }

            fn json(&self) -> serde_json::Value {
                match self { $(Self::$variant(report) => report.json(),)+ }
            }

            fn exit_code(&self) -> u8 {
                match self { $(Self::$variant(report) => report.exit_code(),)+ }
            }
        }

        $(impl From<$report> for $name {
            fn from(report: $report) -> Self {
                Self::$variant(report)
            }
        })+
    };
}

pub(crate) use one_of_reports;
