//! What tells a restored PostgreSQL database from the one that was dumped: the rows of each table, and a checksum of the
//! content of smaller ones, both computed by the server. The checksum does not depend on the order of rows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::BackupError;
use super::inside::Inside;
use super::psql::{connection, literal};

/// The beginning of the name of a fact with the rows of a table.
pub const ROWS_OF: &str = "rows of ";
/// The beginning of the name of a fact with the checksum of a table.
pub const CHECKSUM_OF: &str = "checksum of ";

/// A larger table is not counted; the server's estimate is taken.
const LARGEST_COUNTED: &str = "4294967296";
/// Bytes of the tables of a database that get checksums, the smallest first: writing requests may be held meanwhile.
const CHECKSUMMED: u64 = 128 << 20;
/// How long counting may take.
const COUNTING: Duration = Duration::from_secs(300);
/// The first version that hashes to 64 bits.
const HASHES_SINCE: u32 = 11;

/// The tables that get a checksum.
#[derive(Debug, Clone, Copy)]
pub enum Checksums<'a> {
    /// The smallest, up to a bound.
    Smallest,
    /// Those with these facts.
    Recorded(&'a BTreeMap<String, String>),
}

impl Checksums<'_> {
    /// As a condition on `name` and `total`.
    fn condition(self, (database, server): (&str, u32)) -> String {
        match self {
            Self::Smallest if server >= HASHES_SINCE => format!("c.total <= {CHECKSUMMED}"),
            Self::Smallest => "false".to_owned(),
            Self::Recorded(facts) => {
                let prefix = prefix(CHECKSUM_OF, database);
                let names: Vec<String> =
                    facts.keys().filter_map(|name| name.strip_prefix(&prefix)).map(literal).collect();
                if names.is_empty() { "false".to_owned() } else { format!("c.name in ({})", names.join(", ")) }
            }
        }
    }
}

/// How names of facts about tables of a database begin.
pub fn prefix(of: &str, database: &str) -> String {
    format!("{of}{database}.")
}

/// Values as text are the same in every session, whatever a role or a server has set.
const SETTINGS: &str = "set search_path = pg_catalog; set timezone = 'UTC'; set datestyle = 'ISO'; \
    set intervalstyle = 'postgres'; set extra_float_digits = 3; set bytea_output = 'hex'; set lc_monetary = 'C'; \
    set xmloption = 'content';\n";

/// The rows of each table and the checksums, as facts; those of a large table are an estimate, `~N`. Extensions' own tables
/// and materialized views, which a restore computes again, get no checksum. `server` is the major version.
pub async fn counts(
    inside: &Inside<'_>,
    (database, server): (&str, u32),
    checksums: Checksums<'_>,
) -> Result<BTreeMap<String, String>, BackupError> {
    let checksummed = checksums.condition((database, server));
    let script = format!(
        "{SETTINGS}select case when c.size > {LARGEST_COUNTED} \
         then format('select %L || chr(9) || %L', c.name, '~' || greatest(c.reltuples, 0)::bigint) \
         when {checksummed} and c.relkind = 'r' and not c.of_extension \
         then format('select %L || chr(9) || count(*) || chr(9) || \
         coalesce(sum(hashtextextended((aictl_row.*)::text collate \"C\", 0)), 0) from %I.%I aictl_row', \
         c.name, c.nspname, c.relname) \
         else format('select %L || chr(9) || count(*) from %I.%I', c.name, c.nspname, c.relname) end \
         from (select c.relname, c.relkind, c.reltuples, n.nspname, n.nspname || '.' || c.relname as name, \
         pg_relation_size(c.oid) as size, \
         sum(pg_relation_size(c.oid)) over (order by pg_relation_size(c.oid), c.oid) as total, \
         exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid \
         and d.deptype = 'e') as of_extension \
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm') \
         and c.relpersistence <> 't' and (c.relkind = 'r' or c.relispopulated) \
         and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema') c order by 1 \\gexec\n"
    );
    let command = "exec psql --no-psqlrc --no-align --tuples-only --quiet --set=ON_ERROR_STOP=1 --dbname=\"$1\"";
    let answer = inside.tell(COUNTING, (command, &[&connection(database)]), script).await?;
    Ok(answer.lines().flat_map(|line| facts_of(database, line)).collect())
}

/// `TABLE<tab>ROWS`, and for some `<tab>CHECKSUM`.
fn facts_of(database: &str, line: &str) -> Vec<(String, String)> {
    let mut columns = line.split('\t');
    let (Some(table), Some(rows)) = (columns.next(), columns.next()) else { return Vec::new() };
    let fact = |of: &str, value: &str| (format!("{}{table}", prefix(of, database)), value.trim().to_owned());
    [Some(fact(ROWS_OF, rows)), columns.next().map(|sum| fact(CHECKSUM_OF, sum))].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_asks_for_the_checksums_that_the_backup_has_and_an_old_server_for_none() {
        let facts = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
        let recorded = facts(&["checksum of app.public.a", "checksum of other.public.b", "rows of app.public.c"]);
        assert_eq!(Checksums::Recorded(&recorded).condition(("app", 15)), "c.name in ('public.a')");
        assert_eq!(Checksums::Recorded(&facts(&[])).condition(("app", 15)), "false");
        assert_eq!(Checksums::Smallest.condition(("app", 10)), "false");
        assert_eq!(Checksums::Smallest.condition(("app", 15)), "c.total <= 134217728");
    }

    #[test]
    fn a_line_has_rows_and_for_some_tables_a_checksum() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(facts_of("app", "public.a\t5"), [pair("rows of app.public.a", "5")]);
        let both = [pair("rows of app.public.a", "5"), pair("checksum of app.public.a", "-7")];
        assert_eq!(facts_of("app", "public.a\t5\t-7"), both);
        assert!(facts_of("app", "").is_empty());
    }
}
