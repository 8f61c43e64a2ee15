//! The whole system from an empty folder with images that are there: all the way, again, and once more from nothing.
//! Its secrets hold what encoders change, and are looked for in all that is written anywhere.
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{changing, report, states};
use crate::secret_leaks::{AWKWARD, Canaries};
use crate::support::project::{Outcome, TestProject, docker, free_port};

/// Given by the operator; the others are left to be generated.
const GIVEN: [&str; 8] = [
    "POSTGRES_PASSWORD",
    "APP_DB_PASSWORD",
    "MONITOR_DB_PASSWORD",
    "JWT_SECRET_KEY",
    "ADMIN_PASSWORD",
    "QDRANT_API_KEY",
    "ELASTICSEARCH_PASSWORD",
    "GRAFANA_ADMIN_PASSWORD",
];

struct Newcomer {
    stage: TestProject,
    ports: [u16; 2],
}

impl Newcomer {
    fn new(name: &str) -> Option<Self> {
        Some(Self { stage: TestProject::new(name)?, ports: [free_port(), free_port()] })
    }

    fn env_file(&self) -> PathBuf {
        self.stage.path().join("ai-assistant/.env")
    }

    /// Secrets of the operator's own, before there is anything else.
    fn give_secrets(&self) {
        let value = |name: &str| format!("{name}-{AWKWARD}-0123456789-abcdefghij").replace('"', "\\\"");
        let lines: String = GIVEN.iter().map(|name| format!("{name}=\"{}\"\n", value(name))).collect();
        self.stage.write("ai-assistant/.env", &lines);
        fs::set_permissions(self.env_file(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn aictl(&self, words: &[&str]) -> Outcome {
        let mut command: Command = self.stage.command(words);
        command.env("API_PORT", self.ports[0].to_string()).env("FRONTEND_PORT", self.ports[1].to_string());
        command.output().unwrap().into()
    }

    fn quickstart(&self, manner: &[&str]) -> Outcome {
        let words = ["--env", "simple", "--yes", "--timeout", "120s", "quickstart"];
        self.aictl(&[manner, &words].concat()).ended(0)
    }

    fn of_project(&self, words: &[&str]) -> Outcome {
        self.aictl(&[&["--project-dir", "ai-assistant", "--env", "simple"], words].concat()).ended(0)
    }

    /// The values of the env file, given and generated.
    fn canaries(&self) -> Canaries {
        let text = fs::read_to_string(self.env_file()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let plain = |value: &str| match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\\\"", "\""),
            None => value.to_owned(),
        };
        let values: Vec<(&str, String)> = lines.map(|(name, value)| (name, plain(value))).collect();
        let secret = |(_, value): &&(&str, String)| value.len() >= 16;
        assert_eq!(values.iter().filter(secret).count(), GIVEN.len() + 1, "SECRET_KEY is generated");
        assert!(values.iter().any(|(_, value)| value.contains(AWKWARD)), "the given values were changed");
        Canaries::of(values.iter().filter(secret).map(|(name, value)| (*name, value.as_str())))
    }
}

/// Logs of every container the project has, and the words its images were made by.
fn engine_words(stage: &TestProject) -> Vec<(String, String)> {
    let mut words = Vec::new();
    for name in docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &format!("name={}", stage.name())]).lines() {
        let logs: Outcome = Command::new("docker").args(["logs", name]).output().unwrap().into();
        words.push((format!("the log of {name}"), logs.stdout + &logs.stderr));
    }
    assert!(words.iter().any(|(name, log)| name.contains("-postgres-1") && log.contains("ready to accept")));
    let images =
        docker(&["image", "ls", "--format", "{{.Repository}}", "--filter", &format!("reference={}-*", stage.name())]);
    let images: BTreeSet<&str> = images.lines().collect();
    assert!(images.iter().any(|image| image.ends_with("-api")), "no image was built: {images:?}");
    for image in images {
        words.push((format!("the history of {image}"), docker(&["image", "history", "--no-trunc", image])));
        words.push((format!("image {image}"), docker(&["image", "inspect", image])));
    }
    words
}

