//! Decides whether `aictl render --chart` and the real Helm, 3 and 4, agree on every chart of tests/fixtures/charts and on
//! the chart that `helm create` writes. Reads AICTL_LAB_HELM3 and AICTL_LAB_HELM4, or the lab's cache.
//! Documents are compared one by one as parsed YAML; what fails for Helm has to fail for aictl.

mod assistant;
mod judge;
mod known;
mod trap;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use judge::{Helm, Outcome, aictl};
use trap::{Case, Trap};

/// The same for both, since their defaults differ.
const KUBERNETES: &str = "v1.31.2";

#[test]
fn charts_render_as_helm_renders_them() {
    let Some(helms) = Helm::find_both() else { return };
    let traps = trap::load();
    assert!(traps.len() >= 60, "only {} charts are left", traps.len());
    let pairs: Vec<(&Trap, &Case)> =
        traps.iter().flat_map(|trap| trap.cases.iter().map(move |case| (trap, case))).collect();
    let found = Mutex::new(Vec::new());
    in_parallel(&pairs, |(trap, case)| {
        let ours = aictl(trap.folder.path(), &case.words);
        for helm in &helms {
            if let Some(difference) = difference(case, &ours, &helm.template(trap.folder.path(), &case.words)) {
                found.lock().unwrap().push((helm.major, trap.name.clone(), case.line.clone(), difference));
            }
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    let stale = known::stale(&found);
    found.retain(|(major, name, line, _)| !known::is_known(*major, name, line));
    let shown: Vec<String> =
        found.iter().map(|(major, name, line, said)| format!("helm {major}, {name} [{line}]: {said}")).collect();
    assert!(shown.is_empty(), "{} of {} cases differ:\n{}", shown.len(), pairs.len(), shown.join("\n\n"));
    assert!(stale.is_empty(), "known differences that are none any more: {stale:#?}");
}

#[test]
fn the_chart_that_helm_creates_renders_as_helm_renders_it() {
    let Some(helms) = Helm::find_both() else { return };
    for helm in &helms {
        let folder = tempfile::tempdir().unwrap();
        helm.create(folder.path(), "scaffold");
        let chart = folder.path().join("scaffold");
        for line in ["", "--set ingress.enabled=true --set autoscaling.enabled=true", "--set httpRoute.enabled=true"] {
            let case = Case::new(line, false);
            let (ours, theirs) = (aictl(&chart, &case.words), helm.template(&chart, &case.words));
            assert!(ours.ok, "{}", ours.errors);
            assert_eq!(difference(&case, &ours, &theirs), None, "helm {} [{line}]", helm.major);
            assert!(ours.documents().len() >= 4, "{}", ours.text);
        }
    }
}

/// What is not the same.
fn difference(case: &Case, ours: &Outcome, theirs: &Outcome) -> Option<String> {
    if case.fails {
        let both = !ours.ok && !theirs.ok;
        return (!both).then(|| format!("aictl: {}, helm: {}\n{}{}", ours.ok, theirs.ok, ours.errors, theirs.errors));
    }
    if !ours.ok || !theirs.ok {
        return Some(format!("aictl: {}, helm: {}\n{}{}", ours.ok, theirs.ok, ours.errors, theirs.errors));
    }
    if ours.text == theirs.text {
        return None;
    }
    let (mine, wanted) = (ours.documents(), theirs.documents());
    if mine.len() != wanted.len() {
        return Some(format!("{} documents, helm has {}\n{}", mine.len(), wanted.len(), ours.text));
    }
    let unequal = mine.iter().zip(&wanted).find(|(mine, wanted)| mine != wanted);
    unequal.map(|(mine, wanted)| format!("\nours: {mine:?}\nhelm: {wanted:?}"))
}

fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get() + 1);
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
