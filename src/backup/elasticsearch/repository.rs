//! The snapshot repository of a backup: a folder below `path.repo` that exists only while it is used.

use std::time::Duration;

use serde_json::{Value, json};

use super::server::WAITING;
use crate::backup::BackupError;
use crate::backup::http_api::{Call, HttpApi};
use crate::target::ByteStream;

/// The name of the repository, and of its folder.
const NAME: &str = "aictl-backup";
/// The only snapshot in it.
const SNAPSHOT: &str = "aictl";
/// How long a snapshot or its restore may take.
const SNAPPING: Duration = Duration::from_secs(3600);

/// The first folder that the server may keep snapshots in.
pub async fn path_repo(api: &HttpApi<'_>) -> Result<Option<String>, BackupError> {
    let found = api.get("/_nodes/_local/settings?filter_path=nodes.*.settings.path").await?;
    let nodes = found.get("nodes").and_then(Value::as_object);
    let repo = nodes.and_then(|nodes| nodes.values().find_map(|node| node.pointer("/settings/path/repo")));
    let first = repo.and_then(|repo| repo.as_str().or_else(|| repo.get(0)?.as_str()));
    Ok(first.and_then(|text| text.split(',').next()).map(|path| path.trim_end_matches('/').to_owned()))
}

/// The folder below it.
async fn parent(api: &HttpApi<'_>) -> Result<String, BackupError> {
    path_repo(api).await?.ok_or_else(|| api.inside.failed("path.repo is not set"))
}

/// Registers the repository; `read` where it holds a snapshot to be restored.
pub(super) async fn register(api: &HttpApi<'_>, read: bool) -> Result<(), BackupError> {
    let location = format!("{}/{NAME}", parent(api).await?);
    let body = json!({ "type": "fs", "settings": { "location": location, "readonly": read } });
    let path = format!("/_snapshot/{NAME}");
    api.call(Call { method: "PUT", path: &path, body: Some(&body), deadline: WAITING }).await.map(drop)
}

/// Makes the snapshot. One that is partial is none.
pub(super) async fn make(api: &HttpApi<'_>, indices: &[String]) -> Result<(), BackupError> {
    let path = format!("/_snapshot/{NAME}/{SNAPSHOT}?wait_for_completion=true");
    let body = json!({ "indices": indices.join(","), "include_global_state": false });
    let made = api.call(Call { method: "PUT", path: &path, body: Some(&body), deadline: SNAPPING }).await?;
    match made.pointer("/snapshot/state").and_then(Value::as_str) {
        Some("SUCCESS") => Ok(()),
        other => Err(api.inside.failed(format!("its snapshot ended as {}", other.unwrap_or("unknown")))),
    }
}

/// The folder as an archive.
pub(super) async fn read(api: &HttpApi<'_>) -> Result<ByteStream, BackupError> {
    let path = format!("{}/{NAME}", parent(api).await?);
    Ok(api.inside.target.copy_out(&api.inside.container, &path).await?)
}

/// The archive as the folder.
pub(super) async fn write(api: &HttpApi<'_>, archive: ByteStream) -> Result<(), BackupError> {
    let parent = parent(api).await?;
    api.inside.answer("exec mkdir -p \"$1\"", &[&parent]).await?;
    Ok(api.inside.target.copy_in(&api.inside.container, &parent, archive).await?)
}

/// Restores indices under their names, or under those with a prefix; never their aliases and policies.
pub(super) async fn restore(api: &HttpApi<'_>, indices: &[String], prefix: &str) -> Result<(), BackupError> {
    let path = format!("/_snapshot/{NAME}/{SNAPSHOT}/_restore?wait_for_completion=true");
    let body = json!({
        "indices": indices.join(","),
        "include_global_state": false,
        "include_aliases": false,
        "rename_pattern": "(.+)",
        "rename_replacement": format!("{prefix}$1"),
        "ignore_index_settings": ["index.lifecycle.name", "index.lifecycle.rollover_alias"],
    });
    let restored = api.call(Call { method: "POST", path: &path, body: Some(&body), deadline: SNAPPING }).await?;
    match restored.pointer("/snapshot/shards/failed").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        failed => Err(api.inside.failed(format!("{} shards were not restored", failed.unwrap_or_default()))),
    }
}

/// Removes the snapshot, the repository and its folder; they may be of a run that was killed.
pub async fn clean(api: &HttpApi<'_>) -> Result<(), BackupError> {
    let Some(parent) = path_repo(api).await? else { return Ok(()) };
    // A snapshot that is being made is stopped by this.
    let snapshot = format!("/_snapshot/{NAME}/{SNAPSHOT}");
    let call = Call { method: "DELETE", path: &snapshot, body: None, deadline: WAITING };
    // Of one that is only read nothing is removed; the folder goes all the same.
    api.answer(call).await?;
    api.remove(&format!("/_snapshot/{NAME}")).await?;
    api.inside.answer("exec rm -rf \"$1\"", &[&format!("{parent}/{NAME}")]).await.map(drop)
}
