//! Queries whose results a backup records and a drill compares. They may only read, and their results are the same text in
//! every session.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;

use super::error::BackupError;
use super::inside::{Inside, QUERY, last_words};
use super::psql::connection;
use super::sql_text::is_one_statement;
use crate::target::ExecInput;

/// The beginning of the name of a fact with a result.
pub const RESULT_OF: &str = "result of query ";
/// The beginning of the name of a fact with the failure of a query.
pub const FAILURE_OF: &str = "failure of query ";
/// The longest result that is recorded.
const LONGEST: usize = 64 << 10;
/// The longest list of ids.
const LONGEST_LIST: usize = 256 << 20;

/// A query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqlQuery {
    /// Its name.
    pub name: String,
    /// The database.
    pub database: String,
    /// What is asked.
    pub sql: String,
}

/// What queries answered, by their names.
pub type Answers = BTreeMap<String, Result<String, String>>;

/// Asks all of them. One that fails does not keep the others, or the backup, from their results.
pub async fn answers(inside: &Inside<'_>, queries: &[SqlQuery]) -> Answers {
    let mut answers = Answers::new();
    for query in queries {
        answers.insert(query.name.clone(), answer(inside, query).await.map_err(|error| error.to_string()));
    }
    answers
}

/// The facts of what was answered before and after the dumps had begun: a result that moved meanwhile is marked by `~`.
pub fn facts(before: &Answers, after: Answers) -> BTreeMap<String, String> {
    let fact = |(name, answer): (String, Result<String, String>)| match answer {
        Ok(result) if before.get(&name) == Some(&Ok(result.clone())) => (format!("{RESULT_OF}{name}"), result),
        Ok(result) => (format!("{RESULT_OF}{name}"), format!("~{result}")),
        Err(reason) => (format!("{FAILURE_OF}{name}"), reason),
    };
    after.into_iter().map(fact).collect()
}

/// The result of a query, trimmed.
pub async fn answer(inside: &Inside<'_>, query: &SqlQuery) -> Result<String, BackupError> {
    Ok(read(inside, query, LONGEST).await?.trim().to_owned())
}

/// The first column of every row.
pub(super) async fn rows(inside: &Inside<'_>, query: &SqlQuery) -> Result<Vec<String>, BackupError> {
    let text = read(inside, query, LONGEST_LIST).await?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The query in the only place where nothing but a query can stand: a statement there could end the transaction that only reads,
/// or run a program of the server.
fn one_query(sql: &str) -> Option<String> {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    is_one_statement(sql).then(|| format!("select * from (\n{sql}\n) as query"))
}

async fn read(inside: &Inside<'_>, query: &SqlQuery, longest: usize) -> Result<String, BackupError> {
    let script = "export PGOPTIONS=\"${PGOPTIONS:-} -c default_transaction_read_only=on -c timezone=UTC \
        -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3\"
exec psql --no-psqlrc --no-align --tuples-only --quiet --set=ON_ERROR_STOP=1 --set=VERBOSITY=terse --dbname=\"$1\" --command=\"$2\"";
    let failed = |reason: String| inside.failed(format!("query {}: {reason}", query.name));
    let one = one_query(&query.sql)
        .ok_or_else(|| failed("it is not one query; wanted: SELECT, VALUES or WITH".to_owned()))?;
    let asked = async {
        let (name, words) = (connection(&query.database), one.as_str());
        let running = inside.target.exec_stream(&inside.args(script, &[&name, words]), ExecInput::default()).await?;
        let (mut stdout, end) = running.into_stdout();
        let mut text = Vec::new();
        while let Some(piece) = stdout.next().await {
            text.extend_from_slice(&piece?);
            if text.len() > longest {
                return Err(failed(format!("its result is larger than {longest} bytes")));
            }
        }
        let outcome = end.outcome().await?;
        match outcome.exit_code {
            0 => Ok(String::from_utf8_lossy(&text).into_owned()),
            code => Err(failed(last_words(code, &outcome.stderr))),
        }
    };
    let late = |_| failed(format!("no answer within {}s", QUERY.as_secs()));
    tokio::time::timeout(QUERY, asked).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_moved_is_marked_and_a_failure_is_kept_by_its_name() {
        let answers = |pairs: &[(&str, Result<&str, &str>)]| -> Answers {
            let one = |(name, answer): &(&str, Result<&str, &str>)| {
                ((*name).to_owned(), answer.map(str::to_owned).map_err(str::to_owned))
            };
            pairs.iter().map(one).collect()
        };
        let before = answers(&[("still", Ok("5")), ("moved", Ok("5")), ("wrong", Err("no table"))]);
        let after = answers(&[("still", Ok("5")), ("moved", Ok("6")), ("wrong", Err("no table"))]);
        let found: Vec<(String, String)> = facts(&before, after).into_iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            found,
            [
                pair("failure of query wrong", "no table"),
                pair("result of query moved", "~6"),
                pair("result of query still", "5"),
            ]
        );
    }
}
