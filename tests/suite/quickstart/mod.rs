//! `aictl quickstart` on the real engine: the whole system once, and small projects for everything that goes wrong.
//! Reads exit codes, the steps it reports and the engine's own account.
//! The bare machine of `tests/run --full` shows the rest: no engine, no images.
mod interrupted;
mod outside;
mod small;
mod troubles;
mod whole;

use serde_json::Value;

use crate::support::project::Outcome;

fn report(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

/// Name and state of each step.
fn states(report: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = report["steps"].as_array().unwrap();
    steps.iter().map(|step| (word(&step["step"]), word(&step["state"]))).collect()
}

/// Steps that changed something.
fn changing(report: &Value) -> Vec<(String, String)> {
    states(report).into_iter().filter(|(_, state)| state == "done").collect()
}
