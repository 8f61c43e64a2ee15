//! What `status` shows of backups: from what is kept on the engine, without the repository and its password.

use serde_json::Value;

use super::Stored;
use crate::support::project::Outcome;

impl Stored {
    /// The backups in `status`, asked without the password.
    pub(super) fn status(&self) -> Value {
        let outcome: Outcome = self.stage.command(&["--output", "json", "status"]).output().unwrap().into();
        serde_json::from_str::<Value>(&outcome.ended(0).stdout).unwrap()["backup"].clone()
    }
}

#[test]
fn status_shows_rpo_and_rto_without_the_password_and_a_damaged_set_is_not_shown_as_proven() {
    let Some(stored) = Stored::open("backup-status") else { return };
    let unknown = stored.status();
    assert!(unknown["rpo_seconds"].is_null() && unknown["rto_ms"].is_null(), "{unknown}");
    let text: Outcome = stored.stage.command(&["status"]).output().unwrap().into();
    assert!(text.ended(0).stdout.contains("backups: RPO unknown, newest proven set unknown, RTO unknown"));

    let fresh = |state: &str| {
        let check = format!("checks: [{{ name: fresh, backup: {{ max_age: 1h, state: {state} }} }}]\n");
        stored.stage.write("aictl.yaml", &format!("{}{check}", super::PROJECT));
        let outcome: Outcome = stored.stage.command(&["health", "--check", "fresh"]).output().unwrap().into();
        outcome
    };
    let nothing = fresh("complete").ended(4);
    assert!(nothing.stdout.contains("no complete backup set is recorded"), "{nothing:?}");

    let first = stored.json(&["backup", "create"], 0)["set"].clone();
    let taken = stored.status();
    assert_eq!((&taken["newest_set"], &taken["proven_set"]), (&first, &Value::Null), "{taken}");
    assert!(taken["rpo_seconds"].as_u64() < Some(600), "{taken}");

    fresh("complete").ended(0);
    assert!(fresh("proven").ended(4).stdout.contains("no proven backup set is recorded"));

    let drilled = stored.json(&["backup", "drill"], 0);
    let second = stored.json(&["backup", "create"], 0)["set"].clone();
    std::fs::rename(stored.stage.path().join("sets"), stored.stage.path().join("elsewhere")).unwrap();
    let proven = stored.status();
    assert_eq!((&proven["newest_set"], &proven["proven_set"]), (&second, &first), "{proven}");
    assert_eq!(proven["rto_ms"], drilled["restore_ms"], "{proven}");
    fresh("proven").ended(0);
    fresh("verified").ended(0);
    std::fs::rename(stored.stage.path().join("elsewhere"), stored.stage.path().join("sets")).unwrap();

    super::drill::damage(&stored);
    stored.aictl(&["backup", "verify", "--all"]).ended(4);
    let damaged = stored.status();
    assert!(damaged["proven_set"].is_null() && damaged["rto_ms"].is_null(), "{damaged}");

    assert!(fresh("verified").ended(4).stdout.contains("no verified backup set is recorded"));

    // A project without backups says nothing of them.
    stored.stage.write("aictl.yaml", "environments: { dev: { compose: compose.yaml, env_file: .env } }\n");
    assert!(stored.status().is_null());
}
