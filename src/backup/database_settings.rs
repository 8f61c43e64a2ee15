//! What PostgreSQL keeps of a database outside of it, which no dump of the database has: settings, rights, the limit of
//! connections and the comment.

use super::error::BackupError;
use super::inside::Inside;
use super::psql::query;

/// The beginning of the name of the fact that holds the statements.
pub(super) const SETTINGS_OF: &str = "settings of ";

/// The statements that give them to a database of the same name. Values of lists are stored as they are written.
const STATEMENTS: &str = "
select string_agg(statement || ';', E'\\n' order by place, statement) from (
  select 1 as place, format('alter database %I connection limit %s', datname, datconnlimit) as statement
  from pg_database where datname = current_database() and datconnlimit <> -1
  union all
  select 2, format('revoke all on database %I from public', datname)
  from pg_database where datname = current_database() and datacl is not null
  union all
  select 3, format('grant %s on database %I to %s%s', privilege_type, datname,
    case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
    case when is_grantable then ' with grant option' else '' end)
  from pg_database, aclexplode(datacl) where datname = current_database()
  union all
  select 4, format('alter %s set %I to %s',
    case when setrole = 0 then format('database %I', datname)
      else format('role %I in database %I', pg_get_userbyid(setrole), datname) end,
    name,
    case when value <> '' and name in ('local_preload_libraries', 'search_path', 'session_preload_libraries',
      'temp_tablespaces') then value else quote_literal(value) end)
  from pg_database join pg_db_role_setting on setdatabase = pg_database.oid,
    unnest(setconfig) setting,
    lateral (select split_part(setting, '=', 1) as name, substr(setting, strpos(setting, '=') + 1) as value) pair
  where datname = current_database()
  union all
  select 5, format('comment on database %I is %L', datname, shobj_description(oid, 'pg_database'))
  from pg_database where datname = current_database() and shobj_description(oid, 'pg_database') is not null
) statements";

/// The statements for a database that is there.
pub(super) async fn settings(inside: &Inside<'_>, database: &str) -> Result<String, BackupError> {
    Ok(query(inside, database, STATEMENTS).await?.trim().to_owned())
}
