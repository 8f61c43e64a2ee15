//! Every command in a message of the sources has a row in hints.table: executed in the situation that prints it, or, with
//! the reason, only checked to parse or only shown. Rows without a message fail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// `NAME: command` is executed by the test of that name in one of the files below, `parses: command # reason` is run with
/// --dry-run and must not be a usage error, `shown: command # reason` is not run.
const TABLE: &str = include_str!("hints.table");
const SITUATIONS: &str = concat!(
    include_str!("lifecycle/hints.rs"),
    include_str!("lifecycle/hints/alone.rs"),
    include_str!("lifecycle/hints/releases.rs"),
    include_str!("lifecycle/hints/working.rs"),
    include_str!("doctor/hints.rs"),
    include_str!("setup/hints.rs"),
);

/// Programs that hints name.
const PROGRAMS: &[&str] = &[
    "aictl",
    "sudo",
    "docker",
    "apt-get",
    "cat",
    "chmod",
    "command",
    "df",
    "dnf",
    "dockerd",
    "dpkg",
    "echo",
    "findmnt",
    "getent",
    "git",
    "iconv",
    "journalctl",
    "kill",
    "ls",
    "mkdir",
    "mv",
    "newgrp",
    "openssl",
    "ps",
    "rc-service",
    "rm",
    "ss",
    "systemctl",
    "tail",
    "taskset",
    "ulimit",
    "unset",
];

/// Commands in messages, with the files that print them.
fn advised() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for command in commands(&text) {
                found.entry(command).or_default().insert(path.display().to_string());
            }
        }
    }
    found
}

/// Commands in backticks in the strings of a source.
fn commands(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut text = String::new();
    for line in lines {
        // A string that continues on the next line.
        match line.strip_suffix('\\') {
            Some(begun) => text.push_str(if text.ends_with('\n') { begun } else { begun.trim_start() }),
            None => text.push_str(&format!("{}\n", if text.ends_with('\n') { line } else { line.trim_start() })),
        }
    }
    let quoted =
        text.lines().flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    let is_code = |text: &String| text.contains("\", ");
    let is_command =
        |text: &String| !is_code(text) && text.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program));
    quoted.filter(is_command).collect()
}

/// The rows: command, class, and why it is not executed.
fn rows() -> BTreeMap<String, (&'static str, &'static str)> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &'static str| {
        let (class, rest) = line.split_once(": ").unwrap_or_else(|| panic!("no row: {line}"));
        let (command, reason) = rest.split_once(" # ").unwrap_or((rest, ""));
        (command.to_owned(), (class, reason.trim()))
    };
    lines.map(row).collect()
}

/// Whether the test of this name executes the command: it names its beginning, or all of it up to a placeholder.
fn is_executed(command: &str, test: &str) -> bool {
    let Some((_, body)) = SITUATIONS.split_once(&format!("fn {test}()")) else { return false };
    let body = body.split("\n#[test]").next().unwrap_or_default();
    let is_place = |word: &&str| !word.starts_with('{') && !word.chars().all(|c| c.is_ascii_uppercase());
    let fixed = command.split(' ').take_while(is_place).collect::<Vec<_>>().join(" ");
    let literals = body.split('"').skip(1).step_by(2);
    let named = literals.flat_map(|text| [text.to_owned(), text.replace("--env dev ", "").replace("--env other ", "")]);
    named.filter(|text| text.contains(' ')).any(|text| command.starts_with(text.trim_end()) || text.starts_with(&fixed))
}

#[test]
fn every_command_a_message_advises_has_a_row_and_every_row_is_advised() {
    let (advised, rows) = (advised(), rows());
    let unknown: Vec<_> = advised.iter().filter(|(command, _)| !rows.contains_key(*command)).collect();
    assert!(unknown.is_empty(), "advised, without a row in hints.table: {unknown:#?}");
    let stale: Vec<_> = rows.keys().filter(|command| !advised.contains_key(*command)).collect();
    assert!(stale.is_empty(), "in hints.table, advised nowhere: {stale:#?}");
    for (command, (class, reason)) in &rows {
        let is_left = ["parses", "shown"].contains(class);
        assert!(is_left || is_executed(command, class), "{class} does not execute `{command}`");
        assert!(*class != "shown" || !command.starts_with("aictl "), "commands of aictl must parse: {command}");
        assert_eq!(
            is_left,
            reason.contains(' '),
            "a reason why it is not executed, and only then: {command} # {reason}"
        );
    }
}

/// `{service}` and `NAME` as words an operator would put there.
fn filled(command: &str) -> Vec<String> {
    let is_place = |word: &str| word.starts_with('{') || word.chars().all(|c| c.is_ascii_uppercase());
    let word = |word: &str| match word {
        "COMMAND" => "start".to_owned(),
        "{verb}" => "load".to_owned(),
        place if is_place(place) => "x".to_owned(),
        word => word.replace('…', ""),
    };
    let words = shlex::split(command).unwrap().into_iter();
    words.skip(1).map(|found| word(&found)).filter(|word| !word.is_empty()).collect()
}

#[test]
fn every_command_of_our_own_is_one_the_command_line_takes() {
    let folder = tempfile::tempdir().unwrap();
    for command in advised().keys().filter(|command| command.starts_with("aictl ")) {
        let mut run = Command::new(env!("CARGO_BIN_EXE_aictl"));
        run.arg("--dry-run").args(filled(command)).current_dir(folder.path());
        run.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").env("HOME", folder.path());
        let output = run.stdin(std::process::Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let takes = output.status.code().is_some_and(|code| code != 2) || !said.contains("Usage:");
        assert!(takes, "`{command}` does not parse:\n{said}");
        assert!(!said.contains("panicked"), "{command}: {said}");
    }
}
