//! Whether the code of an earlier release can run on the present schema.

use super::trial::TrialSource;
use crate::error::Result;
use crate::release::{Catalogue, Migration, PastRelease};
use crate::session::WorkflowError;

/// Refuses a rollback to a release that cannot run on the schema that is there now.
pub async fn check_rollback(source: &TrialSource<'_>, releases: &[PastRelease], to: &PastRelease) -> Result<()> {
    for migration in &to.release.migrations {
        let Some(service) = &migration.service else { continue };
        let Some(then) = catalogue(releases, migration) else { continue };
        // A dry run runs nothing on the engine: what the newest release recorded stands for what is there.
        let now = match source.context.options.dry_run {
            true => recorded(releases, migration),
            false => present(source, (to, service), migration).await,
        };
        let changes = now.map(|now| then.changes(&now)).unwrap_or_default();
        let missing: Vec<&str> =
            changes.iter().filter(|change| change.breaks).map(|change| change.what.as_str()).collect();
        if !missing.is_empty() {
            let message = format!(
                "release {} cannot run on the present schema of `{service}`, which since then {}",
                to.revision,
                missing.join(", ")
            );
            let hint = Some(format!("go back with the data: `aictl rollback --to {} --with-data`", to.revision));
            return Err(WorkflowError::Refused { message, hint }.into());
        }
    }
    Ok(())
}

/// The schema that is there. A database that cannot be asked must not keep anyone from going back.
async fn present(source: &TrialSource<'_>, (to, service): (&PastRelease, &str), of: &Migration) -> Option<Catalogue> {
    match source.live(service, of.database.as_deref()).await {
        Ok((_, schema)) => Some(schema),
        Err(reason) => {
            let revision = to.revision;
            source.context.reporter.warn(format!(
                "whether release {revision} can run on the schema of `{service}` is not known: {reason}"
            ));
            None
        }
    }
}

/// The schema that the code of a release was made for.
fn catalogue(releases: &[PastRelease], migration: &Migration) -> Option<Catalogue> {
    let digest = &migration.after.as_ref()?.digest;
    let heads = releases.iter().flat_map(|past| &past.release.migrations).filter_map(|m| m.after.as_ref());
    heads.filter(|head| head.digest == *digest).find_map(|head| head.catalogue())
}

/// The schema that was recorded last.
fn recorded(releases: &[PastRelease], of: &Migration) -> Option<Catalogue> {
    let same = |m: &&Migration| m.service == of.service && m.database == of.database && m.after.is_some();
    let newest = releases.iter().rev().flat_map(|past| &past.release.migrations).find(same)?;
    catalogue(releases, newest)
}
