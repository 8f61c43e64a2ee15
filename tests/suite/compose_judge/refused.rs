//! Decides whether a project that is wrong is refused, with exit code 78 and a message that names the place.
//! Reads tests/fixtures/compose-invalid; asks the judge too, so that nothing Compose takes is refused by accident.
//! Never pins a whole message: a case lists the words it has to hold.

use std::path::Path;
use std::sync::Mutex;

use super::case::{self, Case};
use super::judge::Judge;
use super::run::{MODES, run};
use super::{aictl, in_parallel};

#[test]
fn every_wrong_project_is_refused_and_the_message_names_the_place() {
    let cases = case::load("compose-invalid");
    assert!(cases.len() >= 100, "the corpus of wrong projects has shrunk to {}", cases.len());
    let wrong = Mutex::new(Vec::new());
    in_parallel(&cases, |case| {
        if let Some(complaint) = complaint(case) {
            wrong.lock().unwrap().push(complaint);
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn complaint(case: &Case) -> Option<String> {
    let outcome = aictl(case, &MODES[0]);
    let missing: Vec<&String> =
        case.settings.says.iter().filter(|word| !outcome.stderr.contains(word.as_str())).collect();
    if outcome.code == 78 && missing.is_empty() && outcome.stdout.is_empty() {
        return None;
    }
    let said: Vec<&str> = outcome.stderr.lines().take(6).collect();
    Some(format!("{}: code {}, missing {missing:?} in\n    {}", case.name, outcome.code, said.join("\n    ")))
}

#[test]
fn compose_refuses_the_wrong_projects_too() {
    let Some(judge) = Judge::find() else { return };
    let cases = case::load("compose-invalid");
    let taken = Mutex::new(Vec::new());
    in_parallel(&cases, |case| {
        if case.settings.judge.is_none() && judge.ask(case, &MODES[0]).ok {
            taken.lock().unwrap().push(case.name.clone());
        }
    });
    let taken = taken.into_inner().unwrap();
    assert!(taken.is_empty(), "Compose takes these: {taken:?}");
}

#[test]
fn the_program_that_is_tested_is_ours() {
    let case = &case::load("compose")[0];
    let outcome = run(Path::new(env!("CARGO_BIN_EXE_aictl")), case, &["--version".to_owned()]);
    assert!(outcome.stdout.starts_with("aictl "), "{outcome:?}");
}
