//! What an Elasticsearch server says of itself: its version, its indices, and their counts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::backup::http_api::{Call, HttpApi, segment};
use crate::backup::{BackupError, Part};

/// The fact with the names of the indices, separated by commas, which no name has.
pub(super) const INDICES: &str = "indices";
/// The beginning of the name of a fact with the documents of an index.
pub const DOCUMENTS_OF: &str = "documents of ";
/// The beginning of the names of indices that a restore made or put aside.
pub(super) const SIDE: &str = "aictl-side-";
/// How long counting, cloning or getting ready may take.
pub(super) const WAITING: Duration = Duration::from_secs(180);

pub(super) async fn version(api: &HttpApi<'_>) -> Result<String, BackupError> {
    let banner = api.get("/").await?;
    let version = banner.pointer("/version/number").and_then(Value::as_str).map(str::to_owned);
    version.ok_or_else(|| api.inside.failed("it does not say its version"))
}

/// Every index that is not a system index, those of a restore included.
pub(super) async fn all_indices(api: &HttpApi<'_>) -> Result<Vec<String>, BackupError> {
    let listed = api.get("/_cat/indices?format=json&h=index&expand_wildcards=open,closed,hidden").await?;
    let names = listed.as_array().into_iter().flatten().filter_map(|one| one.get("index")?.as_str());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// The indices that are stored: those given, or all but system indices.
pub(super) async fn indices(api: &HttpApi<'_>, wanted: &[String]) -> Result<Vec<String>, BackupError> {
    let all = all_indices(api).await?;
    if let Some(missing) = wanted.iter().find(|name| !all.contains(name)) {
        return Err(api.inside.failed(format!("index `{missing}` does not exist")));
    }
    if !wanted.is_empty() {
        return Ok(wanted.to_vec());
    }
    if let Some(stream) = all.iter().find(|name| name.starts_with(".ds-")) {
        let reason = format!("data streams cannot be backed up ({stream}); name the indices in `collections`");
        return Err(api.inside.failed(reason));
    }
    Ok(all.into_iter().filter(|name| !name.starts_with('.') && !name.starts_with(SIDE)).collect())
}

/// The documents of an index, once everything that was written can be found.
pub(super) async fn count(api: &HttpApi<'_>, index: &str) -> Result<u64, BackupError> {
    let place = segment(index);
    api.send("POST", &format!("/{place}/_refresh"), &json!({})).await?;
    let path = format!("/{place}/_count");
    let found = api.call(Call { method: "GET", path: &path, body: None, deadline: WAITING }).await?;
    let count = found.get("count").and_then(Value::as_u64);
    count.ok_or_else(|| api.inside.failed(format!("it does not count the documents of {index}")))
}

/// Waits until the primary shards of these indices are there, or of all.
pub(super) async fn await_yellow(api: &HttpApi<'_>, indices: &str) -> Result<(), BackupError> {
    let place = if indices.is_empty() { String::new() } else { format!("/{indices}") };
    let path = format!("/_cluster/health{place}?wait_for_status=yellow&timeout=150s");
    let answer = api.answer(Call { method: "GET", path: &path, body: None, deadline: WAITING }).await?;
    match answer.status {
        200 => Ok(()),
        status => Err(api.inside.failed(format!("its indices are not ready ({status})"))),
    }
}

/// The indices of a part.
pub(super) fn indices_of(part: &Part) -> Vec<String> {
    let names = part.facts.get(INDICES).map(String::as_str).unwrap_or_default();
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Whether a version restores snapshots of another one: an older one of its own major version or of the one before.
pub(super) fn reads(there: &str, recorded: &str) -> bool {
    let parts = |version: &str| version.split('.').map_while(|word| word.parse::<u64>().ok()).collect::<Vec<_>>();
    let (there, recorded) = (parts(there), parts(recorded));
    let major = |version: &[u64]| version.first().copied().unwrap_or_default();
    there >= recorded && major(&there) <= major(&recorded) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_goes_to_the_same_version_or_a_newer_one_up_to_the_next_major() {
        for (there, recorded, expected) in [
            ("7.10.2", "7.10.2", true),
            ("7.17.0", "7.10.2", true),
            ("8.11.0", "7.10.2", true),
            ("9.0.0", "7.10.2", false),
            ("7.10.1", "7.10.2", false),
        ] {
            assert_eq!(reads(there, recorded), expected, "{there} {recorded}");
        }
    }
}
