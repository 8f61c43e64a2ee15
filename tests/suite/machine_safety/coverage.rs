//! Whether the table of verbs that write is complete: judged by the source files that write, by the verbs of the command
//! tree, and by their arguments that are paths.

use std::collections::BTreeSet;

use super::verbs::{ALL, Run};
use crate::modules::house;
use crate::support::command_tree::{all_verbs, path_arguments, verb_of};

/// Write only into folders of their own, or ask whether something is written. A restore writes files that are missing.
const IN_OWN_FOLDERS: &[&str] = &[
    "engine/docker/perform/recipe.rs",
    "cli/signals.rs",
    "backup/store/local.rs",
    "backup/repository.rs",
    "session/backup/configuration.rs",
];

/// Only say what became of an output.
const ERRORS_ONLY: &[&str] = &["image/error.rs"];

/// Write through other verbs' functions: those of `init --from`, `secrets generate`, `setup` and `smoke-test`.
const COMBINED: &[&str] = &["quickstart", "secrets rotate", "setup", "health"];

/// Write no file of the operator's.
const WITHOUT_FILES: &[&str] = &[
    "doctor",
    "secrets check",
    "start",
    "stop",
    "down",
    "restart",
    "status",
    "logs",
    "exec",
    "shell",
    "run",
    "migrate",
    "db",
    "redis",
    "ls",
    "wait",
    "kill",
    "port",
    "top",
    "open",
    "diagram",
    "monitoring start",
    "monitoring stop",
    "clean",
    "build",
    "deploy",
    "rollback",
    "history",
    "show",
    "explain",
    "pull",
    "push",
    "images build",
    "images ls",
    "images summary",
    "images prune",
    "lock status",
    "lock break",
    "notify test",
    "backup create",
    "backup list",
    "backup verify",
    "backup drill",
    "backup restore",
    "restore",
    "backup prune",
    "schema",
    "completions",
    "version",
];

/// Paths that are read.
const READ: &[&str] = &[
    "start bundle",
    "pull bundle",
    "bundle load bundle",
    "bundle save base",
    "bundle save include",
    "deploy plan",
    "render chart",
    "render values",
    "backup restore password_file",
    "restore password_file",
];

/// Written only where the set of a repository is restored whole: tests/suite/backup/machine_gone.rs tries folders that are
/// not empty, links and foreign files.
const WRITTEN_FROM_A_SET: &[&str] = &["backup restore into", "restore into"];

/// Paths that are written, each in a row of the table.
const WRITTEN: &[&str] = &[
    "config output_file",
    "smoke-test junit",
    "bundle save bundle",
    "bundle load to",
    "render to",
    "man to",
    "plan out",
];

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// The verbs of the rows that are command lines.
fn of_rows() -> BTreeSet<String> {
    let lines = ALL.iter().filter_map(|verb| match verb.run {
        Run::Words(words) | Run::Job(words) => Some(words),
        Run::Part(_) => None,
    });
    lines.map(verb_of).collect()
}

#[test]
fn every_source_file_that_writes_is_named_by_a_row() {
    let writes = house().into_iter().filter(|file| {
        let is_door = file.name.starts_with("output_file/") || ["lib.rs", "model.rs"].contains(&file.name.as_str());
        !is_door && !file.is_test && file.code.contains("output_file::")
    });
    let writes: BTreeSet<String> = writes.map(|file| file.name).collect();
    let mut known = names(IN_OWN_FOLDERS);
    known.extend(names(ERRORS_ONLY));
    known.extend(ALL.iter().flat_map(|verb| names(verb.sources)));
    assert_eq!(writes, known);
}

#[test]
fn every_verb_has_a_row_or_writes_no_file() {
    let (rows, combined, without) = (of_rows(), names(COMBINED), names(WITHOUT_FILES));
    let twice: Vec<&String> = rows.intersection(&without).chain(combined.intersection(&without)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let mut known = rows;
    known.extend(combined);
    known.extend(without);
    assert_eq!(all_verbs(), known);
}

#[test]
fn every_path_on_a_command_line_is_read_or_has_a_row() {
    let mut known = names(READ);
    known.extend(names(WRITTEN));
    known.extend(names(WRITTEN_FROM_A_SET));
    assert_eq!(path_arguments(), known);
}
