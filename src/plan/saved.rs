//! A saved plan: the steps of a deploy as JSON, digests of the configuration they are made from, a format version and a
//! checksum. It holds no value of a secret: the caller redacts the steps and chooses digests that do not give values away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::difference::differences;

/// The newest format this binary writes and reads.
const FORMAT: u32 = 1;
/// The beginning of a saved plan.
const MARK: &str = "{\n  \"aictl_plan\": ";
/// Differences that are listed.
const MOST: usize = 3;

/// Why a file is not a saved plan that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// It is something else.
    #[error("not a plan saved by `aictl plan --out FILE`")]
    Foreign,
    /// It is one, but not as it was written.
    #[error("the saved plan is truncated or corrupt")]
    Damaged,
    /// A newer aictl wrote it.
    #[error("the saved plan has format {format}, this aictl reads up to {FORMAT}")]
    Newer { format: u64 },
}

/// A step of a saved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedStep {
    /// As plans print it.
    pub text: String,
    /// Operation, order, guards and undo.
    pub details: Value,
}

/// A saved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// Version of the aictl that wrote it.
    pub aictl: String,
    /// RFC 3339.
    pub saved_at: String,
    /// Project name.
    pub project: String,
    /// Environment of aictl.yaml.
    pub environment: Option<String>,
    /// Host name of the engine.
    pub engine: String,
    /// The release that served.
    pub release: Option<u32>,
    /// Whether containers of services that the files do not define are removed.
    pub remove_orphans: bool,
    /// Digests of the configuration: one per service, one for the rest.
    pub configuration: BTreeMap<String, String>,
    /// The steps.
    pub steps: Vec<SavedStep>,
}

/// The entry of `configuration` for what belongs to no service.
pub const REST: &str = "*";

#[derive(Serialize)]
struct Document<'a> {
    aictl_plan: u32,
    checksum: String,
    plan: &'a Value,
}

impl SavedPlan {
    /// As it is written to a file.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let plan = serde_json::to_value(self)?;
        let document = Document { aictl_plan: FORMAT, checksum: checksum(&plan), plan: &plan };
        let mut bytes = serde_json::to_vec_pretty(&document)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The reverse of `encode`.
    pub fn decode(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        let damaged = if is_saved_plan(bytes) { SavedPlanError::Damaged } else { SavedPlanError::Foreign };
        let Ok(Value::Object(mut document)) = serde_json::from_slice(bytes) else { return Err(damaged) };
        let format = document.get("aictl_plan").and_then(Value::as_u64).ok_or(SavedPlanError::Foreign)?;
        if format > u64::from(FORMAT) {
            return Err(SavedPlanError::Newer { format });
        }
        let plan = document.remove("plan").ok_or(SavedPlanError::Damaged)?;
        if document.get("checksum").and_then(Value::as_str) != Some(checksum(&plan).as_str()) {
            return Err(SavedPlanError::Damaged);
        }
        serde_json::from_value(plan).map_err(|_| SavedPlanError::Damaged)
    }

    /// What makes this plan stale, given the plan made again: the first differences, in words. Empty where they are equal.
    pub fn outdated_by(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.release != now.release {
            let release = |number: Option<u32>| number.map_or("no release".to_owned(), |n| format!("release {n}"));
            found.push(format!("it was made for {}, now {} serves", release(self.release), release(now.release)));
        }
        let parts = self.configuration.keys().chain(now.configuration.keys());
        let mut changed: Vec<&str> = parts
            .filter(|part| self.configuration.get(*part) != now.configuration.get(*part))
            .map(|part| if part == REST { "what belongs to no service" } else { part })
            .collect();
        changed.sort_unstable();
        changed.dedup();
        if !changed.is_empty() {
            found.push(format!("the files differ for {}", changed.join(", ")));
        }
        let steps = self.differing_steps(now);
        let more = steps.len().saturating_sub(MOST);
        found.extend(steps.into_iter().take(MOST));
        if more > 0 {
            found.push(format!("{more} more steps differ"));
        }
        found
    }

