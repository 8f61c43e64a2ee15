//! The stack of compose.yaml on a stage, filled and ready.
//! Reads aictl's JSON; returns names of checks by verdict.
//! Never keeps a certificate or password of its own anywhere but on the stage.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use time::OffsetDateTime;

use crate::support::project::{Outcome, TestProject, docker};

pub(super) const DATABASE_PASSWORD: &str = "canary-of-the-database-77";
pub(super) const CACHE_PASSWORD: &str = "canary-of-the-cache-77";
pub(super) const RULES: &str =
    "groups: [{ name: shop, rules: [{ alert: OrdersLost, expr: 'shop_orders_total < 1' }] }]";
pub(super) const PAGE: &str =
    "default_type text/html;\nadd_header X-Frame-Options DENY;\nlocation / { return 200 welcome; }\n";

pub(super) struct Shop {
    pub(super) stage: TestProject,
}

impl Shop {
    /// Starts it; none where there is no lab.
    pub(super) fn open(name: &str) -> Option<Self> {
        let shop = Self { stage: TestProject::new(name)? };
        shop.stage.write("compose.yaml", include_str!("compose.yaml"));
        shop.stage.write("aictl.yaml", include_str!("aictl.yaml"));
        shop.stage.write(".env", &format!("DB_PASSWORD={DATABASE_PASSWORD}\nCACHE_PASSWORD={CACHE_PASSWORD}\n"));
        shop.stage.write("rules/shop.yml", RULES);
        shop.stage.write("web/answer.conf", PAGE);
        shop.certificate(30);
        shop.stage.aictl(&["start"]).ended(0);
        shop.redis(&["SET", "mark", "here"]);
        shop.shows("nothing is broken yet", &[]);
        Some(shop)
    }

    /// A certificate for the web server that is valid for so many days.
    pub(super) fn certificate(&self, days: i64) {
        let mut parameters = rcgen::CertificateParams::new(["web".to_owned()]).unwrap();
        parameters.not_before = OffsetDateTime::now_utc() - time::Duration::days(1);
        parameters.not_after = OffsetDateTime::now_utc() + time::Duration::days(days);
        let key = rcgen::KeyPair::generate().unwrap();
        self.stage.write("web/certificate.pem", &parameters.self_signed(&key).unwrap().pem());
        self.stage.write("web/key.pem", &key.serialize_pem());
    }

    pub(super) fn container(&self, service: &str) -> String {
        format!("{}-{service}-1", self.stage.name())
    }

    pub(super) fn docker(&self, verb: &str, service: &str) {
        docker(&[verb, &self.container(service)]);
    }

    pub(super) fn signal(&self, service: &str) {
        docker(&["kill", "-s", "HUP", &self.container(service)]);
    }

    /// A script inside a service.
    #[track_caller]
    pub(super) fn inside(&self, service: &str, script: &str) {
        docker(&["exec", &self.container(service), "sh", "-c", script]);
    }

    #[track_caller]
    pub(super) fn sql(&self, statement: &str) {
        docker(&["exec", &self.container("postgres"), "psql", "-qU", "shop", "-c", statement]);
    }

    #[track_caller]
    pub(super) fn redis(&self, words: &[&str]) {
        let password = format!("REDISCLI_AUTH={CACHE_PASSWORD}");
        let container = self.container("redis");
        let mut command = vec!["exec", "-e", &password, &container, "redis-cli", "-e"];
        command.extend_from_slice(words);
        docker(&command);
    }

    /// One smoke test without second looks.
    pub(super) fn tested(&self, more: &[&str]) -> Outcome {
        let words = ["smoke-test", "--retries", "0", "--timeout", "20s"];
        self.stage.aictl(&[&words[..], more].concat())
    }

    pub(super) fn report(&self) -> (i32, Value) {
        let outcome = self.tested(&["--output", "json"]);
        let report = serde_json::from_str(&outcome.stdout);
        (outcome.code, report.unwrap_or_else(|error| panic!("{error}: {outcome:?}")))
    }

    pub(super) fn check_names(&self) -> Vec<String> {
        names(&self.report().1, |_| true).into_iter().collect()
    }

    /// Waits until exactly these checks are red: what scrapes and reloads takes a moment to notice. Then the exit code
    /// must say so too.
    #[track_caller]
    pub(super) fn shows(&self, what: &str, red: &[&str]) {
        let expected: BTreeSet<String> = red.iter().map(ToString::to_string).collect();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (code, report) = self.report();
            let found = names(&report, |check| check["verdict"] == "failed");
            if found == expected {
                assert_eq!(code, if red.is_empty() { 0 } else { 4 }, "{what}: {report}");
                return;
            }
            let checks = report["checks"].as_array().unwrap();
            let wrong = checks.iter().filter(|check| expected.contains(name(check)) != (check["verdict"] == "failed"));
            let wrong: Vec<&Value> = wrong.collect();
            assert!(Instant::now() < deadline, "{what}: expected {expected:#?} to be red, not so: {wrong:#?}");
        }
    }
}

fn name(check: &Value) -> &str {
    check["name"].as_str().unwrap()
}

pub(super) fn names(report: &Value, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().filter(|check| wanted(check)).map(|check| name(check).to_owned()).collect()
}
