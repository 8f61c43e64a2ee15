//! The questions of aictl.yaml to restored data, and whether the services of the backup can answer them.

use std::collections::BTreeMap;

use crate::backup::PartKind;
use crate::backup::queries::SqlQuery;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::project::{BackupPolicy, DrillQuery};
use crate::session::WorkflowError;

/// The queries that a service is asked.
pub(super) fn queries_of(policy: &BackupPolicy, service: &str) -> Vec<SqlQuery> {
    let drill = policy.drill.iter().flat_map(|drill| &drill.queries);
    drill.filter(|query| query.service == service).map(asked).collect()
}

/// A query of aictl.yaml as it is asked.
pub(super) fn asked(query: &DrillQuery) -> SqlQuery {
    SqlQuery { name: query.name.clone(), database: query.database.clone(), sql: query.query.clone() }
}

/// Fails where a question is to a service that cannot answer it, or that the backup does not take.
pub(super) fn check_questions(
    policy: &BackupPolicy,
    (stack, kinds): (&Stack, &BTreeMap<String, PartKind>),
) -> Result<()> {
    let Some(drill) = &policy.drill else { return Ok(()) };
    let kind = |service: &str| kinds.get(service).copied();
    let known = |service: &str| stack.all_services().any(|(name, _)| name == service);
    let wrong = |key: String, service: &str, wanted: &str| {
        let reason = if known(service) { "is not backed up as" } else { "is not a service; wanted:" };
        let message = format!("backup.drill.{key}: `{service}` {reason} {wanted}");
        Err(WorkflowError::Configuration { message, hint: None }.into())
    };
    let is_wrong = |query: &&DrillQuery| kind(&query.service) != Some(PartKind::Postgres);
    if let Some(query) = drill.queries.iter().find(is_wrong) {
        return wrong(format!("queries: {}", query.name), &query.service, "PostgreSQL");
    }
    for reference in &drill.references {
        let key = format!("references: {}", reference.name);
        if kind(&reference.from.service) != Some(PartKind::Postgres) {
            return wrong(key, &reference.from.service, "PostgreSQL");
        }
        match (kind(&reference.to.service), &reference.to.prefix) {
            (Some(PartKind::Redis), Some(_)) | (Some(PartKind::Qdrant | PartKind::Elasticsearch), None) => {}
            (_, Some(_)) => return wrong(key, &reference.to.service, "Redis, which has keys with a prefix"),
            (_, None) => return wrong(key, &reference.to.service, "Qdrant or Elasticsearch, which have collections"),
        }
    }
    Ok(())
}
