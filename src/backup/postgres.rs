//! PostgreSQL: a dump of each database and of the roles, by the server's own clients inside its container; a restore goes into
//! a new database that takes the place of the old one in one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use super::database_settings::{SETTINGS_OF, settings};
use super::error::BackupError;
use super::inside::{Inside, Shape, begun};
pub(super) use super::psql::query;
use super::psql::{connection, literal};
use super::table_counts::{Checksums, counts};
use crate::target::ByteStream;

/// The name of the file with the roles.
pub const GLOBALS: &str = "globals.sql";
/// How the file of a database ends.
pub const DUMP: &str = ".dump";
/// Waiting longer for the lock of a table fails the dump.
const LOCK_WAIT: &str = "60000";
/// How long the roles and the swap may take.
const STATEMENTS: Duration = Duration::from_secs(300);
/// How long a server may take to start, and how long one that answers on its socket alone is waited for.
const STARTING: Duration = Duration::from_secs(120);
const SOCKET_ONLY: Duration = Duration::from_secs(30);
/// The longest name of a database.
const LONGEST_NAME: usize = 63;

const CUSTOM: Shape = Shape { head: b"PGDMP", ends: |_| true };
pub(super) const ROLES: Shape = Shape { head: b"--", ends: |tail| holds(tail, b"database cluster dump complete") };

/// A dump that has begun.
pub struct BegunDump {
    /// Name of its file.
    pub name: String,
    /// What it is of.
    pub of: String,
    /// Its content.
    pub stream: ByteStream,
}

/// What a service is about to be dumped as.
pub struct BegunPart {
    /// The dumps.
    pub dumps: Vec<BegunDump>,
    /// What was recorded besides.
    pub facts: BTreeMap<String, String>,
}

/// The owner of the database that is connected to.
const OWNER: &str = "select pg_get_userbyid(datdba) from pg_database where datname = current_database()";
/// The beginning of the name of the fact that holds it.
pub const OWNER_OF: &str = "owner of ";

/// The database that is connected to while another one is renamed.
fn beside(database: &str) -> &'static str {
    if database == "postgres" { "template1" } else { "postgres" }
}

/// Names of databases that are dumped: those given, or all that take connections.
async fn databases(inside: &Inside<'_>, wanted: &[String]) -> Result<Vec<String>, BackupError> {
    let all = "select datname from pg_database where not datistemplate and datallowconn order by datname";
    let found = lines(&query(inside, "postgres", all).await?);
    let missing = wanted.iter().find(|name| !found.contains(name));
    if let Some(name) = missing {
        return Err(inside.failed(format!("database `{name}` does not exist")));
    }
    let nothing_of_ours = |name: &String| !name.contains(SIDE);
    Ok(if wanted.is_empty() { found.into_iter().filter(nothing_of_ours).collect() } else { wanted.to_vec() })
}

