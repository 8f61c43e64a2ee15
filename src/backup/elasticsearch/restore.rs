//! Restoring indices. They are first restored under other names and counted; the present ones are cloned, replaced, and come
//! back from their clones after a failure.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::definitions::{self, aliases_of};
use super::parts::{ARCHIVE, DEFINITIONS};
use super::repository;
use super::server::{DOCUMENTS_OF, SIDE, WAITING, all_indices, await_yellow, count, indices_of, reads, version};
use crate::backup::http_api::{Call, HttpApi, segment};
use crate::backup::{BackupError, StoredPart};

/// The beginnings of the names of restored indices before they are in place, and of the clones of present ones.
fn new(index: &str) -> String {
    format!("{SIDE}new-{index}")
}

fn old(index: &str) -> String {
    format!("{SIDE}old-{index}")
}

/// Restores the indices of a part with their aliases, templates and pipelines; returns the number of documents.
pub async fn restore(api: &HttpApi<'_>, stored: StoredPart<'_>) -> Result<u64, BackupError> {
    let (there, recorded) = (version(api).await?, stored.part.facts.get("server_version"));
    if let Some(recorded) = recorded
        && !reads(&there, recorded)
    {
        return Err(api.inside.failed(format!("Elasticsearch {there} does not restore snapshots of {recorded}")));
    }
    repository::clean(api).await?;
    let restored = restore_all(api, stored).await;
    let cleaned = repository::clean(api).await;
    let documents = restored?;
    cleaned.map(|()| documents)
}

async fn restore_all(api: &HttpApi<'_>, stored: StoredPart<'_>) -> Result<u64, BackupError> {
    let indices = indices_of(stored.part);
    let definitions = read_definitions(api, stored).await?;
    if indices.is_empty() {
        return definitions::write(api, &definitions).await.map(|()| 0);
    }
    for file in stored.part.files.iter().filter(|file| file.name == ARCHIVE) {
        repository::write(api, stored.file(file)?).await?;
    }
    repository::register(api, true).await?;
    try_out(api, stored, &indices).await?;
    let before = definitions::aliases(api).await?;
    let present = keep(api, &indices).await?;
    let replaced = async {
        remove(api, &present).await?;
        repository::restore(api, &indices, "").await?;
        let documents = check(api, stored, (&indices, "")).await?;
        definitions::write(api, &definitions).await?;
        let names = indices.iter().map(String::as_str).collect();
        definitions::set_aliases(api, &aliases_of(&definitions), &names).await?;
        Ok::<u64, BackupError>(documents)
    };
    let replaced = replaced.await;
    if replaced.is_err() {
        go_back(api, (&indices, &present), &before).await?;
    }
    remove(api, &indices.iter().map(|index| old(index)).collect::<Vec<_>>()).await?;
    replaced
}

async fn read_definitions(api: &HttpApi<'_>, stored: StoredPart<'_>) -> Result<Value, BackupError> {
    let missing = || api.inside.failed("its aliases and templates cannot be read");
    let file = stored.part.files.iter().find(|file| file.name == DEFINITIONS).ok_or_else(missing)?;
    let bytes: Vec<bytes::Bytes> = stored.file(file)?.try_collect().await?;
    serde_json::from_slice(&bytes.concat()).map_err(|_| missing())
}

/// Restores the indices under other names, counts their documents and removes them.
async fn try_out(api: &HttpApi<'_>, stored: StoredPart<'_>, indices: &[String]) -> Result<(), BackupError> {
    let names: Vec<String> = indices.iter().map(|index| new(index)).collect();
    // What a restore that was killed left behind.
    remove(api, &names).await?;
    let tried = async {
        repository::restore(api, indices, &new("")).await?;
        check(api, stored, (indices, &new(""))).await
    };
    let tried = tried.await;
    let removed = remove(api, &names).await;
    tried?;
    removed
}

/// Compares the documents with those recorded.
async fn check(
    api: &HttpApi<'_>,
    stored: StoredPart<'_>,
    (indices, prefix): (&[String], &str),
) -> Result<u64, BackupError> {
    let mut documents = 0;
    for index in indices {
        let name = format!("{prefix}{index}");
        await_yellow(api, &segment(&name)).await?;
        let found = count(api, &name).await?;
        let recorded = stored.part.facts.get(&format!("{DOCUMENTS_OF}{index}"));
        if let Some(wanted) = recorded.and_then(|count| count.parse::<u64>().ok())
            && wanted != found
        {
            return Err(api.inside.failed(format!("{index} has {found} documents restored, {wanted} were stored")));
        }
        documents += found;
    }
    Ok(documents)
}

/// Clones those of the indices that exist, and returns them. After a restore that was killed, a clone is the old state.
async fn keep(api: &HttpApi<'_>, indices: &[String]) -> Result<Vec<String>, BackupError> {
    let there = all_indices(api).await?;
    let mut present = Vec::new();
    for index in indices {
        let (exists, kept) = (there.contains(index), there.contains(&old(index)));
        if exists && !kept {
            clone(api, index, &old(index)).await?;
        }
        if exists || kept {
            present.push(index.clone());
        }
    }
    Ok(present)
}

/// Clones an index, which takes no writes from then on.
async fn clone(api: &HttpApi<'_>, from: &str, to: &str) -> Result<(), BackupError> {
    let place = segment(from);
    let settings = api.get(&format!("/{place}/_settings/index.number_of_replicas")).await?;
    let replicas =
        settings.pointer(&format!("/{}/settings/index/number_of_replicas", from.replace('~', "~0").replace('/', "~1")));
    api.send("PUT", &format!("/{place}/_settings"), &json!({ "index.blocks.write": true })).await?;
    let path = format!("/{place}/_clone/{}", segment(to));
    let body = json!({ "settings": {
        "index.number_of_replicas": replicas.cloned().unwrap_or_else(|| json!("1")),
        "index.blocks.write": null,
    } });
    let cloned = api.call(Call { method: "PUT", path: &path, body: Some(&body), deadline: WAITING }).await;
    if cloned.is_ok() {
        return await_yellow(api, &segment(to)).await;
    }
    // It is as before, and takes writes again.
    api.send("PUT", &format!("/{place}/_settings"), &json!({ "index.blocks.write": null })).await?;
    cloned.map(drop)
}

/// The indices that were there, with their aliases.
async fn go_back(
    api: &HttpApi<'_>,
    (indices, present): (&[String], &[String]),
    before: &Value,
) -> Result<(), BackupError> {
    remove(api, indices).await?;
    for index in present {
        clone(api, &old(index), index).await?;
    }
    let names: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    definitions::set_aliases(api, before, &names).await
}

async fn remove(api: &HttpApi<'_>, indices: &[String]) -> Result<(), BackupError> {
    for index in indices {
        api.remove(&format!("/{}", segment(index))).await?;
    }
    Ok(())
}
