//! The schema of a PostgreSQL database: read from its catalogue, and copied without its rows into another server.

use super::error::BackupError;
use super::inside::{Inside, LONGEST_ANSWER, Shape};
use super::postgres::{ROLES, await_ready, database_anew, query, restore_roles};
use super::psql::{connection, literal};
use crate::release::Catalogue;

/// Tables in which tools record the migrations that ran: without their rows every migration would run again.
const VERSION_TABLES: [&str; 22] = [
    "alembic_version",
    "django_migrations",
    "schema_migrations",
    "ar_internal_metadata",
    "flyway_schema_history",
    "databasechangelog",
    "databasechangeloglock",
    "_prisma_migrations",
    "__drizzle_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "SequelizeMeta",
    "migrations",
    "typeorm_metadata",
    "goose_db_version",
    "_sqlx_migrations",
    "__diesel_schema_migrations",
    "seaql_migrations",
    "refinery_schema_history",
    "__EFMigrationsHistory",
    "aerich",
    "_yoyo_migration",
];

/// What is read: all but what belongs to the server, to an extension or to a session.
const CATALOGUE: &str = r"
set lock_timeout = 10000;
with spaces as (
  select oid, nspname from pg_namespace where nspname not like 'pg\_%' and nspname <> 'information_schema'
), theirs as (
  select classid, objid from pg_depend where deptype = 'e'
), relations as (
  select c.oid, n.nspname || '.' || c.relname as name, c.relkind from pg_class c join spaces n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'
    and not exists (select 1 from theirs where classid = 'pg_class'::regclass and objid = c.oid)
)
select json_build_object('relation', json_build_object('name', name, 'kind', case relkind when 'v' then 'view'
  when 'm' then 'materialized view' when 'f' then 'foreign table' when 'S' then 'sequence' else 'table' end))
  from relations
union all
select json_build_object('column', json_build_object('table', r.name, 'name', a.attname,
  'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull, 'default', case when a.attidentity <> ''
  then 'identity' when a.attgenerated <> '' then 'generated' else pg_get_expr(d.adbin, d.adrelid) end))
  from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where r.relkind <> 'S'
union all
select json_build_object('constraint', json_build_object('table', r.name, 'name', k.conname,
  'definition', pg_get_constraintdef(k.oid)))
  from relations r join pg_constraint k on k.conrelid = r.oid where k.contype in ('c', 'f', 'p', 'u', 'x')
union all
select json_build_object('index', json_build_object('table', r.name, 'name', c.relname,
  'definition', pg_get_indexdef(i.indexrelid), 'unique', i.indisunique))
  from relations r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid
  where not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
union all
select json_build_object('value', json_build_object('type', n.nspname || '.' || t.typname, 'name', e.enumlabel))
  from pg_enum e join pg_type t on t.oid = e.enumtypid join spaces n on n.oid = t.typnamespace
  where not exists (select 1 from theirs where classid = 'pg_type'::regclass and objid = t.oid)
union all
select json_build_object('function', json_build_object('name', n.nspname || '.' || p.proname || '('
  || pg_get_function_identity_arguments(p.oid) || ')', 'returns', coalesce(pg_get_function_result(p.oid), 'nothing')))
  from pg_proc p join spaces n on n.oid = p.pronamespace
  where not exists (select 1 from theirs where classid = 'pg_proc'::regclass and objid = p.oid)
";

/// Where alembic keeps its revision.
const ALEMBIC: &str = "select format('select json_build_object(''alembic'', json_build_object(''revision'', version_num)) \
                       from %I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                       where c.relname = 'alembic_version' and c.relkind = 'r' limit 1";

const CUSTOM: Shape = Shape { head: b"PGDMP", ends: |_| true };
/// Waiting longer for the lock of a table fails the copy: a migration of another process runs.
const LOCK_WAIT: &str = "10000";

/// The database that clients in the container connect to where they name none.
pub async fn usual_database(inside: &Inside<'_>) -> Result<String, BackupError> {
    let name = inside.answer("printf %s \"$PGDATABASE\"", &[]).await?.trim().to_owned();
    if name.is_empty() { Err(inside.failed("the name of its database is not known")) } else { Ok(name) }
}

/// Reads the schema of a database.
pub async fn catalogue(inside: &Inside<'_>, database: &str) -> Result<Catalogue, BackupError> {
    let mut text = query(inside, database, CATALOGUE).await?;
    if text.len() >= LONGEST_ANSWER {
        return Err(inside.failed(format!("the schema of `{database}` is too large to compare")));
    }
    let revision = query(inside, database, ALEMBIC).await?;
    if !revision.trim().is_empty() {
        text += &query(inside, database, revision.trim()).await?;
    }
    Catalogue::parse(&text).ok_or_else(|| inside.failed(format!("the schema of `{database}` cannot be read")))
}

/// Copies the roles with their passwords, which no backup has.
pub async fn copy_roles(from: &Inside<'_>, to: &Inside<'_>) -> Result<(), BackupError> {
    restore_roles(to, from.dump("exec pg_dumpall --roles-only", &[], ROLES).await?).await
}

/// Copies roles, schema and the rows of version tables into a server that was made for it.
pub async fn copy_schema(from: &Inside<'_>, to: &Inside<'_>, database: &str) -> Result<(), BackupError> {
    await_ready(to).await?;
    copy_roles(from, to).await?;
    // What an init script of the image made would be in the way.
    database_anew(to, database).await?;
    let name = connection(database);
    let script = "exec pg_dump --format=custom --schema-only --lock-wait-timeout=\"$2\" --dbname=\"$1\"";
    restore(to, &name, from.dump(script, &[&name, LOCK_WAIT], CUSTOM).await?).await?;
    let tables = version_tables(from, database).await?;
    if tables.is_empty() {
        return Ok(());
    }
    let script = "database=\"$1\"; shift; exec pg_dump --format=custom --data-only --dbname=\"$database\" \"$@\"";
    let options: Vec<String> = tables.iter().map(|table| format!("--table={table}")).collect();
    let words: Vec<&str> = std::iter::once(name.as_str()).chain(options.iter().map(String::as_str)).collect();
    restore(to, &name, from.dump(script, &words, CUSTOM).await?).await
}

async fn restore(to: &Inside<'_>, name: &str, dump: crate::target::ByteStream) -> Result<(), BackupError> {
    let script = "exec pg_restore --exit-on-error --no-password --dbname=\"$1\"";
    to.feed(script, &[name], dump).await.map(drop)
}

/// The version tables that there are, quoted, with their sequences.
async fn version_tables(inside: &Inside<'_>, database: &str) -> Result<Vec<String>, BackupError> {
    let names: Vec<String> = VERSION_TABLES.iter().map(|name| literal(name)).collect();
    let sql = format!(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where c.relkind = 'r' and c.relname in ({0}) union \
         select format('%I.%I', n.nspname, s.relname) from pg_class s join pg_namespace n on n.oid = s.relnamespace \
         join pg_depend d on d.objid = s.oid and d.deptype in ('a', 'i') join pg_class c on c.oid = d.refobjid \
         where s.relkind = 'S' and c.relname in ({0})",
        names.join(", ")
    );
    Ok(query(inside, database, &sql)
        .await?
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(str::to_owned)
        .collect())
}
