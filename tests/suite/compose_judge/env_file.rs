//! Values that aictl writes into an env file come back exactly: from the real Compose and from our own loader.
//! One project holds hundreds of values, both for interpolation and as `env_file`; each reader is asked once.
//! Never compares with what was written, only with the value itself.

use std::path::Path;
use std::process::Command;

use aictl::compose::env_file::append;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::judge::Judge;

const VALUES: usize = 400;

/// Mostly what env files trip over, the rest anything a variable can hold.
fn value() -> impl Strategy<Value = String> {
    let odd = "$$$'''\"\"\"\\\\\\ \t\n\r##=:{}()`!&|<>%;~*?[]abnrt0x\u{a0}\u{85}\u{2028}\u{feff}\u{e9}\u{1f511}";
    let odd = proptest::sample::select(odd.chars().collect::<Vec<_>>());
    let any = proptest::char::any().prop_filter("no variable holds a zero byte", |c| *c != '\0');
    proptest::collection::vec(prop_oneof![4 => odd, 1 => any], 0..24).prop_map(String::from_iter)
}

fn values() -> Vec<String> {
    let by_hand = [
        "$",
        "$$",
        "${A}",
        "it's",
        "\"",
        "\\",
        "a\\'",
        "\\\\\"$",
        "x # y",
        "# x",
        " x ",
        "line\nline\n",
        "\r\n",
        "\\n",
        "\\$x",
        "`id`",
    ];
    let mut runner = TestRunner::deterministic();
    let drawn = (0..VALUES).map(|_| value().new_tree(&mut runner).unwrap().current());
    by_hand.into_iter().map(str::to_owned).chain(drawn).collect()
}

fn write_project(folder: &Path, values: &[String]) {
    let mut text = String::new();
    let mut compose = "services:\n  s:\n    image: x\n    env_file: .env\n    environment:\n".to_owned();
    for (number, value) in values.iter().enumerate() {
        append(&mut text, &format!("FILE{number}"), value, None).unwrap();
        compose.push_str(&format!("      INTERPOLATED{number}: ${{FILE{number}}}\n"));
    }
    std::fs::write(folder.join(".env"), text).unwrap();
    std::fs::write(folder.join("compose.yaml"), compose).unwrap();
}

/// What a program's `config` says of the service's environment.
fn environment(program: &Path, folder: &Path) -> serde_json::Value {
    let output = Command::new(program).args(["config", "--format", "json"]).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", program.display());
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    config["services"]["s"]["environment"].clone()
}

fn assert_values(who: &str, environment: &serde_json::Value, values: &[String]) {
    for (number, value) in values.iter().enumerate() {
        for name in [format!("FILE{number}"), format!("INTERPOLATED{number}")] {
            // `config` writes a dollar sign as compose files do.
            let read = environment[&name].as_str().map(|text| text.replace("$$", "$"));
            assert_eq!(read.as_ref(), Some(value), "{name} as {who} reads it");
        }
    }
}

#[test]
fn env_file_values_come_back_exactly_from_our_loader_and_from_the_real_compose() {
    let values = values();
    let folder = tempfile::tempdir().unwrap();
    write_project(folder.path(), &values);
    let ours = environment(Path::new(env!("CARGO_BIN_EXE_aictl")), folder.path());
    assert_values("aictl", &ours, &values);
    let Some(judge) = Judge::find() else { return };
    assert_values("the real Compose", &environment(judge.program(), folder.path()), &values);
}
