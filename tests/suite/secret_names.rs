//! Precision and recall of `secrets generate` and `secrets check` on lines of public example env files, labelled in
//! tests/fixtures/secret_names/labels.txt.
//! The labels were written from the projects' documentation, not from the rules.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use aictl::compose::env_file::entries;
use aictl::secret::{jwt, placeholder_reason, url_password};
use base64::Engine as _;
use serde_json::Value;

use crate::support::project::Outcome;

const LABELS: &str = include_str!("../fixtures/secret_names/labels.txt");
/// Minimum number of labels.
const FEWEST: usize = 300;
/// Required precision and recall.
const BAR: f64 = 0.97;

/// One line of an example.
struct Label {
    name: String,
    value: String,
    refers: bool,
    verdict: &'static str,
}

/// A public project's example.
struct Example {
    project: &'static str,
    text: String,
    labels: Vec<Label>,
}

fn examples() -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    for line in LABELS.lines() {
        if let Some(project) = line.strip_prefix("== ") {
            all.push(Example { project, text: String::new(), labels: Vec::new() });
            continue;
        }
        let (Some(example), Some((statement, verdict))) = (all.last_mut(), line.split_once(" => ")) else { continue };
        example.text.push_str(&format!("{statement}\n"));
        if verdict == "comment" {
            continue;
        }
        let read = entries(statement, &BTreeMap::new()).unwrap();
        let [entry] = &read[..] else { panic!("{statement}") };
        let value = entry.value.clone().unwrap_or_default();
        example.labels.push(Label { name: entry.key.clone(), value, refers: statement.contains("${"), verdict });
    }
    all
}

/// Right and wrong answers of one kind of question.
#[derive(Default)]
struct Score {
    hit: usize,
    false_alarms: Vec<String>,
    missed: Vec<String>,
}

impl Score {
    fn count(&mut self, (told, meant): (bool, bool), what: String) {
        match (told, meant) {
            (true, true) => self.hit += 1,
            (true, false) => self.false_alarms.push(what),
            (false, true) => self.missed.push(what),
            (false, false) => {}
        }
    }

    fn precision(&self) -> f64 {
        ratio(self.hit, self.false_alarms.len())
    }

    fn recall(&self) -> f64 {
        ratio(self.hit, self.missed.len())
    }
}

fn ratio(right: usize, wrong: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    number(right) / number(right + wrong).max(1.0)
}

fn aictl(folder: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
    command.args(words).args(["--output", "json"]).current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    let outcome: Outcome = command.output().unwrap().into();
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr))
}

fn folder(example: &Example) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env.example"), &example.text).unwrap();
    fs::write(folder.path().join("compose.yaml"), "name: labels\nservices: {app: {image: registry.local/app:1}}\n")
        .unwrap();
    folder
}

fn names(report: &Value, list: &str, is: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let all = report[list].as_array().unwrap().iter().filter(|one| is(one));
    all.filter_map(|one| one["key"].as_str().map(str::to_owned)).collect()
}

/// Whether a generated value has the form its label names.
fn has_form(form: &str, value: &str, all: &BTreeMap<String, String>) -> bool {
    let digits: String = form.chars().filter(char::is_ascii_digit).collect();
    let number = || digits.parse::<usize>().unwrap();
    let standard = base64::engine::general_purpose::STANDARD;
    match form {
        "" => value.len() >= 16,
        "uuid" => value.len() == 36 && value.matches('-').count() == 4 && value.as_bytes()[14] == b'4',
        "jwt" => all.values().any(|secret| jwt::is_signed_by(value, secret)),
        "prefix-base64:" => {
            value.strip_prefix("base64:").is_some_and(|rest| standard.decode(rest).unwrap().len() == 32)
        }
        _ if form.starts_with("prefix-") => value.starts_with(form.trim_start_matches("prefix-")) && value.len() >= 20,
        _ if form.starts_with("hex") => value.len() == number() && value.bytes().all(|b| b.is_ascii_hexdigit()),
        _ if form.starts_with("length") => value.len() == number(),
        "base64-32" => standard.decode(value).is_ok_and(|bytes| bytes.len() == 32),
        other => panic!("unknown form {other}"),
    }
}

#[test]
fn generate_makes_what_may_be_chosen_in_its_form_and_nothing_else() {
    let (mut score, mut count, mut wrong) = (Score::default(), 0, Vec::new());
    for example in examples() {
        let folder = folder(&example);
        let report = aictl(folder.path(), &["secrets", "generate"]);
        let made = names(&report, "changes", |one| matches!(one["action"].as_str(), Some("generated" | "signed")));
        let text = fs::read_to_string(folder.path().join(".env")).unwrap();
        let read = entries(&text, &BTreeMap::new()).unwrap();
        let values: BTreeMap<String, String> =
            read.into_iter().map(|entry| (entry.key, entry.value.unwrap_or_default())).collect();
        for label in &example.labels {
            count += 1;
            let what = format!("{} {}={}", example.project, label.name, label.value);
            let (own, form) = label.verdict.split_once(':').unwrap_or((label.verdict, ""));
            let (told, value) = (made.contains(&label.name), values[&label.name].as_str());
            if told && own == "own" && !has_form(form, value, &values) {
                wrong.push(format!("{what}: not {form}"));
            }
            score.count((told, own == "own"), what.clone());
            // Secrets of providers are not generated; settings keep their value unless it is a placeholder.
            let right = match own {
                "own" => true,
                "issued" | "off" => told || value.is_empty(),
                _ => {
                    value == label.value
                        || label.refers
                        || placeholder_reason(&label.value).is_some()
                        || !url_password(&label.value).is_empty()
                }
            };
            if !right {
                wrong.push(format!("{what}: {} is not what it is to be", label.verdict));
            }
        }
    }
    println!(
        "secrets generate: {count} names, precision {:.3}, recall {:.3}\n  made and not to be: {:#?}\n  missed: {:#?}\n  wrong: {wrong:#?}",
        score.precision(),
        score.recall(),
        score.false_alarms,
        score.missed,
    );
    assert!(count >= FEWEST && score.precision() >= BAR && score.recall() >= BAR && wrong.is_empty());
    let issued = score.false_alarms.iter().filter(|what| what.contains("AWS") || what.contains("AZURE"));
    assert_eq!(issued.count(), 0);
}

#[test]
fn check_reports_what_an_example_left_in_place_and_nothing_else() {
    let (mut score, mut count) = (Score::default(), 0);
    for example in examples() {
        let folder = folder(&example);
        let env = folder.path().join(".env");
        fs::write(&env, &example.text).unwrap();
        fs::set_permissions(&env, fs::Permissions::from_mode(0o600)).unwrap();
        let report = aictl(folder.path(), &["secrets", "check"]);
        let told = names(&report, "findings", |_| true);
        // A password in a URL is reported separately.
        for label in example.labels.iter().filter(|label| url_password(&label.value).is_empty()) {
            count += 1;
            let own = label.verdict.starts_with("own");
            let meant = own || label.verdict == "issued" && !label.value.is_empty();
            let what = format!("{} {}={}", example.project, label.name, label.value);
            score.count((told.contains(&label.name), meant), what);
        }
    }
    println!(
        "secrets check: {count} names, precision {:.3}, recall {:.3}\n  false alarms: {:#?}\n  missed: {:#?}",
        score.precision(),
        score.recall(),
        score.false_alarms,
        score.missed,
    );
    assert!(count >= FEWEST && score.precision() >= BAR && score.recall() >= BAR);
}
