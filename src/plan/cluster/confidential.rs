//! What of an object must not be shown, and what of it is public.
//! Reads an object as JSON; returns the values of Secrets, the secrets among variables and settings, and names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::text;
use crate::secret::{Secret, is_secret_name, names_a_person_or_database, secrets_in};

/// The secret values of an object: everything in a Secret; of other objects, variables and settings whose names or URLs
/// say so.
pub fn secrets_of(object: &Value) -> Vec<Secret> {
    let mut found = Vec::new();
    if text(object, "/kind") == "Secret" {
        of_secret(object, &mut found);
        return found;
    }
    for (key, value) in entries(object, "/data") {
        found.extend(scalar(value).iter().flat_map(|value| within(key, value)));
    }
    variables(object, &mut found);
    found
}

/// The names of an object, which other texts need in order to be understood.
pub fn public_names_of(object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for at in ["/metadata/name", "/metadata/namespace", "/kind"] {
        found.push(text(object, at).to_owned());
    }
    if text(object, "/kind") == "Secret" {
        for (key, value) in entries(object, "/data").chain(entries(object, "/stringData")) {
            found.push(key.clone());
            if names_a_person_or_database(key) && !is_secret_name(key) {
                let value = scalar(value).unwrap_or_default();
                found.extend(decoded(&value));
                found.push(value);
            }
        }
    }
    containers(object, &mut |container| {
        found.extend(["/name", "/image"].map(|at| text(container, at).to_owned()));
    });
    found.retain(|name| !name.is_empty());
    found
}

fn entries<'v>(object: &'v Value, at: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    object.pointer(at).and_then(Value::as_object).into_iter().flatten()
}

/// The API server quotes what it refuses, of whatever type.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

fn of_secret(object: &Value, found: &mut Vec<Secret>) {
    let mut all = Vec::new();
    ["/data", "/stringData"].iter().filter_map(|at| object.pointer(at)).for_each(|value| scalars(value, &mut all));
    for value in all {
        for value in decoded(&value).into_iter().chain([value]) {
            found.extend(value.lines().count().gt(&1).then(|| within("", &value)).into_iter().flatten());
            found.push(Secret::new(value));
        }
    }
}

fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Object(map) => map.values().for_each(|item| scalars(item, found)),
        value => found.extend(scalar(value)),
    }
}

/// The secrets of a setting, which may be a file of settings.
fn within(key: &str, value: &str) -> Vec<Secret> {
    let mut found = secrets_in(key, value);
    let bare = |text: &str| text.trim().trim_matches(|c| matches!(c, '"' | '\'' | ',')).to_owned();
    let pairs = value.lines().filter(|line| *line != value).filter_map(|line| line.split_once(['=', ':']));
    found.extend(pairs.flat_map(|(key, value)| secrets_in(&bare(key), &bare(value))));
    found
}

/// The secrets among the variables of containers.
fn variables(object: &Value, found: &mut Vec<Secret>) {
    containers(object, &mut |container| {
        for variable in container.get("env").and_then(Value::as_array).into_iter().flatten() {
            let value = variable.get("value").and_then(scalar).unwrap_or_default();
            found.extend(secrets_in(text(variable, "/name"), &value));
        }
    });
}

/// Every container of an object, wherever a kind keeps its pods.
fn containers<'v>(value: &'v Value, seen: &mut impl FnMut(&'v Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| containers(item, seen)),
        Value::Object(map) => {
            for (key, item) in map {
                if matches!(key.as_str(), "containers" | "initContainers" | "ephemeralContainers") {
                    item.as_array().into_iter().flatten().for_each(&mut *seen);
                } else {
                    containers(item, seen);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(object: &Value) -> Vec<String> {
        let mut found: Vec<String> = secrets_of(object).iter().map(|secret| secret.expose().to_owned()).collect();
        found.sort();
        found
    }

    #[test]
    fn every_value_of_a_secret_is_one_of_whatever_type() {
        let secret = json!({"kind": "Secret", "data": {"a": "czNjcjN0LXdvcmQ="},
            "stringData": {"pin": 73_519_264, "list": ["f0ur"], "app.env": "PORT=80\nDB_PASSWORD='w0rd'\n"}});
        let all = found(&secret);
        assert_eq!(
            all,
            ["73519264", "PORT=80\nDB_PASSWORD='w0rd'\n", "czNjcjN0LXdvcmQ=", "f0ur", "s3cr3t-word", "w0rd"]
        );
    }

    #[test]
    fn variables_of_containers_are_secrets_where_their_names_say_so() {
        let env = json!([{"name": "API_TOKEN", "value": "t0ken"}, {"name": "MODE", "value": "fast"},
            {"name": "DSN", "value": "postgres://u:p4ss@db/x"}, {"name": "DB_PASSWORD", "valueFrom": {}}]);
        let pod = json!({"initContainers": [{"name": "i", "env": env}]});
        let job = json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}});
        assert_eq!(found(&job), ["p4ss", "t0ken"]);
        let settings = json!({"kind": "ConfigMap", "data": {"MODE": "fast", "conf": "a: b\nclient_secret: \"x7x\"\n"}});
        assert_eq!(found(&settings), ["x7x"]);
    }

    #[test]
    fn users_and_names_are_public() {
        let secret =
            json!({"kind": "Secret", "metadata": {"name": "shop-db"}, "stringData": {"POSTGRES_USER": "shop"}});
        let names = public_names_of(&secret);
        assert!(names.contains(&"shop".to_owned()) && names.contains(&"shop-db".to_owned()), "{names:?}");
    }
}