    fn differing_steps(&self, now: &Self) -> Vec<String> {
        let texts = |plan: &Self| plan.steps.iter().map(|step| step.text.clone()).collect::<Vec<_>>();
        let (old, new) = (texts(self), texts(now));
        let gone = old.iter().filter(|text| !new.contains(text)).map(|text| format!("only in the saved plan: {text}"));
        let added = new.iter().filter(|text| !old.contains(text)).map(|text| format!("only now: {text}"));
        let mut found: Vec<String> = gone.chain(added).collect();
        if found.is_empty() && old != new {
            found.push("the steps have another order".to_owned());
        }
        if found.is_empty() {
            let pairs = self.steps.iter().zip(&now.steps).filter(|(old, new)| old != new);
            found.extend(pairs.map(|(old, new)| {
                let places: Vec<String> = differences(&old.details, &new.details).iter().map(|d| d.place()).collect();
                format!("{} ({})", old.text, places.join(", "))
            }));
        }
        found
    }
}

/// Whether a file that begins like this is a saved plan.
pub fn is_saved_plan(beginning: &[u8]) -> bool {
    beginning.starts_with(MARK.as_bytes())
}

fn checksum(plan: &Value) -> String {
    hex::encode(Sha256::digest(plan.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn saved() -> SavedPlan {
        let step = |text: &str, id: u64| SavedStep { text: text.into(), details: json!({ "id": id, "after": [] }) };
        SavedPlan {
            aictl: "1".into(),
            saved_at: "2026-01-01T00:00:00Z".into(),
            project: "shop".into(),
            environment: Some("prod".into()),
            engine: "host".into(),
            release: Some(3),
            remove_orphans: false,
            configuration: [("api".to_owned(), "a".to_owned()), (REST.to_owned(), "b".to_owned())].into(),
            steps: vec![step("create container shop-api-2: image changed", 1), step("stop container shop-api-1: x", 2)],
        }
    }

    #[test]
    fn a_plan_survives_its_file_and_no_part_of_the_file_passes_for_it() {
        let bytes = saved().encode().unwrap();
        assert!(is_saved_plan(&bytes));
        assert_eq!(SavedPlan::decode(&bytes), Ok(saved()));
        for length in 0..bytes.len() - 2 {
            let error = SavedPlan::decode(&bytes[..length]).unwrap_err();
            let expected = if length < MARK.len() { SavedPlanError::Foreign } else { SavedPlanError::Damaged };
            assert_eq!(error, expected, "{length}");
        }
    }

    #[test]
    fn changed_foreign_and_newer_files_are_told_apart() {
        let text = String::from_utf8(saved().encode().unwrap()).unwrap();
        let decoded = |text: &str| SavedPlan::decode(text.as_bytes()).unwrap_err();
        assert_eq!(decoded(&text.replace("shop-api-2", "shop-api-3")), SavedPlanError::Damaged);
        assert_eq!(decoded(&text.replace("plan\": 1", "plan\": 2")), SavedPlanError::Newer { format: 2 });
        for other in ["", "{}", "[1]", "services: {}\n", "{\"aictl_plan\": \"1\"}"] {
            assert_eq!(decoded(other), SavedPlanError::Foreign, "{other}");
        }
    }

    #[test]
    fn what_makes_a_plan_stale_is_named() {
        let changed = |change: fn(&mut SavedPlan)| {
            let mut now = saved();
            change(&mut now);
            saved().outdated_by(&now)
        };
        assert_eq!(changed(|now| now.saved_at = "later".into()), [""; 0]);
        assert_eq!(changed(|now| now.release = Some(4)), ["it was made for release 3, now release 4 serves"]);
        let configured = changed(|now| now.configuration = [(REST.to_owned(), "c".to_owned())].into());
        assert_eq!(configured, ["the files differ for api, what belongs to no service"]);
        assert_eq!(changed(|now| now.steps.truncate(1)), ["only in the saved plan: stop container shop-api-1: x"]);
        assert_eq!(changed(|now| now.steps[0].text = "pull".into())[1], "only now: pull");
        assert_eq!(changed(|now| now.steps.reverse()), ["the steps have another order"]);
        let details = changed(|now| now.steps[1].details = json!({ "id": 3, "after": [] }));
        assert_eq!(details, ["stop container shop-api-1: x (id)"]);
        let mut many = saved();
        many.steps = (0..9).map(|n| SavedStep { text: n.to_string(), details: json!({}) }).collect();
        assert_eq!(saved().outdated_by(&many).last().unwrap(), "8 more steps differ");
    }
}
