//! The arguments of `completions` and `man`.
//! Data only.
//! The command tree is made of them, and they print it.

use std::path::PathBuf;

use clap::Args;

/// Print the completion script for a shell
///
/// bash: `aictl completions bash > /etc/bash_completion.d/aictl`; zsh: save it as `_aictl` in a directory of $fpath;
/// fish: `aictl completions fish > ~/.config/fish/completions/aictl.fish`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// Shell
    pub shell: clap_complete::Shell,
}

/// Print a man page, or write all of them to a directory
#[derive(Debug, Clone, Default, Args)]
pub struct ManArgs {
    /// Command to print the page of; aictl itself by default
    pub verb: Option<String>,
    /// Write all pages to this directory
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    pub to: Option<PathBuf>,
}
