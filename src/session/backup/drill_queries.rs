//! The questions of aictl.yaml to restored data: queries compared with what the backup recorded, and references that lead
//! nowhere.

use super::drill::PartFinding;
use super::parts::ServicePart;
use super::questions::asked;
use super::restore_runner::RestoreRunner;
use crate::backup::queries::{FAILURE_OF, RESULT_OF, SqlQuery, answer};
use crate::backup::references::{Referred, dangling};
use crate::backup::{Inside, Manifest, PartKind};
use crate::project::{DrillPolicy, DrillQuery, DrillReference};

/// Ids that are named of those that lead nowhere.
const NAMED: usize = 3;

/// Asks everything. An answer that is not the expected one keeps a set from being proven; the set holds what was stored all
/// the same.
pub async fn drill_questions(
    runner: &RestoreRunner<'_>,
    policy: &DrillPolicy,
    manifest: &Manifest,
) -> Vec<PartFinding> {
    let mut findings = Vec::new();
    for query in &policy.queries {
        let what = format!("query {}", query.name);
        let problem = match place(runner, &query.service) {
            Some((_, inside)) => compare(&inside, query, manifest).await,
            None => Some("not run: the service is not in the set".to_owned()),
        };
        findings.push(PartFinding::new(&query.service, what, problem));
    }
    for reference in &policy.references {
        findings.push(follow(runner, reference).await);
    }
    findings.iter_mut().for_each(|finding| finding.blames_set = false);
    findings
}

/// A service of the drill, and running commands in it.
fn place<'r>(runner: &'r RestoreRunner<'_>, service: &str) -> Option<(&'r ServicePart, Inside<'r>)> {
    let part = runner.parts.iter().find(|part| part.service == service)?;
    let container = part.container.as_ref()?;
    Some((part, part.inside(runner.target, &container.id)))
}

/// What is wrong with the result of a query.
async fn compare(inside: &Inside<'_>, query: &DrillQuery, manifest: &Manifest) -> Option<String> {
    let found = match answer(inside, &asked(query)).await {
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(expected) = &query.expect {
        return (found != expected.trim()).then(|| format!("expected {}, {found} restored", expected.trim()));
    }
    let facts = manifest.part(&query.service).map(|part| &part.facts);
    let fact = |of: &str| facts.and_then(|facts| facts.get(&format!("{of}{}", query.name)));
    match (fact(RESULT_OF), fact(FAILURE_OF)) {
        // It moved while the dump began.
        (Some(recorded), _) if recorded.starts_with('~') => None,
        (Some(recorded), _) => {
            (*recorded != found).then(|| format!("{recorded} recorded by the backup, {found} restored"))
        }
        (None, Some(reason)) => Some(format!("it failed when the backup was taken: {reason}")),
        // The set is older than the query.
        (None, None) => None,
    }
}

/// Counts the ids of a reference that lead nowhere.
async fn follow(runner: &RestoreRunner<'_>, reference: &DrillReference) -> PartFinding {
    let DrillReference { name, from, to, allowed } = reference;
    let what = format!("references {name}");
    let (Some((_, source)), Some((part, inside))) = (place(runner, &from.service), place(runner, &to.service)) else {
        return PartFinding::new(&from.service, what, Some("not counted: a service is not in the set".to_owned()));
    };
    let query = SqlQuery { name: name.clone(), database: from.database.clone(), sql: from.query.clone() };
    let collection = to.collection.as_deref().unwrap_or_default();
    let referred = match part.kind {
        PartKind::Qdrant => Referred::Points { api: part.http(runner.target, &inside.container), collection },
        PartKind::Elasticsearch => {
            Referred::Documents { api: part.http(runner.target, &inside.container), index: collection }
        }
        PartKind::Redis | PartKind::Postgres | PartKind::Volume | PartKind::Configuration => {
            Referred::Keys { inside, prefix: to.prefix.as_deref().unwrap_or_default() }
        }
    };
    let found = match dangling((&source, &query), &referred).await {
        Ok(found) => found,
        Err(error) => return PartFinding::new(&from.service, what, Some(error.to_string())),
    };
    let count = found.missing.len();
    let what = format!("{what}: {count} of {} dangle", found.ids);
    let too_many = u64::try_from(count).unwrap_or(u64::MAX) > *allowed;
    let named = found.missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let problem = too_many.then(|| format!("{allowed} allowed; not found in {}: {named}", to.service));
    PartFinding::new(&from.service, what, problem)
}
