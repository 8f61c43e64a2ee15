//! References between stores: ids that a PostgreSQL query gives, and whether another store has something by each of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::BackupError;
use super::http_api::{Call, HttpApi, segment};
use super::inside::{Inside, QUERY};
use super::queries::{SqlQuery, rows};
use super::redis::CLIENT;

/// Ids that are asked for at once.
const BATCH: usize = 1000;

/// Where ids must be.
pub enum Referred<'a> {
    /// Points of a Qdrant collection.
    Points { api: HttpApi<'a>, collection: &'a str },
    /// Documents of an Elasticsearch index.
    Documents { api: HttpApi<'a>, index: &'a str },
    /// Redis keys with a prefix.
    Keys { inside: Inside<'a>, prefix: &'a str },
}

/// The ids that a query gives, and those of them that are nowhere.
#[derive(Debug, Default)]
pub struct Dangling {
    /// How many different ids there are.
    pub ids: usize,
    /// Those that lead nowhere.
    pub missing: Vec<String>,
}

/// Looks every id up.
pub async fn dangling((from, query): (&Inside<'_>, &SqlQuery), to: &Referred<'_>) -> Result<Dangling, BackupError> {
    let ids: BTreeSet<String> = rows(from, query).await?.into_iter().collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let mut missing = Vec::new();
    for batch in ids.chunks(BATCH) {
        let there = match to {
            Referred::Points { api, collection } => points(api, collection, batch).await?,
            Referred::Documents { api, index } => documents(api, index, batch).await?,
            Referred::Keys { inside, prefix } => keys(inside, prefix, batch).await?,
        };
        missing.extend(batch.iter().filter(|id| !there.contains(*id)).cloned());
    }
    Ok(Dangling { ids: ids.len(), missing })
}

async fn points(api: &HttpApi<'_>, collection: &str, ids: &[String]) -> Result<BTreeSet<String>, BackupError> {
    // Anything else would be refused, and can be the id of no point.
    let asked: Vec<Value> = ids.iter().filter_map(|id| point_id(id)).collect();
    let path = format!("/collections/{}/points", segment(collection));
    let body = json!({ "ids": asked, "with_payload": false, "with_vector": false });
    let answer = api.call(Call { method: "POST", path: &path, body: Some(&body), deadline: QUERY }).await?;
    let found = answer.get("result").and_then(Value::as_array);
    let found = found.ok_or_else(|| api.inside.failed(format!("it does not list the points of {collection}")))?;
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let there: BTreeSet<String> = found.iter().filter_map(|point| point.get("id")).map(text).collect();
    let is_there = |id: &&String| point_id(id).is_some_and(|value| there.contains(&text(&value)));
    Ok(ids.iter().filter(is_there).cloned().collect())
}

/// A number, or a UUID as Qdrant writes it.
fn point_id(id: &str) -> Option<Value> {
    if let Ok(number) = id.parse::<u64>() {
        return Some(number.into());
    }
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = is_uuid.then(|| digits.to_ascii_lowercase())?;
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-").into())
}

async fn documents(api: &HttpApi<'_>, index: &str, ids: &[String]) -> Result<BTreeSet<String>, BackupError> {
    let path = format!("/{}/_mget?_source=false", segment(index));
    let answer = api.send("POST", &path, &json!({ "ids": ids })).await?;
    let found = answer.get("docs").and_then(Value::as_array);
    let found = found.ok_or_else(|| api.inside.failed(format!("it does not list the documents of {index}")))?;
    if let Some(error) = found.iter().find_map(|document| document.get("error")) {
        return Err(api.inside.failed(format!("index {index}: {}", error["reason"].as_str().unwrap_or("error"))));
    }
    let is_found = |document: &&Value| document.get("found").and_then(Value::as_bool) == Some(true);
    let there = found.iter().filter(is_found).filter_map(|document| document.get("_id")?.as_str());
    Ok(there.map(str::to_owned).collect())
}

async fn keys(inside: &Inside<'_>, prefix: &str, ids: &[String]) -> Result<BTreeSet<String>, BackupError> {
    let commands: String = ids.iter().map(|id| format!("EXISTS {}\n", quoted(&format!("{prefix}{id}")))).collect();
    let answer = inside.tell(QUERY, (&format!("{CLIENT}\nexec $client"), &[]), commands).await?;
    let counts: Vec<&str> = answer.lines().map(str::trim).collect();
    if counts.len() != ids.len() || counts.iter().any(|count| !matches!(*count, "0" | "1")) {
        let said = counts.iter().find(|count| !matches!(**count, "0" | "1")).copied().unwrap_or_default();
        return Err(inside.failed(format!("it does not say which keys exist: {said}").trim_end_matches(": ")));
    }
    Ok(ids.iter().zip(counts).filter(|(_, count)| *count == "1").map(|(id, _)| id.clone()).collect())
}

/// A word as redis-cli reads it: every byte that is no letter or digit in hexadecimal.
fn quoted(word: &str) -> String {
    let byte = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("\\x{b:02x}"),
    };
    format!("\"{}\"", word.bytes().map(byte).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_points_are_numbers_and_uuids_and_nothing_else() {
        assert_eq!(point_id("7"), Some(json!(7)));
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(point_id(&uuid.to_uppercase()), Some(json!(uuid)));
        assert_eq!(point_id(&uuid.replace('-', "")), Some(json!(uuid)));
        assert_eq!([point_id("-7"), point_id("note 7"), point_id("")], [None, None, None]);
    }

    #[test]
    fn no_byte_of_an_id_is_a_command() {
        assert_eq!(quoted("a:1"), "\"a\\x3a1\"");
        assert_eq!(quoted("\" \nFLUSHALL"), "\"\\x22\\x20\\x0aFLUSHALL\"");
    }
}
