//! Decoding the dumps of a set with their own tools, in containers without network made from the images of the services.

use super::scratch::{Scratch, ScratchArgs};
use crate::backup::postgres::GLOBALS;
use crate::backup::{BackupError, Damage, LoadedSet, Part, PartKind, Repository, volume};
use crate::target::Target;

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
            PartKind::Postgres | PartKind::Redis => {
                let purpose = format!("verify-{number}");
                let args = ScratchArgs {
                    project: &manifest.project,
                    service: &part.name,
                    image: &part.image,
                    purpose: &purpose,
                    volumes_from: None,
                };
                let subject = format!("{}/{}", manifest.set, part.name);
                match Scratch::start(target, args).await {
                    Err(error) => {
                        decoded.untried.push(Damage::new(subject, format!("not decoded: {error}")));
                        continue;
                    }
                    Ok(scratch) => {
                        let found = with_tool(&scratch, repository, (set, part)).await;
                        scratch.close().await;
                        found?
                    }
                }
            }
        };
        decoded.damage.extend(found);
    }
    Ok(decoded)
}

async fn with_tool(
    scratch: &Scratch<'_>,
    repository: &Repository,
    (set, part): (&LoadedSet, &Part),
) -> Result<Vec<Damage>, BackupError> {
    let inside = scratch.inside(&part.name);
    let script = match part.kind {
        // The list of a dump is at its head: only decoding all of it finds one that was cut.
        PartKind::Postgres => "exec pg_restore --file=/dev/null",
        _ => "set -e; cat >/tmp/verify.rdb; redis-check-rdb /tmp/verify.rdb >&2; rm -f /tmp/verify.rdb",
    };
    let mut damage = Vec::new();
    // The roles are text: their digest is all there is to check.
    for file in part.files.iter().filter(|file| file.name != GLOBALS) {
        let stream = repository.file(set, part, file)?;
        if let Err(error) = inside.feed(script, &[], stream).await {
            damage.push(Damage::new(subject(set, part, &file.name), error.to_string()));
        }
    }
    Ok(damage)
}

async fn volumes(repository: &Repository, (set, part): (&LoadedSet, &Part)) -> Result<Vec<Damage>, BackupError> {
    let mut damage = Vec::new();
    for file in &part.files {
        if let Err(error) = volume::decode(repository.file(set, part, file)?).await {
            damage.push(Damage::new(subject(set, part, &file.name), error.to_string()));
        }
    }
    Ok(damage)
}

fn subject(set: &LoadedSet, part: &Part, file: &str) -> String {
    format!("{}/{}/{file}", set.found.id.set, part.name)
}
