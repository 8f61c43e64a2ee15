//! The schema of a database as it was read from its catalogue, and whether code that was written for one schema can run
//! on another. Reads and returns values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One thing of a schema, as the query of the catalogue prints it: a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A table, view, sequence or the like: its name and what it is.
    Relation { name: String, kind: String },
    /// A column.
    Column {
        table: String,
        name: String,
        r#type: String,
        not_null: bool,
        /// The expression of its default; `identity` or `generated` where the server fills it.
        default: Option<String>,
    },
    /// A constraint with its definition.
    Constraint { table: String, name: String, definition: String },
    /// An index with its definition.
    Index { table: String, name: String, definition: String, unique: bool },
    /// A value of an enum.
    Value { r#type: String, name: String },
    /// A function with the types of its arguments, and what it returns.
    Function { name: String, returns: String },
    /// The revision that alembic recorded.
    Alembic { revision: String },
}

/// The schema of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue(Vec<Entry>);

/// A difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// In words: `adds column orders.note`.
    pub what: String,
    /// Whether code that was written for the earlier schema may fail on the later one.
    pub breaks: bool,
}

/// Columns by table and name.
type Columns<'c> = BTreeMap<(&'c str, &'c str), Column<'c>>;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Column<'c> {
    r#type: &'c str,
    not_null: bool,
    default: Option<&'c str>,
}

impl Catalogue {
    /// From lines of JSON; none where one of them is not an entry.
    pub fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut entries: Vec<Entry> = lines.map(|line| serde_json::from_str(line).ok()).collect::<Option<_>>()?;
        entries.sort();
        Some(Self(entries))
    }

    /// The reverse of `parse`.
    pub fn lines(&self) -> String {
        let line = |entry: &Entry| serde_json::to_string(entry).unwrap_or_default() + "\n";
        self.0.iter().map(line).collect()
    }

    /// The same for the same schema, whatever the order of its parts.
    pub fn digest(&self) -> String {
        let schema = self.0.iter().filter(|entry| !matches!(entry, Entry::Alembic { .. }));
        let digest = schema.fold(Sha256::new(), |digest, entry| {
            digest.chain_update(serde_json::to_vec(entry).unwrap_or_default()).chain_update("\n")
        });
        hex::encode(digest.finalize())
    }

    /// The revision that alembic recorded.
    pub fn alembic(&self) -> Option<&str> {
        self.0.iter().find_map(|entry| match entry {
            Entry::Alembic { revision } => Some(revision.as_str()),
            _ => None,
        })
    }

    /// What differs in a later schema, relations first.
    pub fn changes(&self, later: &Self) -> Vec<SchemaChange> {
        let mut found = relations(self, later);
        found.extend(columns(self, later));
        found.extend(constraints(self, later));
        found.extend(indexes(self, later));
        found.extend(values(self, later));
        found.extend(functions(self, later));
        found
    }

    fn relations(&self) -> BTreeMap<&str, &str> {
        let found = self.0.iter().filter_map(|entry| match entry {
            Entry::Relation { name, kind } => Some((name.as_str(), kind.as_str())),
            _ => None,
        });
        found.collect()
    }

    fn columns(&self) -> Columns<'_> {
        let found = self.0.iter().filter_map(|entry| match entry {
            Entry::Column { table, name, r#type, not_null, default } => {
                let column = Column { r#type: r#type.as_str(), not_null: *not_null, default: default.as_deref() };
                Some(((table.as_str(), name.as_str()), column))
            }
            _ => None,
        });
        found.collect()
    }

    fn constraints(&self) -> BTreeMap<(&str, &str), &str> {
        let found = self.0.iter().filter_map(|entry| match entry {
            Entry::Constraint { table, name, definition } => {
                Some(((table.as_str(), name.as_str()), definition.as_str()))
            }
            _ => None,
        });
        found.collect()
    }

    fn indexes(&self) -> BTreeMap<(&str, &str), (&str, bool)> {
        let found = self.0.iter().filter_map(|entry| match entry {
            Entry::Index { table, name, definition, unique } => {
                Some(((table.as_str(), name.as_str()), (definition.as_str(), *unique)))
            }
            _ => None,
        });
        found.collect()
    }

    fn values(&self) -> BTreeMap<(&str, &str), ()> {
        let found = self.0.iter().filter_map(|entry| match entry {
            Entry::Value { r#type, name } => Some(((r#type.as_str(), name.as_str()), ())),
            _ => None,
        });
        found.collect()
    }

    fn functions(&self) -> BTreeMap<&str, &str> {
        let found = self.0.iter().filter_map(|entry| match entry {
            Entry::Function { name, returns } => Some((name.as_str(), returns.as_str())),
            _ => None,
        });
        found.collect()
    }
}

