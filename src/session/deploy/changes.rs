//! What a deploy changes in the configuration: the differences from the current release by service and key. Values that
//! are or contain secrets are left out.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::configuration::Configuration;
use crate::error::Result;
use crate::plan::difference::{Difference, differences};
use crate::secret::{Secret, is_secret_name};
use crate::session::load::LoadedStack;
use crate::session::redaction::redact;
use crate::session::{Context, WorkflowError};

/// Where secrets are inside a container.
const SECRETS: &str = "/run/secrets/";
/// The key under which a service has the digest over the contents of its files.
const CONTENT: &str = "content";
/// Characters of a value that are shown in a line.
const WIDTH: usize = 80;

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigurationChange {
    /// Service; none for networks, volumes and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `environment.ROUND`; empty for the whole service.
    pub key: String,
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
    /// The value in the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value in the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether the values are left out.
    pub hidden: bool,
}

impl ConfigurationChange {
    /// The change as a line: `api: environment.ROUND: "1" -> "2"`.
    pub fn line(&self) -> String {
        let service = self.service.iter().map(String::as_str);
        let mut words: Vec<&str> = service.chain(Some(self.key.as_str()).filter(|key| !key.is_empty())).collect();
        let value = match (self.before.as_ref().map(shown), self.after.as_ref().map(shown)) {
            _ if self.key.is_empty() => self.change.to_owned(),
            (Some(before), Some(after)) => format!("{before} -> {after}"),
            (None, Some(after)) => format!("{}, {after}", self.change),
            _ => self.change.to_owned(),
        };
        words.push(&value);
        words.join(": ")
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(WIDTH) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The differences, services first.
pub fn configuration_changes(
    context: &Context,
    loaded: &LoadedStack,
    (before, after): (&Configuration, &Configuration),
) -> Result<Vec<ConfigurationChange>> {
    let declared = secret_names(loaded, &[before, after]);
    learn(context, before, &declared);
    let found = differences(&document(before)?, &document(after)?);
    Ok(found.into_iter().map(|difference| change(context, &declared, difference)).collect())
}

/// Names whose values are secrets, whatever they sound like.
fn secret_names(loaded: &LoadedStack, configurations: &[&Configuration]) -> Vec<String> {
    let of_file = loaded.project.project.iter().flat_map(|file| file.secrets.keys().cloned());
    let secrets = configurations.iter().flat_map(|configuration| configuration.stack.secrets.values());
    of_file.chain(secrets.map(|secret| secret.environment.clone())).filter(|name| !name.is_empty()).collect()
}

/// The values of the release may have been replaced since: the files do not have them.
fn learn(context: &Context, before: &Configuration, declared: &[String]) {
    redact(context, &before.stack, std::iter::empty());
    let variables = before.stack.services.values().flat_map(|service| &service.environment);
    let declared = variables.filter(|(name, _)| declared.contains(name)).filter_map(|(_, value)| value.as_deref());
    let mut secrets: Vec<Secret> = declared.map(Secret::new).collect();
    let files = before.contents.values().flat_map(|content| &content.files);
    let of_secrets = files.filter(|file| file.target.starts_with(SECRETS));
    secrets.extend(of_secrets.map(|file| Secret::new(String::from_utf8_lossy(&file.content).into_owned())));
    context.redactor.learn(&secrets);
}

/// What is compared.
pub(super) fn document(configuration: &Configuration) -> Result<Value> {
    let Configuration { stack, contents, settings, .. } = configuration;
    let unreadable = |error: serde_json::Error| WorkflowError::Configuration { message: error.to_string(), hint: None };
    let Value::Object(mut parts) = stack.to_json().map_err(unreadable)? else { return Ok(Value::Null) };
    let mut services = parts.shift_remove("services").and_then(|all| all.as_object().cloned()).unwrap_or_default();
    for (name, service) in services.iter_mut().filter_map(|(name, service)| Some((name, service.as_object_mut()?))) {
        if let Some(digest) = contents.get(name).and_then(|content| content.digest.as_ref()) {
            service.insert(CONTENT.to_owned(), json!(digest));
        }
        if let Some(choice) = settings.strategies.get(name) {
            service.insert("strategy".to_owned(), json!(choice.word()));
        }
    }
    let mut whole = Map::new();
    whole.insert("services".to_owned(), Value::Object(services));
    whole.append(&mut parts);
    whole.insert("proxy".to_owned(), json!(settings.proxy));
    let drain = format!("{}s", settings.drain.as_secs_f64());
    whole.insert("deploy".to_owned(), json!({ "migrate": settings.migrate, "drain": drain }));
    Ok(Value::Object(whole))
}

fn change(context: &Context, declared: &[String], difference: Difference) -> ConfigurationChange {
    let is_service = difference.path.first().is_some_and(|part| part == "services") && difference.path.len() > 1;
    let service = difference.path.get(1).filter(|_| is_service).cloned();
    let rest = difference.path.get(if is_service { 2 } else { 0 }..).unwrap_or_default().to_vec();
    let key = Difference { path: rest.clone(), ..difference.clone() }.place();
    let names_a_secret = rest.iter().any(|part| is_secret_name(part) || declared.contains(part));
    let is_known = |value: &Option<Value>| {
        value
            .as_ref()
            .is_some_and(|value| context.redactor.redact_json(value) != *value || holds_a_secret(value, declared))
    };
    let Difference { before, after, .. } = difference;
    let hidden = names_a_secret || key == CONTENT || is_known(&before) || is_known(&after);
    let change = match (&before, &after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let kept = |value: Option<Value>| value.filter(|_| !hidden);
    ConfigurationChange { service, key, change, before: kept(before), after: kept(after), hidden }
}

/// Whether a key within a value names a secret.
fn holds_a_secret(value: &Value, declared: &[String]) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, item)| {
            (item.is_string() && (is_secret_name(key) || declared.contains(key))) || holds_a_secret(item, declared)
        }),
        Value::Array(items) => items.iter().any(|item| holds_a_secret(item, declared)),
        _ => false,
    }
}