/// Begins the dumps of a server.
pub async fn begin(inside: &Inside<'_>, wanted: &[String]) -> Result<BegunPart, BackupError> {
    let databases = databases(inside, wanted).await?;
    let mut facts = BTreeMap::new();
    let server = query(inside, "postgres", "show server_version").await?.trim().to_owned();
    let client = inside.answer("pg_dump --version", &[]).await?.trim().to_owned();
    if major(&client) < major(&server) {
        return Err(inside.failed(format!("its client `{client}` is older than the server, {server}")));
    }
    let version = major(&server);
    facts.insert("server_version".to_owned(), server);
    facts.insert("client_version".to_owned(), client);
    let (mut dumps, mut counted) = (Vec::new(), BTreeMap::new());
    for database in databases {
        let extensions = "select extname || ' ' || extversion from pg_extension order by extname";
        let found = lines(&query(inside, &database, extensions).await?).join(", ");
        facts.insert(format!("extensions of {database}"), found);
        let collation = "select datcollate from pg_database where datname = current_database()";
        facts.insert(format!("collation of {database}"), query(inside, &database, collation).await?.trim().to_owned());
        let owner = query(inside, &database, OWNER).await?.trim().to_owned();
        facts.insert(format!("{OWNER_OF}{database}"), owner);
        facts.insert(format!("{SETTINGS_OF}{database}"), settings(inside, &database).await?);
        counted.insert(database.clone(), counts(inside, (&database, version), Checksums::Smallest).await?);
        // Not compressed: the repository does that, and finds what has not changed.
        let script = "exec pg_dump --format=custom --compress=0 --lock-wait-timeout=\"$2\" --dbname=\"$1\"";
        let stream = inside.dump(script, &[&connection(&database), LOCK_WAIT], CUSTOM).await?;
        dumps.push(BegunDump { name: format!("{}{DUMP}", file_name(&database)), of: database, stream });
    }
    // A password of a role belongs to the secrets of the stack, not to a dump.
    let roles = inside.dump("exec pg_dumpall --globals-only --no-role-passwords", &[], ROLES).await?;
    dumps.push(BegunDump { name: GLOBALS.to_owned(), of: String::new(), stream: roles });
    let (dumps, counted) = cut((inside, version), (dumps, counted)).await?;
    facts.extend(counted);
    Ok(BegunPart { dumps, facts })
}

/// Waits until the dumps have begun. Returns the counts, too, which were taken before and are taken again.
async fn cut(
    (inside, version): (&Inside<'_>, u32),
    (dumps, mut counted): (Vec<BegunDump>, BTreeMap<String, BTreeMap<String, String>>),
) -> Result<(Vec<BegunDump>, BTreeMap<String, String>), BackupError> {
    let (mut ready, mut facts) = (Vec::new(), BTreeMap::new());
    for dump in dumps {
        let (of, stream) = (dump.of.clone(), begun(dump.stream).await?);
        if !of.is_empty() {
            // Between the two is the cut: a count that moved meanwhile says only how many there are about.
            let (before, after) =
                (counted.remove(&of).unwrap_or_default(), counts(inside, (&of, version), Checksums::Smallest).await?);
            facts.extend(after.into_iter().map(|(name, count)| match before.get(&name) == Some(&count) {
                true => (name, count),
                false => (name, format!("~{}", count.trim_start_matches('~'))),
            }));
        }
        ready.push(BegunDump { stream, ..dump });
    }
    Ok((ready, facts))
}

/// What marks a database that a restore made or put aside.
const SIDE: &str = "__aictl_";

/// Names that a restore uses beside the database.
fn sides(database: &str, set: &str) -> (String, String) {
    let name = |side: &str| {
        let end = format!("{SIDE}{side}_{set}");
        let room = LONGEST_NAME - end.len();
        let cut = (0..=room.min(database.len())).rev().find(|at| database.is_char_boundary(*at)).unwrap_or(0);
        format!("{}{end}", &database[..cut])
    };
    (name("new"), name("old"))
}

/// Restores the roles: those that exist stay as they are.
pub async fn restore_roles(inside: &Inside<'_>, dump: ByteStream) -> Result<(), BackupError> {
    let script = "
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=0 --dbname=postgres >/dev/null 2>/tmp/aictl-roles.$$ || exit 1
grep -E 'ERROR:|FATAL:' /tmp/aictl-roles.$$ | grep -v 'already exists' >&2 && failed=1
rm -f /tmp/aictl-roles.$$
exit ${failed:-0}";
    let script = format!("export LC_ALL=C PGOPTIONS='-c lc_messages=C'\n{script}");
    inside.feed(&script, &[], dump).await.map(drop)
}

/// Where a dump goes.
#[derive(Clone, Copy)]
pub struct DatabaseRestore<'a> {
    /// Name of the database.
    pub database: &'a str,
    /// Id of the set, for names beside it.
    pub set: &'a str,
    /// Its owner, where it does not exist.
    pub owner: Option<&'a String>,
    /// Statements for what is kept of it outside of it; where nothing was recorded, that of the database it replaces stays.
    pub settings: Option<&'a String>,
}

