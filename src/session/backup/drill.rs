//! The restore of a drill: the parts of a set into a sandbox, each looked at afterwards.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::sync::watch;

use super::parts::{ServicePart, what};
use super::restore_runner::RestoreRunner;
use crate::backup::postgres::DUMP;
use crate::backup::table_counts::{CHECKSUM_OF, Checksums, ROWS_OF, counts, prefix};
use crate::backup::{BackupError, Inside, Part, PartKind, elasticsearch, postgres, qdrant, redis};
use crate::event::Silent;
use crate::execute::DataRunner as _;
use crate::plan::DataOperation;

/// What is compared.
const COUNTS: &str = "counts";
const CHECKSUMS: &str = "checksums";

/// What a drill found of one part.
#[derive(Debug, Clone, Serialize)]
pub struct PartFinding {
    /// The service.
    pub service: String,
    /// What was restored or compared.
    pub what: String,
    /// What is wrong; none where it is as it was stored.
    pub problem: Option<String>,
    /// Whether a problem is one of the set, and not of where it was restored.
    #[serde(skip)]
    pub blames_set: bool,
}

impl PartFinding {
    /// A finding.
    pub fn new(service: &str, what: impl Into<String>, problem: Option<String>) -> Self {
        Self { service: service.to_owned(), what: what.into(), problem, blames_set: true }
    }
}

/// Restores one part and compares it with what was recorded.
pub async fn drill_part(
    runner: &RestoreRunner<'_>,
    (part, service): (&Part, &ServicePart),
) -> Result<Vec<PartFinding>, BackupError> {
    let operation = DataOperation::Restore {
        part: part.name.clone(),
        what: what(part.kind).to_owned(),
        set: runner.set.found.id.set.clone(),
    };
    let Some(container) = &service.container else { return Ok(Vec::new()) };
    let inside = service.inside(runner.target, &container.id);
    // A server that does not start says nothing about the set.
    let ready = match part.kind {
        PartKind::Postgres => postgres::await_ready(&inside).await,
        PartKind::Redis => redis::await_loaded(&inside).await.map(drop),
        PartKind::Qdrant => qdrant::await_ready(&service.http(runner.target, &container.id)).await,
        PartKind::Elasticsearch => elasticsearch::await_ready(&service.http(runner.target, &container.id)).await,
        PartKind::Volume | PartKind::Configuration => Ok(()),
    };
    if let Err(error) = ready {
        let finding = PartFinding::new(&part.name, "start", Some(error.to_string()));
        return Ok(vec![PartFinding { blames_set: false, ..finding }]);
    }
    let (_never, stop) = watch::channel(false);
    let restored = match runner.run_data(&operation, (0, &Silent), stop).await {
        Ok(outcome) => outcome.and_then(|outcome| outcome.detail).unwrap_or_default(),
        Err(error) => return Ok(vec![PartFinding::new(&part.name, "restore", Some(error.to_string()))]),
    };
    let mut findings = vec![PartFinding::new(&part.name, format!("restored {restored}"), None)];
    findings.extend(look(runner, (part, service), &inside).await?);
    Ok(findings)
}

/// Reads what was restored, and compares its counts.
async fn look(
    runner: &RestoreRunner<'_>,
    (part, service): (&Part, &ServicePart),
    inside: &Inside<'_>,
) -> Result<Vec<PartFinding>, BackupError> {
    let mut findings = Vec::new();
    match part.kind {
        PartKind::Postgres => {
            for file in part.files.iter().filter(|file| file.name.ends_with(DUMP)) {
                let what = format!("dump of database {}", file.of);
                let read = postgres::read_back(inside, &file.of).await;
                findings.push(PartFinding::new(&part.name, what, read.err().map(|error| error.to_string())));
                findings.extend(compare_tables(part, &file.of, inside).await?);
            }
        }
        PartKind::Redis => {
            let counted = [(redis::EXACT_KEYS.to_owned(), redis::keys(inside).await?.to_string())].into();
            findings.extend(compare(part, (redis::EXACT_KEYS, COUNTS), &counted));
        }
        PartKind::Qdrant => {
            let counted = qdrant::counts(&service.http(runner.target, &inside.container), part).await?;
            findings.extend(compare(part, (qdrant::POINTS_OF, COUNTS), &counted));
        }
        PartKind::Elasticsearch => {
            let counted = elasticsearch::counts(&service.http(runner.target, &inside.container), part).await?;
            findings.extend(compare(part, (elasticsearch::DOCUMENTS_OF, COUNTS), &counted));
        }
        PartKind::Volume | PartKind::Configuration => {}
    }
    Ok(findings)
}

/// Compares rows and checksums of the tables of a database.
async fn compare_tables(part: &Part, database: &str, inside: &Inside<'_>) -> Result<Vec<PartFinding>, BackupError> {
    let counted = counts(inside, (database, 0), Checksums::Recorded(&part.facts)).await?;
    let mut findings = compare(part, (&prefix(ROWS_OF, database), COUNTS), &counted);
    findings.extend(compare(part, (&prefix(CHECKSUM_OF, database), CHECKSUMS), &counted));
    Ok(findings)
}

/// Compares the facts of a part that begin so. Those that moved during the backup, or are estimates, are not compared.
fn compare(part: &Part, (prefix, what): (&str, &str), found: &BTreeMap<String, String>) -> Vec<PartFinding> {
    let recorded = part.facts.iter().filter(|(name, count)| name.starts_with(prefix) && !count.starts_with('~'));
    let mut findings = Vec::new();
    let mut equal = 0;
    for (name, count) in recorded {
        let there = found.get(name).map_or("nothing", String::as_str);
        match there == count {
            true => equal += 1,
            false => {
                let problem = format!("{count} recorded by the backup, {there} restored");
                findings.push(PartFinding::new(&part.name, name.clone(), Some(problem)));
            }
        }
    }
    if equal > 0 {
        findings.push(PartFinding::new(&part.name, format!("{equal} {what} are those of the backup"), None));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_differs_or_is_missing_is_a_problem_and_an_estimate_is_none() {
        let facts = [("rows of app.a", "5"), ("rows of app.b", "7"), ("rows of app.c", "~9"), ("rows of app.d", "1")];
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let part = Part {
            name: "db".into(),
            kind: PartKind::Postgres,
            started_ms: 0,
            image: String::new(),
            facts: map(&facts),
            files: Vec::new(),
            snapshot: String::new(),
        };
        let found = compare(&part, ("rows of app.", COUNTS), &map(&[("rows of app.a", "5"), ("rows of app.b", "6")]));
        let problems: Vec<_> = found.iter().filter_map(|f| f.problem.clone()).collect();
        assert_eq!(
            problems,
            ["7 recorded by the backup, 6 restored", "1 recorded by the backup, nothing restored"],
            "{found:?}"
        );
    }
}
