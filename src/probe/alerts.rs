//! Alerts that fire in Prometheus.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::prometheus::{ask, list};
use super::{Planned, ProbeContext, ProbeError};

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiringAlert {
    /// Its name and labels: `HighErrorRate {service="api"}`.
    pub name: String,
    /// When its condition became true.
    pub since: Option<OffsetDateTime>,
}

/// The alerts that fire now in the Prometheus of the service.
pub async fn firing_alerts(context: &ProbeContext<'_>, service: &str) -> Result<Vec<FiringAlert>, ProbeError> {
    let plan = Planned::default();
    let mut found = Vec::new();
    for container in context.running(service).await? {
        let data = ask((context, &plan, service, &container), "/api/v1/alerts").await?;
        found.extend(firing(&data));
    }
    Ok(found)
}

fn firing(data: &Value) -> Vec<FiringAlert> {
    let fires = |alert: &&Value| alert["state"] == "firing";
    let alert = |alert: &Value| {
        let labels = alert["labels"].as_object().into_iter().flatten();
        let labels = labels.filter(|(key, _)| *key != "alertname");
        let labels: Vec<String> =
            labels.map(|(key, value)| format!("{key}=\"{}\"", value.as_str().unwrap_or_default())).collect();
        let name = alert["labels"]["alertname"].as_str().unwrap_or("?");
        let name = if labels.is_empty() { name.to_owned() } else { format!("{name} {{{}}}", labels.join(", ")) };
        let since = alert["activeAt"].as_str().and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
        FiringAlert { name, since }
    };
    list(data, "alerts").filter(fires).map(alert).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_alerts_that_fire_are_found_with_their_time() {
        let data: Value = serde_json::from_str(
            r#"{"alerts": [
              {"labels": {"alertname": "HighErrorRate", "service": "api"}, "state": "firing", "activeAt": "2026-01-02T03:04:05.123456789Z"},
              {"labels": {"alertname": "Slow"}, "state": "pending", "activeAt": "2026-01-02T03:04:05Z"},
              {"labels": {"alertname": "Down"}, "state": "firing"}]}"#,
        )
        .unwrap();
        let found = firing(&data);
        let names: Vec<&str> = found.iter().map(|alert| alert.name.as_str()).collect();
        assert_eq!(names, [r#"HighErrorRate {service="api"}"#, "Down"]);
        assert_eq!(found[0].since.map(OffsetDateTime::unix_timestamp), Some(1_767_323_045));
        assert_eq!(found[1].since, None);
    }
}
