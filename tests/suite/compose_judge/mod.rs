//! Decides whether `aictl config` and the real Docker Compose agree on every project of the corpus.
//! Reads tests/fixtures/compose and compose-invalid and runs both programs; reports every difference at once.
//! Never compares what Compose itself prints in another order each time, other than sorted.

mod case;
mod coverage;
mod diff;
mod env_file;
mod judge;
mod known;
mod refused;
mod run;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Case;
use judge::Judge;
use run::{MODES, Mode, Outcome, aictl};

/// How many differences are shown in full; the rest are listed by name.
const SHOWN: usize = 12;

#[test]
fn config_prints_every_project_as_compose_prints_it() {
    let Some(judge) = Judge::find() else { return };
    let cases = case::load("compose");
    assert!(cases.len() >= 200, "the corpus has shrunk to {} projects", cases.len());
    let pairs: Vec<(&Case, &Mode)> = cases
        .iter()
        .flat_map(|case| MODES.iter().map(move |mode| (case, mode)))
        .filter(|(case, mode)| mode.applies_to(case))
        .collect();
    let differences = Mutex::new(Vec::new());
    in_parallel(&pairs, |(case, mode)| {
        if let Some(difference) = compare(&judge, case, mode) {
            differences.lock().unwrap().push((case.name.clone(), mode.name, difference));
        }
    });
    let mut differences = differences.into_inner().unwrap();
    differences.sort();
    let stale = known::stale(&differences, &pairs);
    differences.retain(|(case, mode, _)| known::reason(case, mode).is_none());
    assert!(differences.is_empty(), "{}", summary(&differences, pairs.len()));
    assert!(stale.is_empty(), "known differences that are none any more: {stale:#?}");
}

/// The difference of one run of both programs, if any.
fn compare(judge: &Judge, case: &Case, mode: &Mode) -> Option<String> {
    let wanted = judge.ask(case, mode);
    let got = aictl(case, mode);
    if agree(mode, &wanted, &got) {
        return None;
    }
    // Some output of Compose follows the random order of Go maps: one equal output of many is enough.
    let again = (0..if wanted.ok { 60 } else { 0 }).any(|_| agree(mode, &judge.ask_anew(case, mode), &got));
    if again { None } else { Some(diff::of(&mode.shape(&wanted), &mode.shape(&got))) }
}

fn agree(mode: &Mode, wanted: &Outcome, got: &Outcome) -> bool {
    wanted.ok == got.ok && (!wanted.ok || mode.shape(wanted) == mode.shape(got))
}

fn summary(differences: &[(String, &str, String)], of: usize) -> String {
    let projects: BTreeSet<&str> = differences.iter().map(|(case, _, _)| case.as_str()).collect();
    let mut text = format!("{} of {of} runs differ, in {} projects\n", differences.len(), projects.len());
    for (case, mode, difference) in differences.iter().take(SHOWN) {
        text.push_str(&format!("\n{case} [{mode}]\n{difference}"));
    }
    for (case, mode, _) in differences.iter().skip(SHOWN) {
        text.push_str(&format!("\n{case} [{mode}]"));
    }
    text
}

/// Runs the work on as many threads as the machine has processors.
fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}
