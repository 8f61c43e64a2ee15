//! kill -9 of a deploy and of a rollback on the real engine at each boundary between their phases: clients are served all
//! the time, the next command recovers, and the history tells what happened.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::load::Load;
use super::real::{PROJECT_FILE, Shop};

/// When it is killed: at an event of a step with this verb and, in its subject, this word; and the status it then has.
pub type Moment = (&'static str, &'static str, &'static str, &'static str);

const DEPLOY: [Moment; 5] = [
    ("step-started", "create", "api", "interrupted"),
    ("step-started", "switch", "traffic", "interrupted"),
    ("step-finished", "Switched", "traffic", "interrupted"),
    ("step-started", "bake", "api", "baking"),
    ("step-started", "stop", "api", "baking"),
];

/// A rollback does not bake.
const ROLLBACK: [Moment; 3] = [
    ("step-started", "create", "api", "interrupted"),
    ("step-finished", "Switched", "traffic", "interrupted"),
    ("step-started", "stop", "api", "interrupted"),
];

impl Shop {
    /// Kills a command at a moment; the test ends when the command ends before.
    #[track_caller]
    pub fn killed(&self, words: &[&str], round: &str, moment: Moment) {
        let (event, verb, about, _) = moment;
        let mut command = self.project.command(&[&["--progress", "json"], words].concat());
        let mut child = command.env("ROUND", round).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let came = said.any(|line| {
            let found: Value = serde_json::from_str(&line).unwrap_or_default();
            let is = |key: &str, word: &str| found[key].as_str().is_some_and(|text| text.contains(word));
            is("event", event) && is("verb", verb) && is("subject", about)
        });
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(came, "it never came to {moment:?}: {ended}");
    }

    /// Revisions and their statuses, the newest first.
    fn releases(&self) -> Vec<(u64, String)> {
        let history = self.project.aictl(&["history", "--output", "json"]).ended(0).stdout;
        let history: Value = serde_json::from_str(&history).unwrap();
        let all = history["operations"].as_array().unwrap().iter();
        all.filter_map(|past| Some((past["number"].as_u64()?, past["release_status"].as_str()?.to_owned()))).collect()
    }

    /// Kills a command at a moment, then repeats it. Afterwards one side runs and serves this version, nobody holds the lock,
    /// and the newest release is the one that serves. Returns its revision.
    #[track_caller]
    fn killed_and_repeated(&self, words: &[&str], round: &str, moment: Moment) -> u64 {
        self.killed(words, round, moment);
        assert_eq!(self.releases()[0].1, moment.3, "{moment:?}");
        let output = self.project.command(words).env("ROUND", round).output().unwrap();
        assert!(output.status.success(), "{moment:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(self.served().as_deref(), Some(round), "{moment:?}");
        let containers = self.project.containers();
        assert_eq!(containers.keys().filter(|name| name.contains("-api-")).count(), 1, "{moment:?}: {containers:?}");
        let status: Value =
            serde_json::from_str(&self.project.aictl(&["status", "--output", "json"]).ended(0).stdout).unwrap();
        assert!(status["lock"].is_null(), "{moment:?}: {status}");
        let releases = self.releases();
        let (deployed, others): (Vec<_>, Vec<_>) = releases.iter().partition(|(_, status)| status == "deployed");
        assert_eq!(deployed, [&releases[0]], "{moment:?}: {releases:?}");
        assert!(!others.iter().any(|(_, status)| status == "baking" || status == "failed"), "{moment:?}: {releases:?}");
        releases[0].0
    }
}

#[test]
fn a_deploy_or_rollback_killed_between_two_phases_leaves_a_side_serving_and_is_finished_by_the_next() {
    let Some(shop) = Shop::new("deploy-kills") else { return };
    shop.project.write("aictl.yaml", &PROJECT_FILE.replace("drain: 60s", "drain: 60s, bake: 500ms"));
    shop.deploy("0", 0);
    let load = Load::start(shop.port, 4, 0);
    let (mut now, mut before) = ((0, "0".to_owned()), (0, String::new()));
    for (number, moment) in DEPLOY.into_iter().enumerate() {
        let round = format!("deploy-{number}");
        let revision = shop.killed_and_repeated(&["deploy"], &round, moment);
        before = std::mem::replace(&mut now, (revision, round));
    }
    for moment in ROLLBACK {
        let to = before.0.to_string();
        let revision = shop.killed_and_repeated(&["rollback", "--to", &to], &before.1, moment);
        before = std::mem::replace(&mut now, (revision, before.1));
    }
    let seen = load.end();
    println!("{}", seen.line());
    assert_eq!(seen.failed, Vec::<String>::new());
}
