//! Restoring collections. Qdrant renames none, so each is first restored under another name and counted, then the present
//! one is copied, and only then is it replaced. After a failure the present ones are back; after a kill the copy is there.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::server::{ALIASES, POINTS_OF, SIDE, aliases, all_collections, collections, count, snapshots_of, version};
use super::snapshots::{clean, folder, make, read};
use crate::backup::http_api::{Call, HttpApi, segment};
use crate::backup::inside::QUERY;
use crate::backup::{BackupError, PartFile, StoredPart};

/// A collection that is about to be replaced.
struct Replaced<'f> {
    file: &'f PartFile,
    /// Whether it exists; it then has a copy.
    exists: bool,
    /// The parameters of what is restored.
    shape: Value,
}

/// Restores the collections of a part and their aliases; returns the number of points.
pub async fn restore(api: &HttpApi<'_>, stored: StoredPart<'_>) -> Result<u64, BackupError> {
    let (there, recorded) = (version(api).await?, stored.part.facts.get("server_version"));
    if let Some(recorded) = recorded
        && !reads(&there, recorded)
    {
        let reason = format!(
            "Qdrant {there} does not restore snapshots of {recorded}; it takes the same minor version or the next"
        );
        return Err(api.inside.failed(reason));
    }
    clean(api, Duration::ZERO).await?;
    let (names, before) = (collections(api, &[]).await?, aliases(api).await?);
    let set = stored.set.found.id.set.as_str();
    let mut replaced = Vec::new();
    for file in snapshots_of(stored.part) {
        let shape = try_out(api, stored, file).await?;
        let old = old(&file.of, set);
        // After a restore that was killed, the copy it made is the old state.
        let exists = names.contains(&file.of) || exists(api, &old).await?;
        if exists && !self::exists(api, &old).await? {
            copy(api, &file.of, &old).await?;
        }
        replaced.push(Replaced { file, exists, shape });
    }
    match replace(api, stored, &replaced).await {
        Ok(points) => remove_copies(api, &replaced).await.map(|()| points),
        Err(error) => {
            go_back(api, (&replaced, set), &before).await?;
            Err(error)
        }
    }
}

/// The name of the copy of a collection while it is replaced.
fn old(collection: &str, set: &str) -> String {
    format!("{collection}{SIDE}old_{set}")
}

/// Restores a collection under another name and counts its points; returns its parameters.
async fn try_out(api: &HttpApi<'_>, stored: StoredPart<'_>, file: &PartFile) -> Result<Value, BackupError> {
    let side = format!("{}{SIDE}new_{}", file.of, stored.set.found.id.set);
    // What a restore that was killed left behind.
    api.remove(&place(&side)).await?;
    let tried = async {
        api.upload(&upload_path(&side, &file.sha256), (stored.file(file)?, file.bytes)).await?;
        check(api, stored, (&side, file)).await?;
        shape(api, &side).await
    };
    let tried = tried.await;
    let removed = api.remove(&place(&side)).await;
    let shape = tried?;
    removed.map(|()| shape)
}

fn place(collection: &str) -> String {
    format!("/collections/{}", segment(collection))
}

async fn exists(api: &HttpApi<'_>, collection: &str) -> Result<bool, BackupError> {
    let path = place(collection);
    let call = Call { method: "GET", path: &path, body: None, deadline: QUERY };
    match api.answer(call).await?.status {
        200 => Ok(true),
        404 => Ok(false),
        other => Err(api.inside.failed(format!("GET {path} answered {other}"))),
    }
}

/// Vectors and other parameters of a collection: a snapshot of others does not go into it.
async fn shape(api: &HttpApi<'_>, collection: &str) -> Result<Value, BackupError> {
    let found = api.get(&place(collection)).await?;
    Ok(found.pointer("/result/config/params").cloned().unwrap_or_default())
}

/// Removes a collection that a snapshot with other parameters would not go into.
async fn remove_unlike(api: &HttpApi<'_>, collection: &str, wanted: &Value) -> Result<(), BackupError> {
    if exists(api, collection).await? && shape(api, collection).await? != *wanted {
        api.remove(&place(collection)).await?;
    }
    Ok(())
}

/// Copies a collection over another one by a snapshot.
async fn copy(api: &HttpApi<'_>, from: &str, to: &str) -> Result<(), BackupError> {
    let made = make(api, from).await?;
    let copied = async {
        remove_unlike(api, to, &shape(api, from).await?).await?;
        let checksum = made.checksum.as_deref().unwrap_or_default();
        let snapshot = read(api, (from, &made)).await?;
        api.upload(&upload_path(to, checksum), (snapshot, made.size)).await.map(drop)
    };
    let copied = copied.await;
    clean(api, Duration::ZERO).await.and(copied)
}

/// Compares the points with those recorded.
async fn check(
    api: &HttpApi<'_>,
    stored: StoredPart<'_>,
    (collection, file): (&str, &PartFile),
) -> Result<u64, BackupError> {
    let found = count(api, collection).await?;
    let recorded = stored.part.facts.get(&format!("{POINTS_OF}{}", file.of));
    match recorded.and_then(|count| count.parse::<u64>().ok()) {
        Some(wanted) if wanted != found => {
            Err(api.inside.failed(format!("{} has {found} points restored, {wanted} were stored", file.of)))
        }
        _ => Ok(found),
    }
}

