//! Qdrant: a snapshot of each collection, made and checked by the server, and its aliases, which snapshots do not have.

mod restore;
mod server;
mod snapshots;

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::BackupError;
use super::http_api::HttpApi;
use super::inside::begun;
use super::postgres::{BegunDump, BegunPart};
use super::set::{Part, PartFile};
use server::{ALIASES, aliases, collections, count, refuse_cluster, snapshots_of, version};

pub use restore::restore;
pub use server::POINTS_OF;
pub use snapshots::clean;

/// The port of the REST API.
pub const PORT: u16 = 6333;
/// The header with the API key.
pub const KEY: &str = "api-key";
/// How the file of a collection ends.
const SNAPSHOT: &str = ".snapshot";
/// The beginning of the name of a fact with the digest that the server said a snapshot has.
const CHECKSUM_OF: &str = "checksum of ";
/// How long a server may take to start.
const STARTING: Duration = Duration::from_secs(180);
/// Versions that write snapshots nobody can read.
const UNREADABLE: [&str; 2] = ["1.16.0", "1.16.1"];

/// Has the server make a snapshot of each collection, one after the other, and begins to read them.
pub async fn begin(api: &HttpApi<'_>, wanted: &[String]) -> Result<BegunPart, BackupError> {
    let version = version(api).await?;
    if UNREADABLE.contains(&version.as_str()) {
        return Err(api.inside.failed(format!("Qdrant {version} writes snapshots that cannot be restored; update it")));
    }
    refuse_cluster(api).await?;
    clean(api, Duration::ZERO).await?;
    let mut facts = BTreeMap::from([("server_version".to_owned(), version)]);
    let aliases = aliases(api).await?.to_string();
    let mut dumps = vec![BegunDump {
        name: ALIASES.to_owned(),
        of: String::new(),
        stream: Box::pin(futures_util::stream::iter([Ok(bytes::Bytes::from(aliases))])),
    }];
    for collection in collections(api, wanted).await? {
        let before = count(api, &collection).await?;
        let made = snapshots::make(api, &collection).await?;
        let after = count(api, &collection).await?;
        // A count that moved meanwhile says only how many there are about.
        let about = if before == after { "" } else { "~" };
        facts.insert(format!("{POINTS_OF}{collection}"), format!("{about}{after}"));
        facts.extend(made.checksum.iter().map(|sum| (format!("{CHECKSUM_OF}{collection}"), sum.clone())));
        let stream = begun(snapshots::read(api, (&collection, &made)).await?).await?;
        dumps.push(BegunDump { name: file_name(&collection), of: collection, stream });
    }
    Ok(BegunPart { dumps, facts })
}

/// Waits until the server answers.
pub async fn await_ready(api: &HttpApi<'_>) -> Result<(), BackupError> {
    let begun = tokio::time::Instant::now();
    loop {
        match version(api).await {
            Ok(_) => return Ok(()),
            Err(error) if begun.elapsed() > STARTING => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// The points of each collection of a part as facts.
pub async fn counts(api: &HttpApi<'_>, part: &Part) -> Result<BTreeMap<String, String>, BackupError> {
    let mut counts = BTreeMap::new();
    for file in snapshots_of(part) {
        counts.insert(format!("{POINTS_OF}{}", file.of), count(api, &file.of).await?.to_string());
    }
    Ok(counts)
}

/// What is wrong with a stored snapshot as far as its digest says; none where it is the one that the server made.
pub fn damage(part: &Part, file: &PartFile) -> Option<String> {
    let said = part.facts.get(&format!("{CHECKSUM_OF}{}", file.of))?;
    (*said != file.sha256).then(|| "its digest is not the one that Qdrant gave".to_owned())
}

/// A name of a file in a snapshot.
fn file_name(collection: &str) -> String {
    let name: String = collection.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    format!("{name}{SNAPSHOT}")
}
