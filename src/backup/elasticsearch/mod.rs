//! Elasticsearch: a snapshot of all indices but system ones into a folder of the server, which is stored as an archive, and
//! what snapshots do not have: aliases, templates and ingest pipelines.

mod definitions;
mod parts;
mod repository;
mod restore;
mod server;

use std::collections::BTreeMap;

use super::error::BackupError;
use super::http_api::HttpApi;
use super::inside::{Shape, begun, shaped};
use super::postgres::{BegunDump, BegunPart};
use super::set::Part;
use parts::{ARCHIVE, DEFINITIONS};
use server::{INDICES, await_yellow, count, indices, indices_of, version};

pub use parts::damage;
pub use repository::{clean, path_repo};
pub use restore::restore;
pub use server::DOCUMENTS_OF;

/// The port of the REST API.
pub const PORT: u16 = 9200;
/// The user of the password in the image's variable.
pub const USER: &str = "elastic";
/// An archive ends with empty blocks.
const TAR: Shape = Shape { head: b"", ends: |tail| tail.len() == 64 && tail.iter().all(|byte| *byte == 0) };

/// Has the server make a snapshot, and begins to read it.
pub async fn begin(api: &HttpApi<'_>, wanted: &[String]) -> Result<BegunPart, BackupError> {
    let mut facts = BTreeMap::from([("server_version".to_owned(), version(api).await?)]);
    clean(api).await?;
    let indices = indices(api, wanted).await?;
    facts.insert(INDICES.to_owned(), indices.join(","));
    let definitions = definitions::read(api).await?.to_string();
    let mut dumps = vec![BegunDump {
        name: DEFINITIONS.to_owned(),
        of: String::new(),
        stream: Box::pin(futures_util::stream::iter([Ok(bytes::Bytes::from(definitions))])),
    }];
    // No name would mean all indices.
    if !indices.is_empty() {
        let before = documents(api, &indices).await?;
        repository::register(api, false).await?;
        repository::make(api, &indices).await?;
        let after = documents(api, &indices).await?;
        facts.extend(after.into_iter().map(|(name, count)| {
            // A count that moved meanwhile says only how many there are about.
            let about = if before.get(&name) == Some(&count) { "" } else { "~" };
            (name, format!("{about}{count}"))
        }));
        let stream = begun(shaped(repository::read(api).await?, TAR)).await?;
        dumps.push(BegunDump { name: ARCHIVE.to_owned(), of: "snapshot".to_owned(), stream });
    }
    Ok(BegunPart { dumps, facts })
}

/// Waits until the server answers and its primary shards are there.
pub async fn await_ready(api: &HttpApi<'_>) -> Result<(), BackupError> {
    let begun = tokio::time::Instant::now();
    loop {
        match await_yellow(api, "").await {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > server::WAITING => return Err(error),
            Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
        }
    }
}

/// The documents of each index of a part as facts.
pub async fn counts(api: &HttpApi<'_>, part: &Part) -> Result<BTreeMap<String, String>, BackupError> {
    documents(api, &indices_of(part)).await
}

async fn documents(api: &HttpApi<'_>, indices: &[String]) -> Result<BTreeMap<String, String>, BackupError> {
    let mut counts = BTreeMap::new();
    for index in indices {
        counts.insert(format!("{DOCUMENTS_OF}{index}"), count(api, index).await?.to_string());
    }
    Ok(counts)
}
