//! What belongs to indices and is not in a snapshot of ours: aliases, templates and ingest pipelines.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::backup::BackupError;
use crate::backup::http_api::{Call, HttpApi, segment};
use crate::backup::inside::QUERY;

/// Paths of definitions, what holds them in the answer where that is a list, and the key of one there. In the order in
/// which they need each other.
const KINDS: [(&str, Option<(&str, &str)>); 4] = [
    ("/_ingest/pipeline", None),
    ("/_component_template", Some(("component_templates", "component_template"))),
    ("/_index_template", Some(("index_templates", "index_template"))),
    ("/_template", None),
];
/// The key of the aliases.
const ALIASES: &str = "aliases";

/// Reads the definitions, without those of the server itself.
pub(super) async fn read(api: &HttpApi<'_>) -> Result<Value, BackupError> {
    let mut all = Map::new();
    for (path, list) in KINDS {
        let answer = api.answer(Call { method: "GET", path, body: None, deadline: QUERY }).await?;
        let found = match answer.status {
            200 => by_name(answer.body, list),
            // An older server has no such kind, or there is none of it.
            400 | 404 | 405 => Map::new(),
            status => return Err(api.inside.failed(format!("GET {path} answered {status}"))),
        };
        all.insert(path.to_owned(), Value::Object(found));
    }
    all.insert(ALIASES.to_owned(), aliases(api).await?);
    Ok(Value::Object(all))
}

fn by_name(answer: Value, list: Option<(&str, &str)>) -> Map<String, Value> {
    let pairs: Vec<(String, Value)> = match list {
        None => answer.as_object().cloned().unwrap_or_default().into_iter().collect(),
        Some((all, one)) => {
            let entries = answer.get(all).and_then(Value::as_array).cloned().unwrap_or_default();
            let pair = |entry: Value| Some((entry.get("name")?.as_str()?.to_owned(), entry.get(one)?.clone()));
            entries.into_iter().filter_map(pair).collect()
        }
    };
    let is_own = |(name, body): &(String, Value)| {
        !name.starts_with('.') && body.pointer("/_meta/managed") != Some(&Value::Bool(true))
    };
    pairs.into_iter().filter(is_own).collect()
}

/// The aliases by index, with their filters and routing.
pub(super) async fn aliases(api: &HttpApi<'_>) -> Result<Value, BackupError> {
    api.get("/_alias").await
}

/// Writes the templates and pipelines.
pub(super) async fn write(api: &HttpApi<'_>, definitions: &Value) -> Result<(), BackupError> {
    for (path, _) in KINDS {
        for (name, body) in definitions.get(path).and_then(Value::as_object).into_iter().flatten() {
            api.send("PUT", &format!("{path}/{}", segment(name)), body).await?;
        }
    }
    Ok(())
}

/// The aliases among definitions.
pub(super) fn aliases_of(definitions: &Value) -> Value {
    definitions.get(ALIASES).cloned().unwrap_or_default()
}

/// Gives these indices the aliases of a list, in one request; an alias of it that others have is taken from them.
pub(super) async fn set_aliases(
    api: &HttpApi<'_>,
    wanted: &Value,
    indices: &BTreeSet<&str>,
) -> Result<(), BackupError> {
    let actions = alias_actions(&aliases(api).await?, wanted, indices);
    if actions.is_empty() {
        return Ok(());
    }
    api.send("POST", "/_aliases", &json!({ "actions": actions })).await.map(drop)
}

fn entries(list: &Value) -> Vec<(&str, &str, &Value)> {
    let mut all = Vec::new();
    for (index, of) in list.as_object().into_iter().flatten() {
        let aliases = of.get(ALIASES).and_then(Value::as_object).into_iter().flatten();
        all.extend(aliases.map(|(alias, body)| (index.as_str(), alias.as_str(), body)));
    }
    all
}

fn alias_actions(now: &Value, wanted: &Value, indices: &BTreeSet<&str>) -> Vec<Value> {
    let wanted: Vec<_> = entries(wanted).into_iter().filter(|(index, _, _)| indices.contains(index)).collect();
    let is_wanted = |index: &str, alias: &str| wanted.iter().any(|(i, a, _)| *i == index && *a == alias);
    let moves = |alias: &str| wanted.iter().any(|(_, other, _)| *other == alias);
    let gone = entries(now)
        .into_iter()
        .filter(|(index, alias, _)| (indices.contains(index) || moves(alias)) && !is_wanted(index, alias));
    let removed: Vec<Value> =
        gone.map(|(index, alias, _)| json!({ "remove": { "index": index, "alias": alias } })).collect();
    let added = wanted.iter().map(|(index, alias, body)| {
        let mut add = body.as_object().cloned().unwrap_or_default();
        add.insert("index".to_owned(), json!(index));
        add.insert("alias".to_owned(), json!(alias));
        json!({ "add": add })
    });
    removed.into_iter().chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_goes_back_to_its_index_with_its_filter_and_leaves_the_one_it_has_now() {
        let wanted = json!({ "docs": { "aliases": { "live": { "filter": { "term": { "a": 1 } } } } }, "other": { "aliases": {} } });
        let now = json!({ "later": { "aliases": { "live": {}, "own": {} } }, "docs": { "aliases": { "late": {} } } });
        let actions = alias_actions(&now, &wanted, &BTreeSet::from(["docs"]));
        let words: Vec<String> = actions.iter().map(Value::to_string).collect();
        assert_eq!(words.len(), 3, "{words:?}");
        for expected in [
            json!({ "remove": { "index": "docs", "alias": "late" } }),
            json!({ "remove": { "index": "later", "alias": "live" } }),
            json!({ "add": { "index": "docs", "alias": "live", "filter": { "term": { "a": 1 } } } }),
        ] {
            assert!(actions.contains(&expected), "{expected}: {words:?}");
        }
    }

    #[test]
    fn definitions_of_the_server_itself_are_left_out() {
        let list = json!({ "index_templates": [
            { "name": "notes", "index_template": { "index_patterns": ["n*"] } },
            { "name": ".monitoring", "index_template": {} },
            { "name": "logs", "index_template": { "_meta": { "managed": true } } },
        ] });
        let found = by_name(list, Some(("index_templates", "index_template")));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["notes"]);
    }
}
