//! Keeps `--help` of every command as one snapshot, and README's table of exit codes equal to the binary's.
//! A changed snapshot is read line by line against STYLE.md, "Words", before it is accepted.

use aictl::cli::command_tree;
use aictl::error::{PASSED_THROUGH, exit_codes};
use clap::Command;

#[test]
fn the_help_tree_is_the_reviewed_one() {
    let mut tree = command_tree().term_width(100);
    tree.build();
    let mut pages = vec![tree.clone().render_long_help().to_string()];
    // The global options stand in the first page only.
    let globals: Vec<String> = tree.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    walk(&tree, &globals, &mut pages);
    insta::assert_snapshot!(pages.join("\n----------------------------------------\n"));
}

fn walk(command: &Command, globals: &[String], pages: &mut Vec<String>) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let mut shown = inner.clone();
        for global in
            globals.iter().filter(|id| inner.get_arguments().any(|a| a.get_id() == id.as_str() && a.is_global_set()))
        {
            shown = shown.mut_arg(global, |argument| argument.hide(true));
        }
        // What is hidden from users is still text that a reader of the tree sees.
        let hidden = inner.get_arguments().filter(|argument| argument.is_hide_set());
        let hidden: String =
            hidden.map(|a| format!("hidden: {a}  {}\n", a.get_help().cloned().unwrap_or_default())).collect();
        pages.push(shown.render_long_help().to_string() + &hidden);
        walk(inner, globals, pages);
    }
}

#[test]
fn readme_has_the_table_of_exit_codes() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rows: String = exit_codes().map(|(code, meaning)| format!("| {code} | {meaning} |\n")).collect();
    let table = format!("| code | meaning |\n|---:|---|\n{rows}\n{PASSED_THROUGH}\n");
    assert!(readme.contains(&table), "README.md lacks this:\n{table}");
}