impl<'a> DatabaseRestore<'a> {
    /// Of what a set holds of a database.
    pub fn of((database, set): (&'a str, &'a str), facts: &'a BTreeMap<String, String>) -> Self {
        let fact = |name: &str| facts.get(&format!("{name}{database}"));
        Self { database, set, owner: fact(OWNER_OF), settings: fact(SETTINGS_OF) }
    }
}

/// Waits until a server takes connections: the first start of a container runs a temporary one without TCP.
pub async fn await_ready(inside: &Inside<'_>) -> Result<(), BackupError> {
    let begun = tokio::time::Instant::now();
    loop {
        if inside.answer("exec pg_isready --host=127.0.0.1 --timeout=5", &[]).await.is_ok() {
            return Ok(());
        }
        // A server may listen on its socket alone.
        let socket = inside.answer("exec pg_isready --timeout=5", &[]).await;
        match (socket, begun.elapsed()) {
            (Ok(_), waited) if waited > SOCKET_ONLY => return Ok(()),
            (Err(error), waited) if waited > STARTING => return Err(error),
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// How a dump is fed to the server.
#[derive(Clone, Copy)]
pub enum DumpFormat {
    /// The custom format of pg_dump.
    Archive,
    /// SQL without commands of psql.
    Sql,
}

impl DumpFormat {
    fn script(self) -> &'static str {
        match self {
            Self::Archive => "exec pg_restore --exit-on-error --no-password --dbname=\"$1\"",
            // It runs in the container: nothing of the file runs on the machine of the operator.
            Self::Sql => {
                "exec psql --no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1 --single-transaction --dbname=\"$1\" >/dev/null"
            }
        }
    }
}

/// Restores one database into a new one, and lets that take the place of the old one. The old one is dropped last; after a
/// failure it is there as before.
pub async fn restore_database(
    inside: &Inside<'_>,
    restore: DatabaseRestore<'_>,
    (format, dump): (DumpFormat, ByteStream),
) -> Result<(), BackupError> {
    let DatabaseRestore { database, set, owner: recorded, settings: stored } = restore;
    let (new, old) = sides(database, set);
    let from = beside(database);
    let owner = format!("select pg_get_userbyid(datdba) from pg_database where datname = {}", literal(database));
    let owner = lines(&query(inside, from, &owner).await?).pop();
    let exists = owner.is_some();
    // What restores that were killed left behind, also of other sets.
    let stem = new.trim_end_matches(set);
    let left = format!("select datname from pg_database where left(datname, length({0})) = {0}", literal(stem));
    for left in lines(&query(inside, from, &left).await?) {
        drop_database(inside, (from, &left)).await?;
    }
    if exists {
        drop_database(inside, (from, &old)).await?;
    }
    let owner = owner.as_ref().or(recorded).filter(|owner| !owner.is_empty());
    let by = owner.map(|owner| format!(" owner {}", identifier(owner))).unwrap_or_default();
    execute(inside, from, &format!("create database {} template template0{by}", identifier(&new))).await?;
    let restored = async {
        inside.feed(format.script(), &[&connection(&new)], dump).await?;
        let around = match (stored, exists) {
            (Some(stored), _) => stored.clone(),
            (None, true) => settings(inside, database).await?,
            (None, false) => String::new(),
        };
        swap(inside, Swap { name: database, new: &new, old: exists.then_some(&old), around: &around }).await
    };
    if let Err(error) = restored.await {
        // The first failure is the one to report.
        let _ = drop_database(inside, (from, &new)).await;
        return Err(error);
    }
    drop_database(inside, (from, &old)).await
}

/// A database that takes the place of another one.
struct Swap<'a> {
    name: &'a str,
    new: &'a str,
    /// What the other one is called then, where there is one.
    old: Option<&'a String>,
    /// Statements about the new one.
    around: &'a str,
}

/// Both renames are one transaction: either database has the name, never none.
async fn swap(inside: &Inside<'_>, Swap { name, new, old, around }: Swap<'_>) -> Result<(), BackupError> {
    let end = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname in ({}, {}) and pid <> pg_backend_pid()",
        literal(name),
        literal(new)
    );
    let aside = old.map(|old| format!("alter database {} rename to {};", identifier(name), identifier(old)));
    let aside = aside.unwrap_or_default();
    let rename = format!("alter database {} rename to {};", identifier(new), identifier(name));
    let script = format!("begin; {aside} {rename} {around} commit;");
    let mut last = None;
    // A client that connects again between the two is ended again.
    for _ in 0..20 {
        execute(inside, beside(name), &end).await?;
        match execute(inside, beside(name), &script).await {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    last.map_or(Ok(()), Err)
}

/// Makes an empty database in place of one that may be there: the server was made for a copy.
pub(super) async fn database_anew(inside: &Inside<'_>, database: &str) -> Result<(), BackupError> {
    let from = beside(database);
    drop_database(inside, (from, database)).await?;
    execute(inside, from, &format!("create database {} template template0", identifier(database))).await
}

async fn drop_database(inside: &Inside<'_>, (from, name): (&str, &str)) -> Result<(), BackupError> {
    let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}", literal(name));
    execute(inside, from, &end).await?;
    execute(inside, from, &format!("drop database if exists {}", identifier(name))).await
}

/// What tells whether a restored server answers, and how many tables its databases have.
pub async fn tables(inside: &Inside<'_>, database: &str) -> Result<u64, BackupError> {
    let count = "select count(*) from pg_class where relkind in ('r', 'p') and relnamespace not in \
                 (select oid from pg_namespace where nspname like 'pg\\_%' or nspname = 'information_schema')";
    query(inside, database, count).await?.trim().parse().map_err(|_| inside.failed("cannot read the number of tables"))
}

/// Dumps a database to nowhere: every table, index definition and catalog entry is read.
pub async fn read_back(inside: &Inside<'_>, database: &str) -> Result<(), BackupError> {
    let script = "exec pg_dump --format=custom --compress=0 --lock-wait-timeout=\"$2\" --dbname=\"$1\"";
    let mut stream = inside.dump(script, &[&connection(database), LOCK_WAIT], CUSTOM).await?;
    while let Some(piece) = futures_util::StreamExt::next(&mut stream).await {
        piece?;
    }
    Ok(())
}

async fn execute(inside: &Inside<'_>, database: &str, sql: &str) -> Result<(), BackupError> {
    let script = "exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=\"$1\" --command=\"$2\" >/dev/null";
    inside.answer_within(STATEMENTS, script, &[database, sql]).await.map(drop)
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name of a file in a snapshot.
fn file_name(database: &str) -> String {
    database.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The first number of a version: `15` of `pg_dump (PostgreSQL) 15.14`.
fn major(version: &str) -> u32 {
    let digits = |word: &str| word.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    version.split([' ', '(']).find_map(digits).unwrap_or_default()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_stay_within_the_limit_of_the_server() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("o'clock"), "'o''clock'");
        assert_eq!(connection("it's"), "dbname='it\\'s'");
        let long = "ä".repeat(40);
        let (new, old) = sides(&long, "0123abcd");
        assert!(new.len() <= LONGEST_NAME && new.ends_with("__aictl_new_0123abcd"), "{new}");
        assert!(old.ends_with("__aictl_old_0123abcd"));
        assert_eq!(sides("app", "1").0, "app__aictl_new_1");
    }

    #[test]
    fn versions_are_compared_by_their_first_number() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), 15);
        assert_eq!(major("16.2"), 16);
        assert_eq!(major("unknown"), 0);
    }
}
