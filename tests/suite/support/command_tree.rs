//! The verbs of the command tree, and the verb that a command line runs: tables of verbs are compared with them.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::path::PathBuf;

use aictl::cli::Cli;
use clap::{ArgMatches, Command, CommandFactory as _};

/// The verbs that do something: those without verbs of their own.
pub fn all_verbs() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_verb(&Cli::command(), "", &mut |path, _| found.extend([path.to_owned()]));
    found
}

/// Every argument of a verb that is a path, as `verb argument`.
pub fn path_arguments() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_verb(&Cli::command(), "", &mut |path, verb| {
        let paths = verb.get_arguments().filter(|one| one.get_value_parser().type_id() == TypeId::of::<PathBuf>());
        found.extend(paths.map(|one| format!("{path} {}", one.get_id())));
    });
    found
}

fn each_verb(command: &Command, path: &str, visit: &mut dyn FnMut(&str, &Command)) {
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name()).trim().to_owned();
        match inner.has_subcommands() {
            true => each_verb(inner, &path, visit),
            false => visit(&path, inner),
        }
    }
}

/// The verb of a command line; the test ends when the line is not accepted.
pub fn verb_of(words: &[&str]) -> String {
    let matches = Cli::command().try_get_matches_from(std::iter::once(&"aictl").chain(words)).unwrap();
    let mut names = Vec::new();
    let mut at: Option<(&str, &ArgMatches)> = matches.subcommand();
    while let Some((name, inner)) = at {
        names.push(name);
        at = inner.subcommand();
    }
    names.join(" ")
}
