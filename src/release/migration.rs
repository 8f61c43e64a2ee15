//! What a release records of its migrations: the schema before and after, and whether the release before can run on it.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Catalogue, SchemaChange};

/// The largest stored catalogue that is read.
const LARGEST: u64 = 64 << 20;

/// A migration of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The task.
    pub task: String,
    /// The PostgreSQL service of its database, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The name of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Keyed digest of its image and command.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The schema before it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<SchemaHead>,
    /// The schema after it ran: the one that the code of the release runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<SchemaHead>,
    /// What it changed on a copy of the schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<SchemaChange>,
    /// Whether the release before can still run afterwards; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatible: Option<bool>,
    /// Why it was not tried on a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untried: Option<String>,
}

/// The state of a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaHead {
    /// Digest of tables, columns, constraints, indexes, enums and functions.
    pub digest: String,
    /// The revision that alembic recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alembic: Option<String>,
    /// The catalogue, compressed; left out where an earlier release recorded the same digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<String>,
}

impl SchemaHead {
    /// The head of a schema, without the catalogue.
    pub fn of(catalogue: &Catalogue) -> Self {
        Self { digest: catalogue.digest(), alembic: catalogue.alembic().map(str::to_owned), catalogue: None }
    }

    /// The same with the catalogue.
    #[must_use]
    pub fn with(self, catalogue: &Catalogue) -> Self {
        Self { catalogue: packed(&catalogue.lines()), ..self }
    }

    /// The catalogue, where it is recorded here.
    pub fn catalogue(&self) -> Option<Catalogue> {
        let bytes = STANDARD.decode(self.catalogue.as_ref()?).ok()?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).take(LARGEST).read_to_string(&mut text).ok()?;
        Catalogue::parse(&text)
    }

    /// The digest as people read it, with the revision of alembic.
    pub fn words(&self) -> String {
        let short = self.digest.get(..12).unwrap_or(&self.digest);
        self.alembic.as_ref().map_or_else(|| short.to_owned(), |revision| format!("{short} (alembic {revision})"))
    }
}

fn packed(text: &str) -> Option<String> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(text.as_bytes()).ok()?;
    Some(STANDARD.encode(packer.finish().ok()?))
}

impl Migration {
    /// The changes that the release before cannot survive.
    pub fn breaking(&self) -> Vec<&str> {
        self.changes.iter().filter(|change| change.breaks).map(|change| change.what.as_str()).collect()
    }

    /// What it does to the schema, and what that means for the release before.
    pub fn words(&self) -> Option<String> {
        if let Some(reason) = &self.untried {
            return Some(format!("not tried: {reason}"));
        }
        let compatible = self.compatible?;
        let all: Vec<&str> = self.changes.iter().map(|change| change.what.as_str()).collect();
        Some(match (compatible, all.is_empty()) {
            (true, true) => "changes no schema; the release before can still run".to_owned(),
            (true, false) => format!("{}; the release before can still run", all.join(", ")),
            (false, _) => format!("{}; the release before cannot run afterwards", self.breaking().join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_packed_and_read_again() {
        let text = r#"{"relation":{"name":"public.orders","kind":"table"}}"#;
        let catalogue = Catalogue::parse(text).unwrap();
        let head = SchemaHead::of(&catalogue).with(&catalogue);
        assert_eq!(head.catalogue(), Some(catalogue));
        assert_eq!(SchemaHead { catalogue: Some("none".into()), ..head }.catalogue(), None);
    }

    #[test]
    fn words_name_what_the_release_before_cannot_survive() {
        let change = |what: &str, breaks| SchemaChange { what: what.to_owned(), breaks };
        let tried = |changes: Vec<SchemaChange>| {
            let compatible = Some(changes.iter().all(|change| !change.breaks));
            Migration { changes, compatible, ..Migration::default() }.words()
        };
        let added = || change("adds column a.b", false);
        assert_eq!(tried(vec![added()]).unwrap(), "adds column a.b; the release before can still run");
        let both = vec![added(), change("drops column a.c", true)];
        assert_eq!(tried(both).unwrap(), "drops column a.c; the release before cannot run afterwards");
        assert_eq!(Migration::default().words(), None, "a first release");
    }
}