/// The records of the project, out of the volume.
fn records(stage: &TestProject) -> (String, String) {
    let state = format!("{}-aictl-state:/state/releases", stage.name());
    let copied = Command::new("docker").args(["cp", &state, "-"]).output().unwrap();
    let records = Outcome::from(copied).ended(0).stdout;
    assert!(records.contains("-done.json") && records.contains("\"operation\""), "no record was read:\n{records}");
    ("the state volume".to_owned(), records)
}

#[test]
fn quickstart_goes_all_the_way_repeats_nothing_and_shows_no_secret() {
    let Some(newcomer) = Newcomer::new("quickstart") else { return };
    let stage = &newcomer.stage;
    newcomer.give_secrets();
    let first = newcomer.quickstart(&["--verbose", "--progress", "json", "--output", "json"]);
    goes_all_the_way(&report(&first));
    let before = stage.containers();
    let second = newcomer.quickstart(&["--output", "json"]);
    assert_eq!(changing(&report(&second)), []);
    assert_eq!(report(&second)["changed"], false, "{}", second.stdout);
    assert_eq!(stage.containers(), before, "a second run touched containers");
    let mut places = engine_words(stage);
    places.push(records(stage));

    newcomer.of_project(&["stop", "--remove", "-v"]);
    let third = newcomer.quickstart(&["--verbose"]);
    assert!(third.stdout.contains("ready; the project is in "), "{}", third.stdout);
    let again = newcomer.quickstart(&[]);
    assert!(again.stdout.contains("up to date: all steps were complete and all checks passed"), "{}", again.stdout);
    places.extend(engine_words(stage));
    for (run, outcome) in [("JSON", first), ("second", second), ("verbose", third), ("text", again)] {
        assert!(outcome.stderr.len() + outcome.stdout.len() > 500, "{run}: {outcome:?}");
        places.extend([(format!("stdout, {run}"), outcome.stdout), (format!("stderr, {run}"), outcome.stderr)]);
    }
    let canaries = newcomer.canaries();
    let found: Vec<_> = places.iter().map(|(place, text)| (place, canaries.found_in(text))).collect();
    let leaks: Vec<_> = found.iter().filter(|(_, found)| !found.is_empty()).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    is_in_no_bundle(&newcomer, &canaries);

    newcomer.of_project(&["stop", "--remove", "-v"]);
    assert_eq!(stage.everything(), Vec::<String>::new());
}

fn goes_all_the_way(report: &Value) {
    assert_eq!(report["changed"], true, "{report}");
    let steps = states(report);
    let order = ["init", "secrets", "doctor", "setup", "doctor", "images", "start", "migrate", "admin-user"];
    let names: Vec<&str> = steps.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(names[..order.len()], order);
    assert_eq!(steps.last(), Some(&("smoke-test".to_owned(), "passed".to_owned())));
    assert!(report["checks"]["total"].as_u64() > Some(5), "{}", report["checks"]);
    assert_eq!(report["checks"]["failed"], 0);
}

/// Every blob of what the project becomes when it moves, images included.
fn is_in_no_bundle(newcomer: &Newcomer, canaries: &Canaries) {
    let unpacked = newcomer.stage.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let bundle = newcomer.stage.path().join("bundle.tar");
    newcomer.of_project(&["bundle", "save", bundle.to_str().unwrap(), "--without-binary"]);
    let tar = Command::new("tar").arg("-xf").arg(&bundle).arg("-C").arg(&unpacked).output().unwrap();
    Outcome::from(tar).ended(0);
    let (leaks, files) = canaries.found_below(&unpacked);
    assert!(leaks.is_empty() && files > 20, "{files} files, of which leak {leaks:?}");
}

#[test]
fn a_dry_run_of_quickstart_writes_nothing() {
    let Some(newcomer) = Newcomer::new("quickdry") else { return };
    let planned = newcomer.aictl(&["--dry-run", "quickstart"]).ended(0);
    assert!(planned.stdout.contains("planned") && planned.stdout.contains("nothing was changed"), "{}", planned.stdout);
    assert_eq!(fs::read_dir(newcomer.stage.path()).unwrap().count(), 0);
    assert_eq!(newcomer.stage.everything(), Vec::<String>::new());
}
