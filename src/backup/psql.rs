//! Names and values as psql and SQL take them.

/// A database as an argument of a client: a name with `=` or a scheme would be read as a connection string.
pub(super) fn connection(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A value in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
