//! The main help: everyday commands first, the others in their groups, exit codes at the end of the long help.
//! Reads the command tree and the table of exit codes; returns the tree that is parsed with.
//! Never holds a text of its own about a verb.

use std::fmt::Write as _;

use clap::{Command, CommandFactory, Subcommand};

use super::args::Cli;
use super::verbs::{BeginVerb, OtherVerb, RunVerb, ShipVerb, TrustVerb};
use crate::error::{PASSED_THROUGH, exit_codes};

/// Listed first.
const COMMON: [&str; 14] = [
    "start",
    "stop",
    "restart",
    "status",
    "logs",
    "exec",
    "run",
    "migrate",
    "build",
    "plan",
    "deploy",
    "rollback",
    "health",
    "smoke-test",
];

/// The command tree with its main help.
pub fn command_tree() -> Command {
    let tree = Cli::command();
    let template = format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\n", listing(&tree))
        + &heading("Global options:")
        + "\n{options}{after-help}";
    tree.help_template(template)
        .after_help("Run `aictl COMMAND --help` for more about a command.")
        .after_long_help(exits())
}

/// The groups with the names of their verbs.
fn groups() -> [(&'static str, Vec<String>); 6] {
    [
        ("Common commands:", COMMON.map(str::to_owned).to_vec()),
        ("Set up a machine or project:", names::<BeginVerb>()),
        ("Run the stack:", names::<RunVerb>()),
        ("Ship images and configuration:", names::<ShipVerb>()),
        ("Verify, back up and transfer the stack:", names::<TrustVerb>()),
        ("Other commands:", names::<OtherVerb>()),
    ]
}

/// What a group's enum lists, without hidden verbs and those listed before.
fn names<V: Subcommand>() -> Vec<String> {
    let group = V::augment_subcommands(Command::new("group"));
    let shown = group.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown.map(|verb| verb.get_name().to_owned()).filter(|name| !COMMON.contains(&name.as_str())).collect()
}

fn listing(tree: &Command) -> String {
    let literal = tree.get_styles().get_literal();
    let mut text = String::new();
    for (title, names) in groups() {
        let _ = writeln!(text, "{}", heading(title));
        for verb in names.iter().filter_map(|name| tree.find_subcommand(name)) {
            let name = verb.get_name();
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name}{literal:#}{:width$}{about}", "", width = 13 - name.len());
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

fn heading(title: &str) -> String {
    let style = clap::builder::Styles::styled();
    let header = style.get_header();
    format!("{header}{title}{header:#}")
}

fn exits() -> String {
    let mut text = heading("Exit codes:") + "\n";
    for (code, meaning) in exit_codes() {
        let _ = writeln!(text, "  {code:>3}  {meaning}");
    }
    format!("{text}\n{PASSED_THROUGH}\n\nRun `aictl COMMAND --help` for more about a command.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_verb_is_in_exactly_one_group() {
        let mut listed: Vec<String> = groups().into_iter().flat_map(|(_, names)| names).collect();
        listed.sort();
        let tree = Cli::command();
        let mut verbs: Vec<String> =
            tree.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect();
        verbs.sort();
        assert_eq!(listed, verbs);
    }

    #[test]
    fn a_line_of_the_main_help_fits_eighty_columns_and_holds_no_template_tag() {
        for line in listing(&Cli::command().styles(clap::builder::Styles::plain())).lines() {
            assert!(line.len() <= 80 && !line.contains(['{', '}']), "{line}");
        }
    }

    #[test]
    fn the_long_help_lists_every_exit_code_of_the_table() {
        let help = command_tree().render_long_help().to_string();
        for (code, meaning) in exit_codes() {
            assert!(help.contains(&format!("  {code:>3}  {meaning}\n")), "{code} in {help}");
        }
        assert!(!command_tree().render_help().to_string().contains("Exit codes"));
    }
}
