//! What a migration does to a PostgreSQL database while it runs: the tables it keeps everybody else out of, the tables it
//! writes anew, and the rows it changes. Only looks; the server is one that was made for a rehearsal.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::error::BackupError;
use super::inside::Inside;
use super::postgres::query;
use super::psql::connection;

/// Tables with what tells whether they were written anew; the name is last, as it may hold anything.
const TABLES: &str = r"
select c.oid || '|' || c.relfilenode || '|' || coalesce(s.n_tup_ins, 0) || '|' || coalesce(s.n_tup_upd, 0) || '|'
  || coalesce(s.n_tup_del, 0) || '|' || coalesce(s.n_live_tup, 0) || '|' || n.nspname || '.' || c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_user_tables s on s.relid = c.oid
where c.relkind in ('r', 'm') and c.relpersistence <> 't' and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
order by c.oid";

const SIZE: &str = "select pg_database_size(current_database())";

/// Notes every exclusive lock of a table that is seen, ten times a second, until the file of the end is there.
const WATCH: &str = r#"
{
  echo "set lock_timeout = 5000; create temp table aictl_seen (relation oid, name text, holder text, since timestamptz, until timestamptz, primary key (relation, holder));"
  while [ ! -e "/tmp/aictl-watched-$2" ]; do
    echo "insert into aictl_seen select distinct on (l.relation, l.pid, l.virtualtransaction) l.relation, n.nspname || '.' || c.relname, l.pid || ' ' || l.virtualtransaction, clock_timestamp(), clock_timestamp() from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace where l.mode = 'AccessExclusiveLock' and l.granted and l.pid <> pg_backend_pid() and c.relkind in ('r', 'p', 'm') and n.nspname not like 'pg\_%' and l.database = (select oid from pg_database where datname = current_database()) on conflict (relation, holder) do update set until = clock_timestamp();"
    sleep 0.1 2>/dev/null || sleep 1
  done
  echo "select 'lock|' || floor(extract(epoch from max(until - since)) * 1000) || '|' || name from aictl_seen group by name order by max(until - since) desc;"
} | psql --no-psqlrc --no-align --tuples-only --quiet --dbname="$1"
"#;

/// What looking at a rehearsal may take besides the migration.
const ROOM: Duration = Duration::from_secs(60);

/// A table at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TableState {
    name: String,
    file: u64,
    inserted: u64,
    updated: u64,
    deleted: u64,
    rows: u64,
}

/// A database at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseState {
    tables: BTreeMap<u64, TableState>,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A lock that kept every other client from a table, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableLock {
    /// The table, with its schema.
    pub table: String,
    /// Milliseconds.
    pub ms: u64,
}

/// What happened to the rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table, with its schema.
    pub table: String,
    /// Rows it had where it was written anew as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewritten: Option<u64>,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
}

/// Looks at a database.
pub async fn database_state(inside: &Inside<'_>, database: &str) -> Result<DatabaseState, BackupError> {
    let tables = query(inside, database, TABLES).await?;
    let bytes = query(inside, database, SIZE).await?;
    Ok(DatabaseState { tables: tables.lines().filter_map(table).collect(), bytes: bytes.trim().parse().unwrap_or(0) })
}

fn table(line: &str) -> Option<(u64, TableState)> {
    let mut fields = line.splitn(7, '|');
    let mut number = || fields.next()?.trim().parse::<u64>().ok();
    let (oid, file, inserted, updated) = (number()?, number()?, number()?, number()?);
    let (deleted, rows) = (number()?, number()?);
    let name = fields.next()?.trim_end().to_owned();
    Some((oid, TableState { name, file, inserted, updated, deleted, rows }))
}

impl DatabaseState {
    /// What happened to the tables that there were.
    pub fn changes(&self, after: &Self) -> Vec<TableChange> {
        let change = |(oid, before): (&u64, &TableState)| {
            let now = after.tables.get(oid)?;
            let change = TableChange {
                table: before.name.clone(),
                rewritten: (now.file != before.file).then_some(before.rows),
                inserted: now.inserted.saturating_sub(before.inserted),
                updated: now.updated.saturating_sub(before.updated),
                deleted: now.deleted.saturating_sub(before.deleted),
            };
            let is_same = change.rewritten.is_none() && change.inserted + change.updated + change.deleted == 0;
            (!is_same).then_some(change)
        };
        self.tables.iter().filter_map(change).collect()
    }
}

/// Watches the locks until `end_watch`; returns each table that was locked exclusively, the longest first. `id` tells one
/// watch from another.
pub async fn watch_locks(
    inside: &Inside<'_>,
    (database, id): (&str, &str),
    limit: Duration,
) -> Result<Vec<TableLock>, BackupError> {
    let text = inside.answer_within(limit + ROOM, WATCH, &[&connection(database), id]).await?;
    Ok(text.lines().filter_map(lock).collect())
}

fn lock(line: &str) -> Option<TableLock> {
    let mut fields = line.strip_prefix("lock|")?.splitn(2, '|');
    let ms = fields.next()?.trim().parse().ok()?;
    Some(TableLock { table: fields.next()?.to_owned(), ms })
}

/// Ends a watch.
pub async fn end_watch(inside: &Inside<'_>, id: &str) -> Result<(), BackupError> {
    inside.answer("exec touch \"/tmp/aictl-watched-$1\"", &[id]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_another_file_is_written_anew_and_one_that_is_gone_or_new_is_no_change_of_rows() {
        let state =
            |lines: &[&str]| DatabaseState { tables: lines.iter().filter_map(|line| table(line)).collect(), bytes: 0 };
        let before = state(&["1|10|5|0|0|5|public.a", "2|20|7|0|0|7|public.b|c", "3|30|1|0|0|1|public.gone"]);
        let after = state(&["1|11|5|0|0|5|public.a", "2|20|7|3|1|6|public.b|c", "4|40|9|0|0|9|public.new"]);
        let found = before.changes(&after);
        let a = TableChange { table: "public.a".into(), rewritten: Some(5), ..TableChange::default() };
        let b = TableChange { table: "public.b|c".into(), updated: 3, deleted: 1, ..TableChange::default() };
        assert_eq!(found, [a, b]);
        assert_eq!(before.changes(&before), []);
    }

    #[test]
    fn only_lines_of_locks_are_read() {
        assert_eq!(lock("lock|1203|public.a"), Some(TableLock { table: "public.a".into(), ms: 1203 }));
        assert_eq!((lock("ERROR"), lock("lock|x|public.a")), (None, None));
    }
}
