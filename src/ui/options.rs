//! What the command line can say about the looks, and what `auto` comes to.
//! Reads flag values and the facts of the terminal; returns the mode to use.
//! Never looks at the environment.

use std::str::FromStr;

use super::Facts;

/// `--output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// Tables and lines.
    #[default]
    Text,
    /// One JSON value; logs as one object a line.
    Json,
}

/// `--progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProgressMode {
    /// What fits the terminal and the output format.
    #[default]
    Auto,
    /// One line per finished step and a live region.
    Tty,
    /// One line per finished step and the output of builds.
    Plain,
    /// One JSON object per event.
    Json,
    /// Warnings only.
    Quiet,
}

impl ProgressMode {
    /// What `auto` means here: JSON with JSON output outside a terminal, a live region on a capable terminal, else plain.
    pub fn resolve(self, facts: &Facts, output: OutputFormat) -> Self {
        match self {
            Self::Auto if facts.stderr_tty && !facts.dumb => Self::Tty,
            Self::Auto if !facts.stderr_tty && output == OutputFormat::Json => Self::Json,
            Self::Auto => Self::Plain,
            // A region can only be drawn where a cursor moves.
            Self::Tty if !facts.stderr_tty => Self::Plain,
            chosen => chosen,
        }
    }
}

/// What the command line wants of the looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UiOptions {
    /// `--output`.
    pub output: OutputFormat,
    /// `--progress`.
    pub progress: ProgressMode,
    /// `--verbose`: builds' output as it comes.
    pub verbose: bool,
    /// `--yes`: questions are answered yes.
    pub yes: bool,
}

impl OutputFormat {
    /// The spellings, for help and completion.
    pub const NAMES: [&'static str; 2] = ["text", "json"];
}

impl ProgressMode {
    /// The spellings, for help and completion.
    pub const NAMES: [&'static str; 5] = ["auto", "tty", "plain", "json", "quiet"];
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("invalid value `{text}`, expected one of {}", Self::NAMES.join(", "))),
        }
    }
}

impl FromStr for ProgressMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "tty" => Ok(Self::Tty),
            "plain" => Ok(Self::Plain),
            "json" => Ok(Self::Json),
            "quiet" => Ok(Self::Quiet),
            _ => Err(format!("invalid value `{text}`, expected one of {}", Self::NAMES.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_fits_the_terminal_and_the_output() {
        let tty = Facts { stderr_tty: true, ..Facts::default() };
        let dumb = Facts { stderr_tty: true, dumb: true, ..Facts::default() };
        let pipe = Facts::default();
        let auto = ProgressMode::Auto;
        assert_eq!(auto.resolve(&tty, OutputFormat::Text), ProgressMode::Tty);
        assert_eq!(auto.resolve(&tty, OutputFormat::Json), ProgressMode::Tty);
        assert_eq!(auto.resolve(&dumb, OutputFormat::Text), ProgressMode::Plain);
        assert_eq!(auto.resolve(&pipe, OutputFormat::Text), ProgressMode::Plain);
        assert_eq!(auto.resolve(&pipe, OutputFormat::Json), ProgressMode::Json);
        assert_eq!(ProgressMode::Tty.resolve(&pipe, OutputFormat::Text), ProgressMode::Plain);
        assert_eq!(ProgressMode::Quiet.resolve(&tty, OutputFormat::Text), ProgressMode::Quiet);
    }

    #[test]
    fn every_spelling_is_read_and_others_are_answered_with_the_list() {
        assert!(ProgressMode::NAMES.iter().all(|name| name.parse::<ProgressMode>().is_ok()));
        assert!(OutputFormat::NAMES.iter().all(|name| name.parse::<OutputFormat>().is_ok()));
        assert_eq!(
            "fancy".parse::<OutputFormat>(),
            Err("invalid value `fancy`, expected one of text, json".to_owned())
        );
    }
}