fn change(breaks: bool, what: String) -> SchemaChange {
    SchemaChange { what, breaks }
}

/// Names of the schema `public` go without it.
fn short(name: &str) -> &str {
    name.strip_prefix("public.").unwrap_or(name)
}

fn relations(before: &Catalogue, after: &Catalogue) -> Vec<SchemaChange> {
    let (old, new) = (before.relations(), after.relations());
    let gone = old.iter().filter_map(|(name, kind)| match new.get(name) {
        None => Some(change(true, format!("drops {kind} {}", short(name)))),
        Some(now) if now != kind => Some(change(true, format!("makes {kind} {} a {now}", short(name)))),
        Some(_) => None,
    });
    let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
    gone.chain(added.map(|(name, kind)| change(false, format!("adds {kind} {}", short(name))))).collect()
}

/// Columns of relations that both have: those of others are covered by the relation.
fn columns(before: &Catalogue, after: &Catalogue) -> Vec<SchemaChange> {
    let (old, new) = (before.columns(), after.columns());
    let (were, are) = (before.relations(), after.relations());
    let mut found = Vec::new();
    for (key @ (table, name), column) in old.iter().filter(|((table, _), _)| are.contains_key(table)) {
        match new.get(key) {
            None => found.push(change(true, format!("drops column {}.{name}", short(table)))),
            Some(now) => found.extend(altered(&format!("{}.{name}", short(table)), *column, *now)),
        }
    }
    let added = new.iter().filter(|(key, _)| were.contains_key(key.0) && !old.contains_key(*key));
    found.extend(added.map(|((table, name), column)| {
        let what = format!("adds column {}.{name}", short(table));
        // A row that the old code writes has no value for it.
        match column.not_null && column.default.is_none() {
            true => change(true, format!("{what}, which is NOT NULL and has no default")),
            false => change(false, what),
        }
    }));
    found
}

