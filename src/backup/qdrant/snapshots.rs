//! Snapshots on the server: made, read with their digest compared, and removed, also those of a run that was killed.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::backup::BackupError;
use crate::backup::http_api::{Call, HttpApi, segment};
use crate::target::{ByteStream, TargetError};

/// How long a snapshot may take.
const SNAPPING: Duration = Duration::from_secs(3600);
/// Where the container notes which snapshots are ours: Qdrant names them itself.
const NOTE: &str = "/tmp/aictl-backup.json";

/// A snapshot that the server has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) checksum: Option<String>,
    #[serde(default)]
    creation_time: Option<String>,
}

/// What is noted in the container.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Snapshots of ours: collection and name.
    made: Vec<(String, String)>,
    /// One that was asked for: its collection, and the names that were there before.
    pending: Option<(String, Vec<String>)>,
}

/// Has a snapshot of a collection made.
pub(super) async fn make(api: &HttpApi<'_>, collection: &str) -> Result<Snapshot, BackupError> {
    let before = listed(api, collection).await?.into_iter().map(|snapshot| snapshot.name).collect();
    let mut note = noted(api).await;
    note.pending = Some((collection.to_owned(), before));
    write(api, &note).await;
    let path = format!("{}?wait=true", folder(collection));
    let body = json!({});
    let answer = api.call(Call { method: "POST", path: &path, body: Some(&body), deadline: SNAPPING }).await?;
    let made = snapshot(answer.get("result"));
    let made = made.ok_or_else(|| api.inside.failed(format!("it made no snapshot of {collection}")))?;
    note.made.push((collection.to_owned(), made.name.clone()));
    note.pending = None;
    write(api, &note).await;
    Ok(made)
}

/// A snapshot as a stream, which ends with an error where it has not the length and the digest that the server said.
pub(super) async fn read(api: &HttpApi<'_>, (collection, made): (&str, &Snapshot)) -> Result<ByteStream, BackupError> {
    let path = format!("{}/{}", folder(collection), segment(&made.name));
    Ok(compared(api.download(&path).await?, made.clone()))
}

/// Removes the snapshots of ours. `pending` is how long one that was asked for is waited for.
pub async fn clean(api: &HttpApi<'_>, pending: Duration) -> Result<(), BackupError> {
    let mut note = noted(api).await;
    if let Some((collection, before)) = note.pending.take()
        && let Some(name) = appeared(api, (&collection, &before), pending).await?
    {
        note.made.push((collection, name));
    }
    for (collection, name) in &note.made {
        api.remove(&format!("{}/{}", folder(collection), segment(name))).await?;
    }
    if !note.made.is_empty() {
        write(api, &Note::default()).await;
    }
    Ok(())
}

/// The first snapshot that was not there before. Later ones are somebody else's.
async fn appeared(
    api: &HttpApi<'_>,
    (collection, before): (&str, &[String]),
    wait: Duration,
) -> Result<Option<String>, BackupError> {
    let until = tokio::time::Instant::now() + wait;
    loop {
        // Without its collection there is none of its snapshots.
        let mut found = listed(api, collection).await.unwrap_or_default();
        found.retain(|snapshot| !before.contains(&snapshot.name));
        found.sort_by(|a, b| a.creation_time.cmp(&b.creation_time));
        if let Some(first) = found.into_iter().next() {
            return Ok(Some(first.name));
        }
        if tokio::time::Instant::now() >= until {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn listed(api: &HttpApi<'_>, collection: &str) -> Result<Vec<Snapshot>, BackupError> {
    let answer = api.get(&folder(collection)).await?;
    let list = answer.get("result").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(list.iter().filter_map(|one| snapshot(Some(one))).collect())
}

fn snapshot(value: Option<&Value>) -> Option<Snapshot> {
    serde_json::from_value(value?.clone()).ok()
}

pub(super) fn folder(collection: &str) -> String {
    format!("/collections/{}/snapshots", segment(collection))
}

async fn noted(api: &HttpApi<'_>) -> Note {
    let text = api.inside.answer("cat \"$1\" 2>/dev/null || true", &[NOTE]).await.unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Notes what is ours. Where the container cannot write, snapshots of a killed run stay: that is no reason to take no backup.
async fn write(api: &HttpApi<'_>, note: &Note) {
    let text = serde_json::to_string(note).unwrap_or_default();
    let script = "printf %s \"$2\" >\"$1.new\" && mv \"$1.new\" \"$1\"";
    let _ = api.inside.answer(script, &[NOTE, &text]).await;
}

/// The stream, then an error if it is not what the server said.
fn compared(stream: ByteStream, said: Snapshot) -> ByteStream {
    let state = Some((stream, Sha256::new(), 0u64, said));
    let checked = futures_util::stream::unfold(state, |state| async move {
        let (mut stream, mut hash, mut bytes, said) = state?;
        match stream.next().await {
            Some(Ok(piece)) => {
                hash.update(&piece);
                bytes += piece.len() as u64;
                Some((Ok(piece), Some((stream, hash, bytes, said))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                let wrong = differs(&said, (bytes, &hex::encode(hash.finalize())))?;
                Some((Err(TargetError::Broken { operation: "reading a snapshot".to_owned(), message: wrong }), None))
            }
        }
    });
    checked.boxed()
}

fn differs(said: &Snapshot, (bytes, sha256): (u64, &str)) -> Option<String> {
    if bytes != said.size {
        return Some(format!("{} has {bytes} bytes, Qdrant said {}", said.name, said.size));
    }
    let checksum = said.checksum.as_deref()?;
    (checksum != sha256).then(|| format!("{} has not the checksum that Qdrant said", said.name))
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_snapshot_that_was_cut_or_changed_on_the_way_fails_at_its_end() {
        let said = |size, checksum: Option<String>| Snapshot { name: "s".into(), size, checksum, creation_time: None };
        let sum = hex::encode(Sha256::digest(b"whole"));
        for (text, said, whole) in [
            ("whole", said(5, Some(sum.clone())), true),
            ("whole", said(5, None), true),
            ("whol", said(5, None), false),
            ("whose", said(5, Some(sum)), false),
        ] {
            let stream = futures_util::stream::iter([Ok(bytes::Bytes::from(text))]).boxed();
            let read = compared(stream, said.clone()).try_collect::<Vec<_>>().await;
            assert_eq!(read.is_ok(), whole, "{text} {said:?}");
        }
    }
}
