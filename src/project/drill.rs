//! What a drill asks the data it has restored.
//! Plain data.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::findings::Findings;

/// Questions to restored data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DrillPolicy {
    /// Queries whose results `backup create` records and a drill compares.
    pub queries: Vec<DrillQuery>,
    /// References between stores; a drill counts those that lead nowhere.
    pub references: Vec<DrillReference>,
}

/// A query in a PostgreSQL service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillQuery {
    /// Name of the query.
    pub name: String,
    /// The PostgreSQL service.
    pub service: String,
    /// The database.
    pub database: String,
    /// The query; it may only read.
    pub query: String,
    /// Expected result, trimmed; default: the one that the backup recorded.
    #[serde(default)]
    pub expect: Option<String>,
}

/// Rows of PostgreSQL that refer to something in another store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillReference {
    /// Name of the reference.
    pub name: String,
    /// The query that gives the ids, one a row.
    pub from: ReferenceSource,
    /// Where they must be.
    pub to: ReferenceTarget,
    /// Number of ids that may be missing there; default: 0.
    #[serde(default)]
    pub allowed: u64,
}

/// A query for ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSource {
    /// The PostgreSQL service.
    pub service: String,
    /// The database.
    pub database: String,
    /// The query; it may only read.
    pub query: String,
}

/// Where ids must be: exactly one of `collection` and `prefix`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceTarget {
    /// The Qdrant, Elasticsearch or Redis service.
    pub service: String,
    /// The Qdrant collection, whose points have these ids, or the Elasticsearch index, whose documents have them.
    #[serde(default)]
    pub collection: Option<String>,
    /// What comes before the id in the names of Redis keys.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// Texts by their keys.
type Texts<'a> = Vec<(&'static str, &'a str)>;

pub(super) fn examine_drill(drill: &DrillPolicy, found: &mut Findings<'_>) {
    let mut names = BTreeSet::new();
    for (index, query) in drill.queries.iter().enumerate() {
        let number = index.to_string();
        let path = ["backup", "drill", "queries", &number];
        let texts = vec![
            ("name", query.name.as_str()),
            ("database", &query.database),
            ("query", &query.query),
            ("expect", query.expect.as_deref().unwrap_or("-")),
        ];
        blank(&path, texts, found);
        if !names.insert(&query.name) {
            found.add(&path, format!("`{}` is there twice", query.name));
        }
    }
    let mut names = BTreeSet::new();
    for (index, reference) in drill.references.iter().enumerate() {
        let number = index.to_string();
        let path = ["backup", "drill", "references", &number];
        blank(&path, vec![("name", &reference.name)], found);
        let from = vec![("database", reference.from.database.as_str()), ("query", &reference.from.query)];
        blank(&[&path[..], &["from"]].concat(), from, found);
        if !names.insert(&reference.name) {
            found.add(&path, format!("`{}` is there twice", reference.name));
        }
        if reference.to.collection.is_some() == reference.to.prefix.is_some() {
            found.add(&[&path[..], &["to"]].concat(), "takes exactly one of `collection` and `prefix`");
        }
    }
}

fn blank(path: &[&str], texts: Texts<'_>, found: &mut Findings<'_>) {
    for (key, _) in texts.iter().filter(|(_, text)| text.trim().is_empty()) {
        found.add(&[path, &[key]].concat(), format!("`{key}` is empty"));
    }
}
