//! What is derived from the command tree: shell completions and man pages.
//! Reads the tree clap built; returns text, or writes pages where `--to` says.
//! Holds no text of its own about a verb.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::args::Cli;
use super::manual_args::{CompletionsArgs, ManArgs};
use crate::error::{Error, PASSED_THROUGH, Result, exit_codes};
use crate::output_file::{Content, Existing, OutputError, Rules, Tree};
use crate::session::WorkflowError;
use crate::session::report::{Block, Report};

/// Text that is data.
#[derive(Debug)]
pub struct Pages {
    text: String,
    files: Vec<String>,
}

/// The completions of a shell.
pub fn completions(args: &CompletionsArgs) -> Result<Pages> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "aictl", &mut text);
    Ok(Pages { text: String::from_utf8_lossy(&text).into_owned(), files: Vec::new() })
}

/// One man page, or all of them as files.
pub fn man(args: &ManArgs, cwd: &Path, dry_run: bool) -> Result<Pages> {
    let mut tree = Cli::command();
    tree.build();
    if let Some(directory) = &args.to {
        let directory = cwd.join(directory);
        if dry_run {
            let text = format!("would write all man pages to {}\n", directory.display());
            return Ok(Pages { text, files: Vec::new() });
        }
        let files = write_pages(&tree, &directory)?;
        let text = files.iter().map(|file| format!("{file}\n")).collect();
        return Ok(Pages { text, files });
    }
    let command = match &args.verb {
        None => &tree,
        Some(verb) => tree.find_subcommand(verb).ok_or_else(|| unknown(&tree, verb))?,
    };
    let text = page(command).map_err(|e| WorkflowError::File { path: "man page".to_owned(), reason: e.to_string() })?;
    Ok(Pages { text, files: Vec::new() })
}

fn unknown(tree: &Command, verb: &str) -> WorkflowError {
    let near = crate::error::nearest(verb, tree.get_subcommands().map(Command::get_name));
    let hint = near.map(|near| format!("did you mean `aictl man {near}`?"));
    WorkflowError::Usage { message: format!("unknown command `{verb}`"), hint }
}

fn page(command: &Command) -> std::io::Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if command.get_name() == "aictl" {
        text.push_str(".SH \"EXIT STATUS\"\n");
        text.extend(exit_codes().map(|(code, meaning)| format!(".TP\n\\fB{code}\\fR\n{}\n", roff(meaning))));
        text.push_str(&format!(".PP\n{}\n", roff(PASSED_THROUGH)));
    }
    Ok(text)
}

/// Markdown's code marks as bold, hyphens as such.
fn roff(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let marked = parts.map(|(at, part)| if at % 2 == 1 { format!("\\fB{part}\\fR") } else { part.to_owned() });
    marked.collect::<String>().replace('-', "\\-")
}

/// `aictl.1`, `aictl-start.1`, `aictl-lock-break.1`: one page for each visible command of the tree.
fn write_pages(tree: &Command, directory: &Path) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    let mut open = vec![tree];
    while let Some(command) = open.pop() {
        let name = format!("{}.1", command.get_display_name().unwrap_or_else(|| command.get_name()));
        let text = page(command).map_err(|e| WorkflowError::File { path: name.clone(), reason: e.to_string() })?;
        pages.push((name, text));
        open.extend(command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help"));
    }
    pages.sort();
    let rules = Rules { existing: Existing::ReplaceOwn(is_page), content: Content::Plain };
    let out = Tree::create(directory)?;
    for (name, _) in &pages {
        out.check(Path::new(name), rules.existing).map_err(in_the_way)?;
    }
    for (name, text) in &pages {
        out.write(Path::new(name), rules, text.as_bytes()).map_err(in_the_way)?;
    }
    Ok(pages.iter().map(|(name, _)| directory.join(name).display().to_string()).collect())
}

/// Whether a file is one of these pages, of whatever version.
fn is_page(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).contains(".TH aictl")
}

fn in_the_way(error: OutputError) -> Error {
    match error {
        OutputError::Exists { path } => {
            let message = format!("`{}` exists and is not a man page of aictl", path.display());
            let hint = Some("write into another directory: `aictl man --to NEW`".to_owned());
            WorkflowError::Refused { message, hint }.into()
        }
        other => other.into(),
    }
}

impl Report for Pages {
    fn blocks(&self) -> Vec<Block> {
        vec![Block::Raw(self.text.clone())]
    }

    fn json(&self) -> serde_json::Value {
        if self.files.is_empty() {
            serde_json::json!({ "text": self.text })
        } else {
            serde_json::json!({ "files": self.files })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(report: &dyn Report) -> String {
        let Some(Block::Raw(text)) = report.blocks().pop() else { panic!("not raw") };
        text
    }

    #[test]
    fn the_main_page_lists_every_exit_code_of_the_table() {
        let main = text(&man(&ManArgs::default(), Path::new("/"), false).unwrap());
        for (code, meaning) in exit_codes() {
            assert!(main.contains(&format!("\\fB{code}\\fR\n{}\n", roff(meaning))), "{code} in {main}");
        }
        assert!(main.contains("(\\fBplan \\-\\-exit\\-code\\fR)"), "{main}");
    }

    #[test]
    fn every_shell_has_completions_that_know_the_verbs() {
        use clap::ValueEnum;
        for shell in clap_complete::Shell::value_variants() {
            let written = text(&completions(&CompletionsArgs { shell: *shell }).unwrap());
            assert!(written.contains("completions") && written.contains("status"), "{shell}");
        }
    }

    #[test]
    fn a_verb_has_a_page_and_an_unknown_one_the_nearest_name() {
        let page = |verb: &str| man(&ManArgs { verb: Some(verb.to_owned()), to: None }, Path::new("/"), false);
        let status = text(&page("status").unwrap());
        assert!(status.contains(".TH aictl-status 1") && !status.contains("EXIT STATUS"), "{status}");
        let main = text(&man(&ManArgs::default(), Path::new("/"), false).unwrap());
        assert!(main.contains(".TH aictl 1") && main.contains("\\fB78\\fR\ninvalid configuration"), "{main}");
        let Err(error) = page("statsu") else { panic!("there is a page of statsu") };
        assert_eq!(error.hints(), ["did you mean `aictl man status`?"]);
    }

    #[test]
    fn all_pages_are_written_with_the_main_one_first() {
        let directory = tempfile::tempdir().unwrap();
        let report = man(&ManArgs { verb: None, to: Some("pages".into()) }, directory.path(), false).unwrap();
        let files = report.json()["files"].as_array().unwrap().len();
        assert_eq!(std::fs::read_dir(directory.path().join("pages")).unwrap().count(), files);
        assert!(
            directory.path().join("pages/aictl.1").is_file() && directory.path().join("pages/aictl-start.1").is_file()
        );
    }
}
