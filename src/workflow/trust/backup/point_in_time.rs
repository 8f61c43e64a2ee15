//! `aictl backup restore --at TIME`: which base backup and which WAL bring PostgreSQL to that time. Decides before any effect.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::sets::{OpenSets, complete};
use crate::backup::physical::{Physical, physical_in, reach};
use crate::backup::{BackupError, LoadedSet, Part, PartKind};
use crate::error::Result;
use crate::event::human;
use crate::project::DataKind;
use crate::session::backup::Recovery;
use crate::session::{Context, WorkflowError};

/// The time that a restore goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointInTime(OffsetDateTime);

/// What a restore to a point in time takes.
#[derive(Debug, Clone)]
pub(super) struct Recoveries {
    /// The time.
    pub(super) at: PointInTime,
    /// What each service is recovered from.
    pub(super) services: BTreeMap<String, Recovery>,
}

/// The times that a service can be restored to with the base backup of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Window {
    service: String,
    from: String,
    until: String,
}

/// The sets that have a base backup of a service, oldest first.
type Bases<'s> = Vec<(&'s LoadedSet, Physical)>;

impl PointInTime {
    /// A time as it is written on the command line. Without a zone it is UTC, as in `backup list`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let joined = text.replacen(' ', "T", 1);
        let parsed =
            [joined.clone(), format!("{joined}Z")].iter().find_map(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let wrong = || WorkflowError::Usage {
            message: format!("--at: invalid time `{text}`"),
            hint: Some("write `2026-11-28 17:03:05` for UTC, or `2026-11-28T18:03:05+01:00`".to_owned()),
        };
        Ok(Self(parsed.ok_or_else(wrong)?.to_offset(time::UtcOffset::UTC)))
    }

    /// RFC 3339 in UTC.
    pub(super) fn text(self) -> String {
        self.0.format(&Rfc3339).unwrap_or_default()
    }

    /// For the settings of a server, which know no abbreviation of a zone while it starts.
    pub(super) fn numeric(self) -> String {
        self.text().replace('T', " ").replace('Z', "+00:00")
    }

    fn is_within(self, from: i64, until: i64) -> bool {
        let nanoseconds = |seconds: i64| i128::from(seconds) * 1_000_000_000;
        (nanoseconds(from)..=nanoseconds(until)).contains(&self.0.unix_timestamp_nanos())
    }
}

fn bases<'s>(sets: &'s [LoadedSet], service: &str) -> Bases<'s> {
    let complete = sets.iter().filter(|set| set.is_complete());
    complete.filter_map(|set| Some((set, physical_in(set.manifest.as_ref()?, service)?))).collect()
}

/// The times that the base backups of a set reach, with the WAL of the sets after it.
pub(super) fn windows(sets: &[LoadedSet], set: &LoadedSet) -> Vec<Window> {
    let parts = set.manifest.iter().flat_map(|manifest| &manifest.parts);
    let of_part = |part: &Part| {
        let all = bases(sets, &part.name);
        let from = all.iter().position(|(base, _)| base.found.id.set == set.found.id.set)?;
        let following: Vec<&Physical> = all[from..].iter().map(|(_, physical)| physical).collect();
        let reach = reach(&following)?;
        Some(Window { service: part.name.clone(), from: human::utc(reach.from), until: human::utc(reach.until) })
    };
    parts.filter_map(of_part).collect()
}

impl Window {
    /// For a table.
    pub(super) fn words(&self) -> String {
        format!("{} to {}", self.from, self.until)
    }
}

/// What the services are recovered from: those named, or all that have base backups.
pub(super) fn choose(open: &OpenSets, sets: &[LoadedSet], (at, only): (PointInTime, &[String])) -> Result<Recoveries> {
    let mut names: Vec<String> = only.to_vec();
    if names.is_empty() {
        let manifests = sets.iter().filter(|set| set.is_complete()).filter_map(|set| set.manifest.as_ref());
        let parts = manifests.flat_map(|manifest| &manifest.parts).map(|part| &part.name);
        names = parts.filter(|name| !bases(sets, name).is_empty()).cloned().collect();
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(no_base(open, sets, None));
    }
    let mut services = BTreeMap::new();
    for name in names {
        let all = bases(sets, &name);
        if all.is_empty() {
            return Err(no_base(open, sets, Some(&name)));
        }
        let recovery = recovery(&all, at).ok_or_else(|| unreachable_time(&all, (&name, at)))?;
        services.insert(name, recovery);
    }
    Ok(Recoveries { at, services })
}

/// The newest base backup that reaches the time, with the WAL that is needed.
fn recovery(all: &Bases<'_>, at: PointInTime) -> Option<Recovery> {
    (0..all.len()).rev().find_map(|from| {
        let following: Vec<&Physical> = all[from..].iter().map(|(_, physical)| physical).collect();
        let reach = reach(&following).filter(|reach| at.is_within(reach.from, reach.until))?;
        let ends = (0..=reach.following).find(|end| at.is_within(reach.from, following[*end].until))?;
        let wal = all[from..=from + ends].iter().map(|(set, _)| (*set).clone()).collect();
        Some(Recovery { base: all[from].0.clone(), wal })
    })
}

