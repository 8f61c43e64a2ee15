//! Decoding the dumps of a set with their own tools, in containers without network made from the images of the services.

use super::scratch::{Scratch, ScratchArgs};
use crate::backup::postgres::GLOBALS;
use crate::backup::volume::TAR;
use crate::backup::{
    BackupError, Damage, LoadedSet, Part, PartFile, PartKind, Repository, elasticsearch, qdrant, volume,
};
use crate::target::Target;

/// Decodes an archive of pg_dump.
pub(super) const ARCHIVE: &str = "exec pg_restore --file=/dev/null";
/// Decodes a database of Redis.
pub(super) const RDB: &str = "set -e; cat >/tmp/verify.rdb; redis-check-rdb /tmp/verify.rdb >&2; rm -f /tmp/verify.rdb";

/// What came of decoding the dumps of a set.
#[derive(Debug, Default)]
pub struct Decoded {
    /// What could not be decoded.
    pub damage: Vec<Damage>,
    /// What was not tried, because its container could not be started. It says nothing about the set.
    pub untried: Vec<Damage>,
}

/// Decodes every dump of a set.
pub async fn decode(
    target: &dyn Target,
    (repository, set): (&Repository, &LoadedSet),
    number: u32,
) -> Result<Decoded, BackupError> {
    let mut decoded = Decoded::default();
    let Some(manifest) = &set.manifest else { return Ok(decoded) };
    for part in &manifest.parts {
        let found = match part.kind {
            PartKind::Configuration => continue,
            PartKind::Volume => volumes(repository, (set, part)).await?,
            PartKind::Qdrant => snapshots(set, part),
            PartKind::Elasticsearch => indices(repository, (set, part)).await?,
            PartKind::Postgres => {
                // The list of a dump is at its head: only decoding all of it finds one that was cut.
                let dumps = in_scratch(target, (repository, set), Tool { part, script: ARCHIVE, number }).await?;
                let mut archives = volumes(repository, (set, part)).await?;
                archives.damage.extend(dumps.damage);
                Decoded { untried: dumps.untried, ..archives }
            }
            PartKind::Redis => in_scratch(target, (repository, set), Tool { part, script: RDB, number }).await?,
        };
        decoded.damage.extend(found.damage);
        decoded.untried.extend(found.untried);
    }
    Ok(decoded)
}

/// What decodes a part.
#[derive(Clone, Copy)]
struct Tool<'p> {
    part: &'p Part,
    /// Reads a dump from its input.
    script: &'static str,
    /// Tells runs apart.
    number: u32,
}

async fn in_scratch(
    target: &dyn Target,
    (repository, set): (&Repository, &LoadedSet),
    tool: Tool<'_>,
) -> Result<Decoded, BackupError> {
    let part = tool.part;
    let (set_id, purpose) = (&set.found.id, format!("verify-{}", tool.number));
    let args = ScratchArgs {
        project: &set_id.project,
        service: &part.name,
        image: &part.image,
        purpose: &purpose,
        volumes_from: None,
    };
    match Scratch::start(target, args).await {
        Err(error) => {
            let untried = Damage::new(format!("{}/{}", set_id.set, part.name), format!("not decoded: {error}"));
            Ok(Decoded { untried: vec![untried], ..Decoded::default() })
        }
        Ok(scratch) => {
            let found = with_tool(&scratch, (repository, set), tool).await;
            scratch.close().await;
            Ok(Decoded { damage: found?, ..Decoded::default() })
        }
    }
}

async fn with_tool(
    scratch: &Scratch<'_>,
    (repository, set): (&Repository, &LoadedSet),
    Tool { part, script, .. }: Tool<'_>,
) -> Result<Vec<Damage>, BackupError> {
    let inside = scratch.inside(&part.name);
    let mut damage = Vec::new();
    // The roles are text: their digest is all there is to check.
    for file in part.files.iter().filter(|file| file.name != GLOBALS && !file.name.ends_with(TAR)) {
        let stream = repository.file(set, part, file)?;
        if let Err(error) = inside.feed(script, &[], stream).await {
            damage.push(Damage::new(subject(set, part, &file.name), error.to_string()));
        }
    }
    Ok(damage)
}

/// The digest that Qdrant gave is all there is to check without a server; the bytes are compared with it by reading back.
fn snapshots(set: &LoadedSet, part: &Part) -> Decoded {
    let wrong = |file: &PartFile| Some(Damage::new(subject(set, part, &file.name), qdrant::damage(part, file)?));
    Decoded { damage: part.files.iter().filter_map(wrong).collect(), ..Decoded::default() }
}

async fn indices(repository: &Repository, (set, part): (&LoadedSet, &Part)) -> Result<Decoded, BackupError> {
    let mut damage = Vec::new();
    for file in &part.files {
        let found = elasticsearch::damage(&file.name, repository.file(set, part, file)?).await;
        let problem = found.unwrap_or_else(|error| Some(error.to_string()));
        damage.extend(problem.map(|problem| Damage::new(subject(set, part, &file.name), problem)));
    }
    Ok(Decoded { damage, ..Decoded::default() })
}

async fn volumes(repository: &Repository, (set, part): (&LoadedSet, &Part)) -> Result<Decoded, BackupError> {
    let mut damage = Vec::new();
    for file in part.files.iter().filter(|file| file.name.ends_with(TAR)) {
        if let Err(error) = volume::decode(repository.file(set, part, file)?).await {
            damage.push(Damage::new(subject(set, part, &file.name), error.to_string()));
        }
    }
    Ok(Decoded { damage, ..Decoded::default() })
}

fn subject(set: &LoadedSet, part: &Part, file: &str) -> String {
    format!("{}/{}/{file}", set.found.id.set, part.name)
}
