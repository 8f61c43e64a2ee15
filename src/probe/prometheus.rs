//! Questions to Prometheus over its HTTP API: targets, rules, metrics.
//! Reads the JSON of the API; returns what is down and why, which rules are missing or fail.
//! Never takes an empty answer for a good one.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::http::Question;
use super::seen::Seen;
use super::{Planned, ProbeContext, ProbeError};
use crate::compose;
use crate::plan::ObservedInstance;
use crate::project::{HttpParts, PrometheusCheck, RulesState};

/// Where Prometheus listens by default.
pub(super) const PORT: u16 = 9090;

const TARGETS: &str = "/api/v1/targets?state=active";

/// What is right, or what is wrong and its details.
type Judged = Result<String, (String, Vec<String>)>;

pub(super) async fn look(
    context: &ProbeContext<'_>,
    plan: &Planned,
    check: &PrometheusCheck,
) -> Result<Seen, ProbeError> {
    let Some(service) = check.service.as_ref().or(plan.service.as_ref()) else {
        let what = "no service with a Prometheus image was found: name it in the check".to_owned();
        return Err(ProbeError::Wrong { what, details: Vec::new(), for_good: true });
    };
    let mut words = Vec::new();
    for container in context.running(service).await? {
        let asked = (context, plan, service.as_str(), &container);
        words = match questions(asked, check).await {
            Err(ProbeError::Wrong { what, details, .. }) if has_only_begun(asked).await => {
                return Err(ProbeError::Early { what, details });
            }
            result => result?,
        };
    }
    Ok(Seen::new(words.join(", "), None))
}

