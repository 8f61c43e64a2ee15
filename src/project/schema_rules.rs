//! What the loader asks for beyond types, for editors: names, one way of several, nothing empty.
//! Reads the schema made from the types; adds to it what JSON Schema can say of `semantic` and `check_rules`.
//! Never is all of it: what has to look at two places is for the loader alone.

use serde_json::{Value, json};

use super::check::Check;

/// Something besides blanks.
pub(super) const NOT_BLANK: &str = r"\S";
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
const PROJECT: &str = "^[a-z0-9][a-z0-9_-]*$";
const ENVIRONMENT: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
const URL: &str = r"^https?://(\[[^\]/?@ #]+\]|[^:/?@ #\[]+)(:0*[1-9][0-9]*)?([/?][^ #]*)?$";
const ADDRESS: &str = "^[^/ @]+:0*[1-9][0-9]*$";
/// A URL, or what becomes one when its variables are replaced.
const WEB: &str = r"\$|^https?://[^/\s]\S*$";
const MAIL_SERVER: &str = r"\$|^smtps?://[^/\s@][^\s@]*$";
const MAIL_ADDRESS: &str = r"[$@]";
const REGISTRY: &str = r"^(\[[0-9A-Fa-f:]+\]|[^\s:/\[\]]+)(:0*[1-9][0-9]*)?(/[^\s:/]+)*$";

/// Adds what the types do not say.
pub(super) fn add(schema: &mut Value) {
    for (place, pattern) in [
        ("/properties/name", PROJECT),
        ("/$defs/Check/properties/name", NOT_BLANK),
        ("/$defs/SqlCheck/properties/query", NOT_BLANK),
        ("/$defs/ProxyConfig/properties/service", NOT_BLANK),
        ("/$defs/HttpCheck", URL),
        ("/$defs/TcpCheck", ADDRESS),
        ("/$defs/TlsCheck/properties/address", ADDRESS),
        ("/$defs/NotifyConfig/properties/slack", WEB),
        ("/$defs/WebhookNotify/anyOf/0", WEB),
        ("/$defs/WebhookSettings/properties/url", WEB),
        ("/$defs/TelegramNotify/properties/server", WEB),
        ("/$defs/TelegramNotify/properties/token", NOT_BLANK),
        ("/$defs/TelegramNotify/properties/chat", NOT_BLANK),
        ("/$defs/EmailNotify/properties/smtp", MAIL_SERVER),
        ("/$defs/EmailNotify/properties/from", MAIL_ADDRESS),
        ("/$defs/RegistryConfig/properties/url", REGISTRY),
        ("/$defs/RegistryConfig/properties/mirrors/items", REGISTRY),
    ] {
        put(schema, place, "pattern", pattern.into());
    }
    put(schema, "/properties/environments", "propertyNames", json!({ "pattern": ENVIRONMENT }));
    put(schema, "/properties/secrets", "propertyNames", json!({ "pattern": VARIABLE }));
    put(schema, "/$defs/TargetConfig/oneOf/1/properties/kubernetes", "minItems", 1.into());
    let words = json!([{ "anyOf": [{ "type": "array", "minItems": 1 }, { "not": { "type": "array" } }] },
                       { "pattern": NOT_BLANK }]);
    for check in ["Task", "ExecCheck"] {
        put(schema, &format!("/$defs/{check}/properties/command"), "allOf", words.clone());
    }
    choices(schema);
    notify(schema);
    proxy(schema);
    docker_target(schema);
}

/// A proxy is a service or a managed one; a managed one has no TLS yet.
fn proxy(schema: &mut Value) {
    let managed = json!({ "required": ["managed"], "properties": { "managed": { "const": true } } });
    let one = json!({ "oneOf": [said("service"), managed] });
    let rules = json!([one, { "not": { "allOf": [managed, said("tls")] } }]);
    put(schema, "/$defs/ProxyConfig", "allOf", rules);
}

/// A filter needs something to filter, a user a password.
fn notify(schema: &mut Value) {
    let channels = ["slack", "telegram", "webhook", "email"].map(said);
    let unused = json!([said("on"), { "not": { "anyOf": channels } }]);
    put(schema, "/$defs/NotifyConfig", "allOf", none_of(&[unused]));
    let impossible =
        [json!([said("user"), { "not": said("password") }]), json!([said("password"), { "not": said("user") }])];
    put(schema, "/$defs/EmailNotify", "allOf", none_of(&impossible));
}

/// Keys of which one or more must be there, and keys that exclude each other.
fn choices(schema: &mut Value) {
    let ways = Check::default().ways().map(|(way, _)| way);
    for (definition, word, keys) in [
        ("Check", "oneOf", &ways[..]),
        ("Tls", "oneOf", &["letsencrypt", "files"]),
        ("PasswordSource", "oneOf", &["env", "file", "command"]),
        ("LogCheck", "anyOf", &["present", "absent"]),
        ("PrometheusCheck", "anyOf", &["targets", "rules", "metric", "query"]),
    ] {
        let choice = json!({ word: keys.iter().map(|key| said(key)).collect::<Vec<_>>() });
        put(schema, &format!("/$defs/{definition}"), "allOf", json!([choice]));
    }
}

/// The keys of a Docker target that exclude or need each other.
fn docker_target(schema: &mut Value) {
    for place in ["DockerTarget/properties/host", "DockerTarget/properties/context", "DockerTls/anyOf/0"] {
        put(schema, &format!("/$defs/{place}"), "pattern", NOT_BLANK.into());
    }
    for key in ["ca", "cert", "key"] {
        put(schema, &format!("/$defs/DockerTlsFiles/properties/{key}"), "pattern", NOT_BLANK.into());
    }
    let not_tcp = json!({ "pattern": "://", "not": { "pattern": r"^\s*(tcp|https)://" } });
    let impossible = [
        json!([said("host"), said("context")]),
        json!([said("tls"), { "not": said("host") }]),
        json!([said("tls"), { "required": ["host"], "properties": { "host": not_tcp } }]),
    ];
    put(schema, "/$defs/DockerTarget", "allOf", none_of(&impossible));
    let unchecked = json!({ "required": ["verify"], "properties": { "verify": { "const": false } } });
    let impossible = [
        json!([said("cert"), { "not": said("key") }]),
        json!([said("key"), { "not": said("cert") }]),
        json!([said("ca"), unchecked]),
    ];
    put(schema, "/$defs/DockerTlsFiles", "allOf", none_of(&impossible));
}

/// None of these combinations, each a list of what is true at once.
fn none_of(combinations: &[Value]) -> Value {
    combinations.iter().map(|all| json!({ "not": { "allOf": all } })).collect()
}

/// A key that is there and is not empty.
fn said(key: &str) -> Value {
    json!({ "required": [key], "properties": { key: { "not": { "type": "null" } } } })
}

fn put(schema: &mut Value, place: &str, key: &str, value: Value) {
    if let Some(found) = schema.pointer_mut(place).and_then(Value::as_object_mut) {
        found.insert(key.to_owned(), value);
    }
}