async fn replace(api: &HttpApi<'_>, stored: StoredPart<'_>, replaced: &[Replaced<'_>]) -> Result<u64, BackupError> {
    let mut points = 0;
    for Replaced { file, shape, .. } in replaced {
        remove_unlike(api, &file.of, shape).await?;
        api.upload(&upload_path(&file.of, &file.sha256), (stored.file(file)?, file.bytes)).await?;
        points += check(api, stored, (&file.of, file)).await?;
    }
    let names: BTreeSet<&str> = replaced.iter().map(|one| one.file.of.as_str()).collect();
    for file in stored.part.files.iter().filter(|file| file.name == ALIASES) {
        let bytes: Vec<bytes::Bytes> = stored.file(file)?.try_collect().await?;
        let wanted = serde_json::from_slice(&bytes.concat());
        let wanted: Value = wanted.map_err(|_| api.inside.failed("its aliases cannot be read"))?;
        set_aliases(api, &wanted, &names).await?;
    }
    Ok(points)
}

/// The present collections and aliases again.
async fn go_back(
    api: &HttpApi<'_>,
    (replaced, set): (&[Replaced<'_>], &str),
    before: &Value,
) -> Result<(), BackupError> {
    for Replaced { file, exists, .. } in replaced {
        match exists {
            true => copy(api, &old(&file.of, set), &file.of).await?,
            false => api.remove(&place(&file.of)).await?,
        }
    }
    let names = replaced.iter().map(|one| one.file.of.as_str()).collect();
    set_aliases(api, before, &names).await?;
    remove_copies(api, replaced).await
}

/// Removes the copies of replaced collections, also those of restores that were killed.
async fn remove_copies(api: &HttpApi<'_>, replaced: &[Replaced<'_>]) -> Result<(), BackupError> {
    for name in all_collections(api).await? {
        if replaced.iter().any(|one| name.starts_with(&format!("{}{SIDE}", one.file.of))) {
            api.remove(&place(&name)).await?;
        }
    }
    Ok(())
}

/// Where a snapshot is sent that takes the place of a collection, or becomes one.
fn upload_path(collection: &str, sha256: &str) -> String {
    let checksum = if sha256.is_empty() { String::new() } else { format!("&checksum={sha256}") };
    format!("{}/upload?wait=true&priority=snapshot{checksum}", folder(collection))
}

/// Gives the collections of these names the aliases of a list, and takes others of theirs away, in one request.
async fn set_aliases(api: &HttpApi<'_>, wanted: &Value, names: &BTreeSet<&str>) -> Result<(), BackupError> {
    let actions = alias_actions(&pairs(&aliases(api).await?), &pairs(wanted), names);
    if actions.is_empty() {
        return Ok(());
    }
    api.send("POST", "/collections/aliases", &json!({ "actions": actions })).await.map(drop)
}

fn pairs(list: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
    let one = |one: &Value| Some((text(one, "alias_name")?, text(one, "collection_name")?));
    list.as_array().into_iter().flatten().filter_map(one).collect()
}

fn alias_actions(now: &[(String, String)], wanted: &[(String, String)], names: &BTreeSet<&str>) -> Vec<Value> {
    let wanted: Vec<_> = wanted.iter().filter(|(_, collection)| names.contains(collection.as_str())).collect();
    let is_wanted = |alias: &str| wanted.iter().any(|(name, _)| name == alias);
    let gone = now.iter().filter(|(alias, collection)| names.contains(collection.as_str()) || is_wanted(alias));
    let removed = gone.map(|(alias, _)| json!({ "delete_alias": { "alias_name": alias } }));
    let made = wanted
        .iter()
        .map(|(alias, collection)| json!({ "create_alias": { "alias_name": alias, "collection_name": collection } }));
    removed.chain(made).collect()
}

/// Whether a version restores snapshots of another one: its own minor version, or the one before.
fn reads(there: &str, recorded: &str) -> bool {
    let parts = |version: &str| {
        let mut numbers = version.split(['.', '-']).map(|word| word.parse::<u64>().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    match (parts(there), parts(recorded)) {
        (Some((major, minor)), Some((old_major, old_minor))) => {
            major == old_major && (minor == old_minor || minor == old_minor + 1)
        }
        _ => there == recorded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_goes_to_the_same_minor_version_or_the_next() {
        for (there, recorded, expected) in [
            ("1.7.4", "1.7.0", true),
            ("1.7.0-standin", "1.7.0-standin", true),
            ("1.8.0", "1.7.4", true),
            ("1.9.0", "1.7.4", false),
            ("1.7.4", "1.8.0", false),
            ("2.7.0", "1.7.0", false),
            ("dev", "dev", true),
        ] {
            assert_eq!(reads(there, recorded), expected, "{there} {recorded}");
        }
    }

    #[test]
    fn restored_collections_have_their_recorded_aliases_and_others_keep_theirs() {
        let list =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, c)| ((*a).to_owned(), (*c).to_owned())).collect::<Vec<_>>();
        let now = list(&[("live", "new"), ("late", "docs"), ("other", "faces")]);
        let actions = alias_actions(&now, &list(&[("live", "docs"), ("away", "faces")]), &BTreeSet::from(["docs"]));
        let words: Vec<String> = actions.iter().map(Value::to_string).collect();
        assert_eq!(
            words,
            [
                r#"{"delete_alias":{"alias_name":"live"}}"#,
                r#"{"delete_alias":{"alias_name":"late"}}"#,
                r#"{"create_alias":{"alias_name":"live","collection_name":"docs"}}"#,
            ]
        );
    }
}
