//! What a Qdrant server says of itself: its version, collections, counts and aliases.

use std::time::Duration;

use serde_json::{Value, json};

use crate::backup::http_api::{Call, HttpApi, segment};
use crate::backup::{BackupError, Part, PartFile};

/// The file with the aliases.
pub(super) const ALIASES: &str = "aliases.json";
/// The beginning of the name of a fact with the points of a collection.
pub const POINTS_OF: &str = "points of ";
/// What marks a collection that a restore made or put aside.
pub(super) const SIDE: &str = "__aictl_";
/// How long counting may take.
const COUNTING: Duration = Duration::from_secs(180);

/// The files with collections.
pub(super) fn snapshots_of(part: &Part) -> impl Iterator<Item = &PartFile> {
    part.files.iter().filter(|file| !file.of.is_empty())
}

pub(super) async fn version(api: &HttpApi<'_>) -> Result<String, BackupError> {
    let banner = api.get("/").await?;
    let version = banner.get("version").and_then(Value::as_str).map(str::to_owned);
    version.ok_or_else(|| api.inside.failed("it does not say its version"))
}

/// A node of a cluster has snapshots of its own shards only.
pub(super) async fn refuse_cluster(api: &HttpApi<'_>) -> Result<(), BackupError> {
    let call = Call { method: "GET", path: "/cluster", body: None, deadline: crate::backup::inside::QUERY };
    let found = api.answer(call).await?;
    let peers = found.body.pointer("/result/peers").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    match peers {
        0 | 1 => Ok(()),
        nodes => {
            Err(api.inside.failed(format!("it is a cluster of {nodes} nodes, whose snapshots hold one node each")))
        }
    }
}

pub(super) async fn all_collections(api: &HttpApi<'_>) -> Result<Vec<String>, BackupError> {
    let answer = api.get("/collections").await?;
    let listed = answer.pointer("/result/collections").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| api.inside.failed("it does not list its collections"))?;
    Ok(listed.iter().filter_map(|one| one.get("name")?.as_str()).map(str::to_owned).collect())
}

/// The collections that are stored: those given, or all but what a restore made.
pub(super) async fn collections(api: &HttpApi<'_>, wanted: &[String]) -> Result<Vec<String>, BackupError> {
    let mut found = all_collections(api).await?;
    found.retain(|name| !name.contains(SIDE));
    found.sort();
    if let Some(missing) = wanted.iter().find(|name| !found.contains(name)) {
        return Err(api.inside.failed(format!("collection `{missing}` does not exist")));
    }
    Ok(if wanted.is_empty() { found } else { wanted.to_vec() })
}

pub(super) async fn count(api: &HttpApi<'_>, collection: &str) -> Result<u64, BackupError> {
    let path = format!("/collections/{}/points/count", segment(collection));
    let body = json!({ "exact": true });
    let call = Call { method: "POST", path: &path, body: Some(&body), deadline: COUNTING };
    let answer = api.call(call).await?;
    let count = answer.pointer("/result/count").and_then(Value::as_u64);
    count.ok_or_else(|| api.inside.failed(format!("it does not count the points of {collection}")))
}

/// The aliases: a list of `alias_name` and `collection_name`.
pub(super) async fn aliases(api: &HttpApi<'_>) -> Result<Value, BackupError> {
    let answer = api.get("/aliases").await?;
    let listed = answer.pointer("/result/aliases").filter(|list| list.is_array()).cloned();
    listed.ok_or_else(|| api.inside.failed("it does not list its aliases"))
}