fn altered(name: &str, old: Column<'_>, new: Column<'_>) -> Vec<SchemaChange> {
    let mut found = Vec::new();
    if old.r#type != new.r#type {
        let widened = widens(old.r#type, new.r#type);
        found
            .push(change(!widened, format!("changes the type of column {name} from {} to {}", old.r#type, new.r#type)));
    }
    if old.not_null != new.not_null {
        let words = if new.not_null { "makes column {} NOT NULL" } else { "lets column {} be NULL" };
        found.push(change(new.not_null, words.replace("{}", name)));
    }
    if old.default != new.default {
        match (old.default, new.default) {
            // Only a column that must have a value needs its default.
            (Some(_), None) => found.push(change(new.not_null, format!("drops the default of column {name}"))),
            (None, Some(_)) => found.push(change(false, format!("adds a default to column {name}"))),
            _ => found.push(change(false, format!("changes the default of column {name}"))),
        }
    }
    found
}

/// Whether every value of a type is one of the other, and reads the same.
fn widens(from: &str, to: &str) -> bool {
    const WIDER: [(&str, &str); 4] =
        [("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"), ("real", "double precision")];
    let (base, length) = sized(from);
    let (wide, longer) = sized(to);
    let is_text = base == "character varying" && (wide == "text" || wide == base);
    let is_longer = match (length, longer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => to >= from,
    };
    WIDER.contains(&(from, to)) || (is_text && is_longer)
}

/// `character varying(20)` in its parts.
fn sized(r#type: &str) -> (&str, Option<u32>) {
    let parts = r#type.strip_suffix(')').and_then(|rest| rest.split_once('('));
    match parts.and_then(|(base, size)| Some((base, size.parse().ok()?))) {
        Some((base, size)) => (base, Some(size)),
        None => (r#type, None),
    }
}

/// A new constraint may refuse what the old code writes.
fn constraints(before: &Catalogue, after: &Catalogue) -> Vec<SchemaChange> {
    let (old, new) = (before.constraints(), after.constraints());
    let (were, are) = (before.relations(), after.relations());
    let gone = old.iter().filter(|(key, _)| are.contains_key(key.0)).filter_map(|(key @ (table, name), was)| {
        match new.get(key) {
            // `ON CONFLICT` names the columns of a key.
            None => Some(change(is_key(was), format!("drops constraint {name} of {}", short(table)))),
            Some(now) if now != was => {
                Some(change(true, format!("changes constraint {name} of {} to {now}", short(table))))
            }
            Some(_) => None,
        }
    });
    let added = new.iter().filter(|(key, _)| were.contains_key(key.0) && !old.contains_key(*key));
    let added = added.map(|((table, name), is)| {
        let renamed = old.iter().any(|((of, _), was)| of == table && was == is);
        change(!renamed, format!("adds constraint {name} to {}: {is}", short(table)))
    });
    gone.chain(added).collect()
}

fn is_key(definition: &str) -> bool {
    ["PRIMARY KEY", "UNIQUE", "EXCLUDE"].iter().any(|kind| definition.starts_with(kind))
}

/// An index serves queries; only one that is unique says what may be written.
fn indexes(before: &Catalogue, after: &Catalogue) -> Vec<SchemaChange> {
    let (old, new) = (before.indexes(), after.indexes());
    let (were, are) = (before.relations(), after.relations());
    let gone = old.iter().filter(|(key, _)| are.contains_key(key.0)).filter_map(|(key @ (table, name), was)| match new
        .get(key)
    {
        None => Some(change(was.1, format!("drops index {name} of {}", short(table)))),
        Some(now) if now != was => Some(change(was.1 || now.1, format!("changes index {name} of {}", short(table)))),
        Some(_) => None,
    });
    let added = new.iter().filter(|(key, _)| were.contains_key(key.0) && !old.contains_key(*key));
    let added = added.map(|((table, name), (_, unique))| {
        let kind = if *unique { "unique index" } else { "index" };
        change(*unique, format!("adds {kind} {name} to {}", short(table)))
    });
    gone.chain(added).collect()
}

/// Old code may write a value that is gone, and meets a new one only where new code wrote it.
fn values(before: &Catalogue, after: &Catalogue) -> Vec<SchemaChange> {
    let (old, new) = (before.values(), after.values());
    let still = |r#type: &str| new.keys().any(|(of, _)| *of == r#type);
    let known = |r#type: &str| old.keys().any(|(of, _)| *of == r#type);
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|(r#type, name)| match still(r#type) {
        true => change(true, format!("drops value {name} of enum {}", short(r#type))),
        false => change(true, format!("drops value {name} with enum {}", short(r#type))),
    });
    let added = new.keys().filter(|key| !old.contains_key(*key)).filter(|key| known(key.0));
    gone.chain(added.map(|(r#type, name)| change(false, format!("adds value {name} to enum {}", short(r#type)))))
        .collect()
}

fn functions(before: &Catalogue, after: &Catalogue) -> Vec<SchemaChange> {
    let (old, new) = (before.functions(), after.functions());
    let gone = old.iter().filter_map(|(name, was)| match new.get(name) {
        None => Some(change(true, format!("drops function {}", short(name)))),
        Some(now) if now != was => {
            Some(change(true, format!("makes function {} return {now} instead of {was}", short(name))))
        }
        Some(_) => None,
    });
    let added = new.keys().filter(|name| !old.contains_key(*name));
    gone.chain(added.map(|name| change(false, format!("adds function {}", short(name))))).collect()
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
