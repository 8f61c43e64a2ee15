//! Names and values as psql and SQL take them.

use super::error::BackupError;
use super::inside::Inside;

/// A database as an argument of a client: a name with `=` or a scheme would be read as a connection string.
pub(super) fn connection(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A value in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What a statement gives, without padding.
pub(super) async fn query(inside: &Inside<'_>, database: &str, sql: &str) -> Result<String, BackupError> {
    let script =
        "exec psql --no-psqlrc --no-align --tuples-only --quiet --set=ON_ERROR_STOP=1 --dbname=\"$1\" --command=\"$2\"";
    inside.answer(script, &[&connection(database), sql]).await
}
