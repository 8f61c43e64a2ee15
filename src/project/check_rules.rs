//! What a check must be besides its types: one way to look, addresses that can be read, patterns that can be matched.
//! Reads the checks of a project or an environment; adds every problem with its place.
//! Never knows which services exist.

use super::check::{Check, Expectation, host_and_port};
use super::findings::Findings;

/// Examines a list of checks that stands at `base`, after `earlier` ones whose names are taken.
pub(super) fn examine_checks(base: &[&str], earlier: &[Check], checks: &[Check], found: &mut Findings<'_>) {
    for (index, check) in checks.iter().enumerate() {
        let number = index.to_string();
        let place: Vec<&str> = base.iter().copied().chain([number.as_str()]).collect();
        let mut at = |key: &[&str], message: String| {
            let path: Vec<&str> = place.iter().chain(key).copied().collect();
            found.add(&path, message);
        };
        if check.name.trim().is_empty() {
            at(&["name"], "is empty".to_owned());
        }
        if earlier.iter().chain(&checks[..index]).any(|other| other.name == check.name) {
            at(&["name"], format!("`{}` is already used by another check", check.name));
        }
        let ways = check.ways();
        if ways.iter().filter(|(_, said)| *said).count() != 1 {
            let names: Vec<String> = ways.iter().map(|(name, _)| format!("`{name}`")).collect();
            at(&[], format!("takes exactly one of {}", names.join(", ")));
        }
        if check.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            at(&["timeout"], "is too short".to_owned());
        }
        if check.backup.as_ref().is_some_and(|backup| backup.max_age.0.is_zero()) {
            at(&["backup", "max_age"], "is too short".to_owned());
        }
        addresses(check, &mut at);
        contents(check, &mut at);
        expectation(check, &mut at);
    }
}

fn addresses(check: &Check, at: &mut impl FnMut(&[&str], String)) {
    if let Some(http) = check.http.as_ref().filter(|http| http.parts().is_none()) {
        let message = if http.url.starts_with("http://") || http.url.starts_with("https://") {
            "is not `http://SERVICE:PORT/path`"
        } else {
            "must start with `http://` or `https://`"
        };
        at(&["http"], message.to_owned());
    }
    if check.tcp.as_ref().is_some_and(|tcp| host_and_port(&tcp.address).is_none()) {
        at(&["tcp"], "is not `SERVICE:PORT`".to_owned());
    }
    if check.tls.as_ref().is_some_and(|tls| host_and_port(&tls.address).is_none()) {
        at(&["tls", "address"], "is not `SERVICE:PORT`".to_owned());
    }
}

fn contents(check: &Check, at: &mut impl FnMut(&[&str], String)) {
    if check.exec.as_ref().is_some_and(|exec| exec.command.0.is_empty()) {
        at(&["exec", "command"], "is empty".to_owned());
    }
    if check.sql.as_ref().is_some_and(|sql| sql.query.trim().is_empty()) {
        at(&["sql", "query"], "is empty".to_owned());
    }
    if let Some(asked) = &check.prometheus
        && asked.targets.is_none()
        && asked.rules.is_none()
        && asked.metric.is_none()
        && asked.query.is_none()
    {
        at(&["prometheus"], "requires `targets`, `rules`, `metric` or `query`".to_owned());
    }
    if let Some(log) = &check.log {
        if log.present.is_none() && log.absent.is_none() {
            at(&["log"], "takes `present` or `absent`".to_owned());
        }
        pattern(&["log", "present"], log.present.as_deref(), at);
        pattern(&["log", "absent"], log.absent.as_deref(), at);
    }
}

/// What is expected must be something the way can answer.
fn expectation(check: &Check, at: &mut impl FnMut(&[&str], String)) {
    let Expectation { status, equals, contains, matches, json, headers, exit_code } = &check.expect;
    let way = check.way();
    let speaks = matches!(way, "http" | "exec" | "sql" | "redis");
    let meaningless = [
        ("status", status.is_some() && way != "http"),
        ("headers", !headers.is_empty() && way != "http"),
        ("exit_code", exit_code.is_some() && way != "exec"),
        ("equals", equals.is_some() && !speaks),
        ("contains", contains.is_some() && !speaks),
        ("matches", matches.is_some() && !speaks),
        ("json", !json.is_empty() && !speaks),
    ];
    for (key, _) in meaningless.iter().filter(|(_, wrong)| *wrong && !way.is_empty()) {
        at(&["expect", key], format!("is not supported for `{way}`"));
    }
    pattern(&["expect", "matches"], matches.as_deref(), at);
    for pointer in json.keys().filter(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
        at(
            &["expect", "json", pointer],
            format!("invalid JSON pointer `{pointer}`; write `/{}`", pointer.replace('.', "/")),
        );
    }
}

fn pattern(key: &[&str], pattern: Option<&str>, at: &mut impl FnMut(&[&str], String)) {
    if let Some(Err(error)) = pattern.map(regex::Regex::new) {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        at(key, format!("is not a valid regular expression: {reason}"));
    }
}