/// Times that can be reached, those that touch as one.
fn reachable(all: &Bases<'_>) -> Vec<(i64, i64)> {
    let mut times: Vec<(i64, i64)> = Vec::new();
    for from in 0..all.len() {
        let following: Vec<&Physical> = all[from..].iter().map(|(_, physical)| physical).collect();
        let Some(found) = reach(&following) else { continue };
        match times.last_mut() {
            Some((_, until)) if found.from <= *until => *until = (*until).max(found.until),
            _ => times.push((found.from, found.until)),
        }
    }
    times
}

fn unreachable_time(all: &Bases<'_>, (service, at): (&str, PointInTime)) -> crate::error::Error {
    let windows = reachable(all)
        .into_iter()
        .map(|(from, until)| format!("{} to {}", human::utc(from), human::utc(until)))
        .collect();
    BackupError::NotReachable { service: service.to_owned(), time: at.text(), windows }.into()
}

/// The services that could have base backups are named: without any, there is nothing to go back with.
fn no_base(open: &OpenSets, sets: &[LoadedSet], service: Option<&str>) -> crate::error::Error {
    let include = &open.settings.policy.include;
    let is_postgres = |part: &&Part| part.kind == PartKind::Postgres;
    let newest = sets.iter().rev().find_map(|set| set.manifest.as_ref());
    let stored =
        newest.into_iter().flat_map(|manifest| &manifest.parts).filter(is_postgres).map(|part| part.name.clone());
    let declared =
        include.iter().filter(|(_, data)| data.kind == Some(DataKind::Postgres)).map(|(name, _)| name.clone());
    let named = service.map(str::to_owned).or_else(|| stored.chain(declared).next());
    let is_physical = |name: &String| include.get(name).is_some_and(|data| data.physical);
    let (message, hint) = match named {
        Some(name) if is_physical(&name) => {
            (format!("no backup set has a base backup of `{name}`"), "take one with `aictl backup create`".to_owned())
        }
        Some(name) => (
            format!("`--at`: the backup sets have no base backup of `{name}`"),
            format!("add `backup: {{ include: {{ {name}: {{ kind: postgres, physical: true }} }} }}` to aictl.yaml"),
        ),
        None => (
            "`--at`: the backups have no PostgreSQL service".to_owned(),
            "restore a set: `aictl backup restore`".to_owned(),
        ),
    };
    WorkflowError::Configuration { message, hint: Some(hint) }.into()
}

impl Recoveries {
    /// The parts that are restored, as the sets with the base backups have them.
    pub(super) fn parts(&self) -> Result<Vec<Part>> {
        let part = |(name, recovery): (&String, &Recovery)| Ok(complete(&recovery.base)?.part(name).cloned());
        self.services.iter().filter_map(|found| part(found).transpose()).collect()
    }

    /// Fails where the base backup or WAL of a service cannot be read back whole.
    pub(super) async fn check_needed(&self, context: &Context, open: &OpenSets) -> Result<()> {
        for (name, recovery) in &self.services {
            for set in &recovery.wal {
                let parts: Vec<Part> = complete(set)?.part(name).into_iter().cloned().collect();
                open.check_needed(context, (set, &parts)).await?;
            }
        }
        Ok(())
    }

    /// The set whose base backup is named in the plan: the newest of them.
    pub(super) fn set(&self) -> Result<LoadedSet> {
        let newest = self.services.values().map(|recovery| &recovery.base).max_by_key(|set| set.found.time);
        let none = || BackupError::NoSet { name: String::new() };
        Ok(newest.cloned().ok_or_else(none)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        for (text, wanted) in [
            ("2026-11-28 17:03:05", "2026-11-28T17:03:05Z"),
            ("2026-11-28T17:03:05", "2026-11-28T17:03:05Z"),
            ("2026-11-28 17:03:05.25", "2026-11-28T17:03:05.25Z"),
            ("2026-11-28 17:03:05+02:00", "2026-11-28T15:03:05Z"),
            ("2026-11-28T17:03:05-00:30", "2026-11-28T17:33:05Z"),
        ] {
            assert_eq!(PointInTime::parse(text).unwrap().text(), wanted, "{text}");
        }
        for wrong in ["", "now", "17:03:05", "2026-11-28", "2026-13-28 17:03:05"] {
            assert_eq!(PointInTime::parse(wrong).unwrap_err().kind(), crate::error::ErrorKind::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_window_has_its_first_and_its_last_second() {
        let at = |text: &str| PointInTime::parse(text).unwrap().is_within(10, 20);
        let seen = ["00:00:09.9", "00:00:10", "00:00:20", "00:00:20.1"].map(|time| at(&format!("1970-01-01 {time}")));
        assert_eq!(seen, [false, true, true, false]);
    }
}