/// Whom to ask: the context, the check, the service's name, one of its containers.
pub(super) type Asked<'a, 's> = (&'a ProbeContext<'s>, &'a Planned, &'a str, &'a ObservedInstance);

pub(super) async fn ask((context, plan, service, container): Asked<'_, '_>, path: &str) -> Result<Value, ProbeError> {
    let parts = HttpParts { secure: false, host: service, port: PORT, path };
    let question = Question { parts, login: plan.login.as_ref(), redactor: context.redactor };
    let answer = question.ask(context, container).await?;
    data(&answer.text).map_err(|reason| ProbeError::Broken { what: question.words(), reason })
}

/// Whether a target has never been asked: Prometheus began a moment ago, and nothing it lacks means anything yet.
async fn has_only_begun(asked: Asked<'_, '_>) -> bool {
    let Ok(data) = ask(asked, TARGETS).await else { return false };
    let down = |target: &&Value| target["health"] == "down";
    list(&data, "activeTargets").any(|target| target["health"] == "unknown")
        && list(&data, "activeTargets").find(down).is_none()
}

async fn questions(asked: Asked<'_, '_>, check: &PrometheusCheck) -> Result<Vec<String>, ProbeError> {
    let ask = async |path: &str| ask(asked, path).await;
    let mut words = Vec::new();
    if check.targets.is_some() {
        words.push(told(targets(&ask(TARGETS).await?))?);
    }
    if let Some(wanted) = &check.rules {
        let rules = ask("/api/v1/rules").await?;
        let configured = ask("/api/v1/status/config").await?;
        words.push(told(judge_rules(&rules, &configured, wanted))?);
    }
    let metric = check.metric.as_ref().map(|name| format!("{{__name__=\"{name}\"}}"));
    for query in metric.iter().chain(&check.query) {
        let encoded = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let result = ask(&format!("/api/v1/query?query={encoded}")).await?;
        words.push(told(series(&result, query))?);
    }
    Ok(words)
}

fn told(judged: Judged) -> Result<String, ProbeError> {
    judged.map_err(|(what, details)| ProbeError::Wrong { what, details, for_good: false })
}

/// The data of an answer, or the API's own complaint.
fn data(text: &str) -> Result<Value, String> {
    let answer: Value = serde_json::from_str(text).map_err(|_| "the response is not JSON".to_owned())?;
    match answer["status"].as_str() {
        Some("success") => Ok(answer["data"].clone()),
        _ => Err(answer["error"].as_str().unwrap_or("the response has no status").to_owned()),
    }
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[key].as_array().into_iter().flatten()
}

fn targets(data: &Value) -> Judged {
    let all: Vec<&Value> = list(data, "activeTargets").collect();
    let down: Vec<String> = all.iter().filter(|target| target["health"] != "up").map(|target| why(target)).collect();
    match (all.len(), down.len()) {
        (0, _) => Err(("Prometheus has no targets".to_owned(), Vec::new())),
        (count, 0) => Ok(format!("{count} targets up")),
        (count, number) => {
            let names = all.iter().filter(|target| target["health"] != "up").map(|target| job(target));
            let names: Vec<&str> = names.collect();
            Err((format!("{number} of {count} targets are not up: {}", names.join(", ")), down))
        }
    }
}

fn job(target: &Value) -> &str {
    target["labels"]["job"].as_str().or(target["scrapePool"].as_str()).unwrap_or("?")
}

/// `api http://api:8000/metrics: connection refused`.
fn why(target: &Value) -> String {
    let url = target["scrapeUrl"].as_str().unwrap_or_default();
    let reason = match (target["lastError"].as_str().filter(|error| !error.is_empty()), target["health"].as_str()) {
        (Some(error), _) => error,
        (None, Some("unknown")) => "not scraped yet",
        (None, _) => "down",
    };
    format!("{} {url}: {reason}", job(target))
}

fn judge_rules(rules: &Value, config: &Value, wanted: &RulesState) -> Judged {
    let all: Vec<&Value> = list(rules, "groups").flat_map(|group| list(group, "rules")).collect();
    let name = |rule: &Value| rule["name"].as_str().unwrap_or("?").to_owned();
    let failing: Vec<String> = all
        .iter()
        .filter(|rule| rule["health"] == "err")
        .map(|rule| format!("{}: {}", name(rule), rule["lastError"].as_str().unwrap_or("fails")))
        .collect();
    if let RulesState::Named(names) = wanted {
        let missing: Vec<&str> =
            names.iter().filter(|wanted| !all.iter().any(|rule| name(rule) == **wanted)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Err((format!("rules are not loaded: {}", missing.join(", ")), Vec::new()));
        }
    }
    if !failing.is_empty() {
        return Err((format!("{} of {} rules fail", failing.len(), all.len()), failing));
    }
    match (all.len(), names_rule_files(config)) {
        (0, true) => Err(("no rules are loaded although rule files are configured".to_owned(), Vec::new())),
        (0, false) => Ok("no rule files are configured".to_owned()),
        (count, _) => Ok(format!("{count} rules loaded")),
    }
}

/// Whether the running configuration has `rule_files`.
fn names_rule_files(config: &Value) -> bool {
    let text = config["yaml"].as_str().unwrap_or_default();
    let config = compose::plain_value(text).unwrap_or_default();
    config["rule_files"].as_array().is_some_and(|files| !files.is_empty())
}

fn series(data: &Value, query: &str) -> Judged {
    let count = data["result"].as_array().map_or(0, Vec::len);
    match (data["resultType"].as_str(), count) {
        (Some("scalar" | "string"), _) => Ok(format!("`{query}` has a value")),
        (_, 0) => Err((format!("`{query}` returned no data"), Vec::new())),
        (_, 1) => Ok(format!("`{query}` gives 1 series")),
        (_, count) => Ok(format!("`{query}` gives {count} series")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::project::RulesWord;

    fn target(job: &str, health: &str, error: &str) -> Value {
        let url = format!("http://{job}:9/metrics");
        json!({ "labels": { "job": job }, "scrapeUrl": url, "health": health, "lastError": error })
    }

    #[test]
    fn every_target_that_is_not_up_is_named_with_its_reason() {
        let up = json!({ "activeTargets": [target("api", "up", ""), target("db", "up", "")] });
        assert_eq!(targets(&up), Ok("2 targets up".to_owned()));
        let mixed = json!({ "activeTargets": [
            target("api", "up", ""), target("db", "down", "connection refused"), target("new", "unknown", ""),
        ] });
        let (what, details) = targets(&mixed).unwrap_err();
        assert_eq!(what, "2 of 3 targets are not up: db, new");
        assert_eq!(
            details,
            ["db http://db:9/metrics: connection refused", "new http://new:9/metrics: not scraped yet"]
        );
        assert_eq!(targets(&json!({ "activeTargets": [] })).unwrap_err().0, "Prometheus has no targets");
    }

    #[test]
    fn rules_must_be_there_and_must_not_fail() {
        let with = |rules: Value| json!({ "groups": [{ "name": "g", "rules": rules }] });
        let good = with(json!([{ "name": "HighErrorRate", "health": "ok" }]));
        let bad = with(json!([{ "name": "HighErrorRate", "health": "err", "lastError": "many-to-many" }]));
        let (none, files) = (json!({ "groups": [] }), json!({ "yaml": "rule_files: [/etc/rules.yml]\n" }));
        let no_files = json!({ "yaml": "global: {}\n" });
        let all = RulesState::All(RulesWord::Loaded);
        let named = |name: &str| RulesState::Named(vec![name.to_owned()]);
        for (rules, config, wanted, expected) in [
            (&good, &files, &all, Ok("1 rules loaded")),
            (&none, &files, &all, Err("no rules are loaded although rule files are configured")),
            (&none, &no_files, &all, Ok("no rule files are configured")),
            (&bad, &files, &all, Err("1 of 1 rules fail")),
            (&good, &files, &named("HighErrorRate"), Ok("1 rules loaded")),
            (&good, &files, &named("HighLatency"), Err("rules are not loaded: HighLatency")),
        ] {
            let judged = judge_rules(rules, config, wanted);
            let judged = judged.as_ref().map(String::as_str).map_err(|(what, _)| what.as_str());
            assert_eq!(judged, expected, "{wanted:?}");
        }
    }

    #[test]
    fn an_empty_result_is_no_measurement() {
        let vector = |result: Value| json!({ "resultType": "vector", "result": result });
        assert_eq!(series(&vector(json!([1, 2])), "up"), Ok("`up` gives 2 series".to_owned()));
        assert_eq!(series(&vector(json!([])), "up").unwrap_err().0, "`up` returned no data");
        assert_eq!(
            series(&json!({ "resultType": "scalar", "result": [1, "2"] }), "1+1"),
            Ok("`1+1` has a value".to_owned())
        );
    }

    #[test]
    fn a_complaint_of_the_api_is_passed_on() {
        assert_eq!(data(r#"{"status":"error","error":"parse error"}"#), Err("parse error".to_owned()));
        assert_eq!(data("<html>"), Err("the response is not JSON".to_owned()));
    }
}
