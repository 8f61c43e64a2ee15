//! No accepted key and no flag may do nothing: each is in a table with what it changes, that it is refused, that it is
//! warned about, or that it is ignored as Compose's users expect. What the schema or the command tree has and the
//! tables have not fails a test; the tables themselves are carried out.

mod flag;
mod flags_rest;
mod flags_run;
mod key;
mod keys;
mod lab;
mod sign;
mod walk;

use std::collections::BTreeSet;

use aictl::project::schema;

use lab::Stack;

#[test]
fn every_key_of_the_schema_is_in_the_table_and_the_table_has_no_other() {
    let of_schema = walk::keys(schema());
    let covered = |key: &String| keys::ROWS.iter().any(|row| row.covers(key));
    let forgotten: Vec<&String> = of_schema.iter().filter(|key| !covered(key)).collect();
    assert!(forgotten.is_empty(), "not in tests/suite/accepted_keys/keys.rs: {forgotten:?}");
    let stale: Vec<&str> = keys::ROWS.iter().map(|row| row.key).filter(|key| !of_schema.contains(*key)).collect();
    assert!(stale.is_empty(), "no keys of the schema any more: {stale:?}");
}

#[test]
fn every_flag_of_the_command_tree_is_in_the_table_and_the_table_has_no_other() {
    let of_tree = walk::flags();
    let of_table: BTreeSet<(String, String)> =
        flag::rows().map(|row| (row.verb.to_owned(), row.flag.to_owned())).collect();
    // `down` is `stop --remove`: the same arguments.
    let asked = |(verb, flag): &(String, String)| {
        let verb = if verb == "down" { "stop" } else { verb };
        of_table.contains(&(verb.to_owned(), flag.clone()))
    };
    let forgotten: Vec<_> = of_tree.iter().filter(|flag| !asked(flag)).collect();
    assert!(forgotten.is_empty(), "not in tests/suite/accepted_keys/flags_*.rs: {forgotten:?}");
    let stale: Vec<_> = of_table.iter().filter(|flag| !of_tree.contains(flag)).collect();
    assert!(stale.is_empty(), "no flags of the command tree any more: {stale:?}");
}

#[test]
fn ignored_flags_say_so_in_their_help() {
    let said = walk::helps();
    for row in flag::rows().filter(|row| matches!(row.proof, flag::Proof::Ignored)) {
        let help = &said[&(row.verb.to_owned(), row.flag.to_owned())];
        assert!(help.starts_with("Accepted for Compose"), "{} --{}: {help}", row.verb, row.flag);
    }
}

#[test]
fn every_key_changes_something_or_is_named() {
    let Some(lab) = Stack::of_keys() else { return };
    let failed: Vec<String> = keys::ROWS.iter().filter_map(|row| row.failure(&lab)).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), keys::ROWS.len(), failed.join("\n"));
}

#[test]
fn every_flag_of_verbs_that_run_changes_something_or_is_refused() {
    carried_out("flags-run", flags_run::ROWS);
}

#[test]
fn every_other_flag_changes_something_or_is_refused() {
    carried_out("flags-rest", flags_rest::ROWS);
}

#[track_caller]
fn carried_out(name: &str, rows: &[flag::Row]) {
    let Some(lab) = Stack::of_flags(name) else { return };
    let failed: Vec<String> = rows.iter().filter_map(|row| row.failure(&lab)).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), rows.len(), failed.join("\n"));
}

/// What is typed and nothing reads is named, once.
#[test]
fn what_nothing_reads_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("compose.yaml", "services: { web: { image: x }, more: { image: x, profiles: [extra] } }\n");
    write("t.yaml.tera", "services: { \"{{ values.name }}\": { image: x } }\n");
    write(
        "aictl.yaml",
        "name: shop\ndefault_environment: a\nvalues: { name: web }\nwatch: { interval: 30s }\n\
         environments: { a: { compose: compose.yaml }, b: { compose: t.yaml.tera } }\n",
    );
    for (line, said) in [
        ("--profile extr", "no service has the profile `extr`; did you mean `extra`?"),
        ("--set name=x", "`--set name` has no effect: no compose file is a template"),
        ("--env b --set nam=x", "`--set nam`: aictl.yaml has no value of this name; did you mean `name`?"),
        ("-f compose.yaml", "with --file these keys of aictl.yaml are not used: name, environments.a.compose"),
        ("", "aictl.yaml: watch has no effect yet"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(line.split_whitespace()).args(["diagram", "--offline"]).current_dir(folder.path());
        let outcome = crate::support::project::Outcome::from(command.output().unwrap()).ended(0);
        assert_eq!(outcome.stderr.matches(said).count(), 1, "{line}: {}", outcome.stderr);
    }
}
