//! A project that somebody else prepared: every verb that only looks is run in it.
//! Each trap is a program that leaves a mark when it is started; no mark may ever be there, nor anything else new.
//! With a lab the verbs look at its engine; without one they find none.
mod special_files;
mod ssh_words;
mod trap;

use std::collections::BTreeSet;
use std::time::Instant;

use trap::{Promisor, Trap};

use crate::support::command_tree::{all_verbs, verb_of};

/// Every verb of the command tree, as it is typed so that it only looks.
const LINES: &[&str] = &[
    "secrets check",
    "secrets generate --dry-run",
    "secrets rotate --dry-run API_TOKEN",
    "config",
    "config --hash *",
    "plan",
    "start --dry-run",
    "up --dry-run",
    "stop --dry-run",
    "down --dry-run",
    "pull --dry-run",
    "build --dry-run",
    // It changes nothing here: there is no such registry, and only the project has the helper that is asked about it.
    "pull",
    "push --dry-run --to away",
    "restart --dry-run",
    "kill --dry-run",
    "clean --dry-run",
    "quickstart --dry-run",
    "doctor",
    "setup --dry-run",
    "status",
    "ls",
    "health",
    "smoke-test --dry-run",
    "notify test --dry-run",
    "lock status",
    "lock break --dry-run --force",
    "logs",
    "top",
    "port app",
    "wait app",
    "cp --dry-run app:/etc out",
    "exec --dry-run app true",
    "shell --dry-run app",
    "run --dry-run app true",
    "migrate --dry-run",
    "db --dry-run",
    "redis --dry-run",
    "monitoring start --dry-run",
    "monitoring stop --dry-run",
    "diagram",
    "open --print",
    "render",
    "schema",
    "init --dry-run",
    "init --list",
    "deploy --dry-run",
    "rollback --dry-run",
    "history",
    "show",
    "explain",
    "images ls",
    "images summary",
    "images prune --dry-run",
    "images build --dry-run base",
    "bundle save --dry-run out.tar",
    "bundle load --dry-run saved.tar --to out",
    "backup create --dry-run",
    "backup list --dry-run",
    "backup verify --dry-run",
    "backup drill --dry-run",
    "backup restore --dry-run",
    "restore --dry-run",
    "backup prune --dry-run",
    "version",
    "completions bash",
    "man",
];

/// Lines whose environment's engine is behind ssh.
const REMOTE: &[&str] = &[
    "plan",
    "status",
    "doctor",
    "setup --dry-run",
    "ls",
    "images ls",
    "deploy --dry-run",
    "rollback --dry-run",
    "history",
    "show",
    "explain",
    "start --dry-run",
];

#[test]
fn every_verb_of_the_command_tree_has_a_line() {
    let of_lines: BTreeSet<String> = LINES.iter().map(|line| verb_of(&line.split(' ').collect::<Vec<_>>())).collect();
    assert_eq!(all_verbs(), of_lines);
}

fn is_left_alone(trap: &Trap, words: &str) {
    let before = trap.files();
    let began = Instant::now();
    let outcome = trap.aictl(&words.split(' ').collect::<Vec<_>>());
    assert!(began.elapsed().as_secs() < 60, "`{words}` took {:?}", began.elapsed());
    // A command line that is refused would show nothing.
    assert!(![-1, 2, 101].contains(&outcome.code), "`{words}`: {outcome:?}");
    assert_eq!(trap.marks(), [""; 0], "`{words}` started a program of the project");
    assert_eq!(trap.files(), before, "`{words}` wrote");
}

#[test]
fn a_prepared_folder_starts_no_program_whatever_looks_at_it() {
    let trap = Trap::new(Promisor::Ssh);
    for words in LINES {
        is_left_alone(&trap, words);
    }
    for words in REMOTE {
        is_left_alone(&trap, &format!("--env away {words}"));
    }
}

#[test]
fn a_repository_fetches_nothing_when_its_secrets_are_checked() {
    for promisor in [Promisor::Ssh, Promisor::Ext, Promisor::UploadPack] {
        let mut trap = Trap::new(promisor);
        // The real git would be found.
        trap.search_path = "";
        is_left_alone(&trap, "secrets check");
        let checked = trap.aictl(&["secrets", "check"]).ended(4);
        assert!(checked.stdout.contains(".env: tracked by git"), "{}", checked.stdout);
        // The same repository, elsewhere: as in worktrees and submodules.
        trap.move_repository();
        is_left_alone(&trap, "secrets check");
        let checked = trap.aictl(&["secrets", "check"]).ended(4);
        assert!(checked.stdout.contains(".env: tracked by git"), "{}", checked.stdout);
        // The real git falls into it, or this test shows nothing.
        trap.git(&["ls-files"]);
        assert!(!trap.marks().is_empty(), "the trap of {promisor:?} does not work");
    }
}

#[test]
fn an_index_that_does_not_tell_is_said() {
    let trap = Trap::new(Promisor::Ssh);
    std::fs::write(trap.folder().join(".git/index"), "DIRC").unwrap();
    let checked = trap.aictl(&["secrets", "check"]);
    let words = "cannot tell whether git tracks .env: ";
    assert!(checked.stderr.contains(words) && !checked.stdout.contains("tracked"), "{checked:?}");
}
