//! Plain SQL as psql reads it: finds commands of psql and files that were cut, and drops the `\restrict` lines that an older
//! psql does not know.

use std::io::{self, Write};

/// Bytes at the begin and at the end that tell who wrote a file.
const HEAD: usize = 4096;
const TAIL: usize = 1024;
/// Bytes of a statement that are looked at: as long as any list of columns.
const STATEMENT: usize = 256 * 1024;
/// The longest command of psql that is shown.
const COMMAND: usize = 200;

/// Where in the text the next byte is.
enum Mode {
    Plain,
    Quoted { escapes: bool, skips: bool },
    Identifier,
    Comment,
    Block { depth: usize },
    Tag(Vec<u8>),
    Dollar { tag: Vec<u8>, seen: Vec<u8> },
    CopyData { line: Vec<u8> },
    Command(Vec<u8>),
}

/// A writer that passes SQL on, and fails at what must not be restored.
pub(super) struct SqlText<'a> {
    out: &'a mut dyn Write,
    mode: Mode,
    previous: u8,
    /// Whether the last string was one with escapes.
    escapes: bool,
    /// The statement without its strings and comments.
    statement: Vec<u8>,
    /// Whether it is in the body of a function that begins with `begin atomic`.
    atomic: bool,
    /// How many statements have ended.
    ended: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
}

fn refused(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn holds(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

impl<'a> SqlText<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        let (statement, head, tail) = (Vec::new(), Vec::new(), Vec::new());
        Self { out, mode: Mode::Plain, previous: b'\n', escapes: false, statement, atomic: false, ended: 0, head, tail }
    }

    /// Fails where the text ends too early.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Mode::Command(_) = self.mode {
            self.step(b'\n')?;
        }
        let by_pg_dump = holds(&self.head, "-- PostgreSQL database dump\n");
        if by_pg_dump && !holds(&self.tail, "-- PostgreSQL database dump complete") {
            return Err(refused("the dump is truncated: `PostgreSQL database dump complete` is missing at its end"));
        }
        let is_whole = matches!(self.mode, Mode::Plain | Mode::Comment);
        if !is_whole || self.statement.iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Err(refused("it ends in the middle of a statement"));
        }
        if self.head.iter().all(u8::is_ascii_whitespace) {
            return Err(refused("it is empty"));
        }
        self.out.flush()
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        let previous = std::mem::replace(&mut self.previous, byte);
        match &mut self.mode {
            Mode::Plain => self.plain(previous, byte)?,
            Mode::Quoted { .. } | Mode::Identifier | Mode::Comment | Mode::Block { .. } => self.within(previous, byte),
            Mode::Tag(_) | Mode::Dollar { .. } => self.dollar(previous, byte)?,
            Mode::CopyData { line } if byte == b'\n' => match line.trim_ascii_end() == b"\\." {
                true => self.mode = Mode::Plain,
                false => line.clear(),
            },
            Mode::CopyData { line } => line.extend((line.len() < 4).then_some(byte)),
            Mode::Command(command) if byte == b'\n' => {
                let command = std::mem::take(command);
                self.mode = Mode::Plain;
                return judged(&command);
            }
            Mode::Command(command) => {
                command.extend((command.len() < COMMAND).then_some(byte));
                return Ok(());
            }
        }
        match self.mode {
            Mode::Command(_) => Ok(()),
            _ => self.out.write_all(&[byte]),
        }
    }

    /// A byte of a string between dollars, or of its tag.
    fn dollar(&mut self, previous: u8, byte: u8) -> io::Result<()> {
        match &mut self.mode {
            Mode::Tag(tag) if byte == b'$' || is_word(byte) => {
                tag.push(byte);
                if byte == b'$' {
                    self.mode = Mode::Dollar { tag: std::mem::take(tag), seen: Vec::new() };
                }
            }
            Mode::Dollar { tag, seen } => {
                seen.push(byte);
                let surplus = seen.len().saturating_sub(tag.len());
                seen.drain(..surplus);
                if seen == tag {
                    self.mode = Mode::Plain;
                }
            }
            _ => {
                self.mode = Mode::Plain;
                self.plain(previous, byte)?;
            }
        }
        Ok(())
    }

    /// A byte of a string, a name or a comment.
    fn within(&mut self, previous: u8, byte: u8) {
        match &mut self.mode {
            Mode::Quoted { skips, .. } if *skips => *skips = false,
            Mode::Quoted { escapes: true, skips } if byte == b'\\' => *skips = true,
            Mode::Quoted { .. } if byte == b'\'' => self.mode = Mode::Plain,
            Mode::Identifier if byte == b'"' => self.mode = Mode::Plain,
            Mode::Comment if byte == b'\n' => self.mode = Mode::Plain,
            Mode::Block { depth } => match (previous, byte) {
                (b'*', b'/') if *depth == 1 => (self.mode, self.previous) = (Mode::Plain, b' '),
                (b'*', b'/') => (*depth, self.previous) = (*depth - 1, b' '),
                (b'/', b'*') => (*depth, self.previous) = (*depth + 1, b' '),
                _ => {}
            },
            _ => {}
        }
    }

    /// Judges a statement that has ended.
    fn statement(&mut self, words: &[String]) -> io::Result<()> {
        // The body of a function has statements of its own, up to its `end`.
        let within = std::mem::replace(&mut self.atomic, words.windows(2).any(|pair| pair == ["begin", "atomic"]));
        if within {
            self.atomic = words.first().is_none_or(|word| word != "end");
            return Ok(());
        }
        judged_statement(words)
    }

    fn plain(&mut self, previous: u8, byte: u8) -> io::Result<()> {
        match byte {
            b'\\' => self.mode = Mode::Command(Vec::new()),
            b'\'' => {
                // Two quotes in a row are one of the string, which goes on as it began.
                let before = self.statement.len().checked_sub(2).and_then(|at| self.statement.get(at));
                let marked = matches!(previous, b'e' | b'E') && !before.is_some_and(|byte| is_word(*byte));
                self.escapes = marked || previous == b'\'' && self.escapes;
                self.mode = Mode::Quoted { escapes: self.escapes, skips: false };
            }
            b'"' => self.mode = Mode::Identifier,
            b'-' if previous == b'-' => {
                self.statement.pop();
                self.mode = Mode::Comment;
            }
            b'*' if previous == b'/' => {
                self.statement.pop();
                (self.mode, self.previous) = (Mode::Block { depth: 1 }, b' ');
            }
            b'$' if !is_word(previous) => self.mode = Mode::Tag(vec![byte]),
            b';' => {
                self.ended += 1;
                let words = words(&self.statement);
                self.statement(&words)?;
                if reads_data(&words) {
                    self.mode = Mode::CopyData { line: Vec::new() };
                }
                self.statement.clear();
            }
            _ => self.statement.extend((self.statement.len() < STATEMENT).then_some(byte)),
        }
        Ok(())
    }
}

/// Whether a text is one statement, without the semicolon at its end, and no command of psql.
pub(super) fn is_one_statement(text: &str) -> bool {
    let mut nowhere = io::sink();
    let mut sql = SqlText::new(&mut nowhere);
    let written = sql.write_all(text.as_bytes());
    written.is_ok() && sql.ended == 0 && matches!(sql.mode, Mode::Plain | Mode::Comment) && !text.is_empty()
}

/// The words of a statement, in lower case.
fn words(statement: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(statement).to_ascii_lowercase();
    let words = text.split(|c: char| c.is_ascii_whitespace() || c == '(' || c == ')');
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether what follows a statement is data: `COPY t FROM stdin`.
fn reads_data(words: &[String]) -> bool {
    words.first().is_some_and(|word| word == "copy") && words.windows(2).any(|pair| pair == ["from", "stdin"])
}

/// Refuses what would end the one transaction, and what reaches beyond the database.
fn judged_statement(words: &[String]) -> io::Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [word @ ("begin" | "start" | "commit" | "end" | "rollback" | "abort"), rest @ ..]
            if !matches!(rest, ["to", ..]) =>
        {
            Err(refused(&format!("it has `{}`, but it is restored in one transaction", word.to_uppercase())))
        }
        ["prepare", "transaction", ..] => {
            Err(refused("it has `PREPARE TRANSACTION`, but it is restored in one transaction"))
        }
        ["create" | "alter" | "drop", "user", "mapping", ..] => Ok(()),
        [
            verb @ ("create" | "alter" | "drop"),
            what @ ("role" | "user" | "group" | "database" | "tablespace" | "system"),
            ..,
        ] => Err(refused(&format!(
            "it has `{} {}`, which changes the server and not one database",
            verb.to_uppercase(),
            what.to_uppercase()
        ))),
        ["copy", rest @ ..] if !rest.iter().any(|word| matches!(*word, "stdin" | "stdout")) => {
            Err(refused("it has a `COPY` that reads or writes a file or runs a program"))
        }
        _ => Ok(()),
    }
}

/// Whether a command of psql may be left out; all others are refused: they could read files or start programs.
fn judged(command: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(command);
    let word = text.split_ascii_whitespace().next().unwrap_or_default();
    match word {
        "restrict" | "unrestrict" => Ok(()),
        "connect" | "c" => Err(refused(
            "it has `\\connect`: it is a dump of several databases or of pg_dump --create; dump one database without --create",
        )),
        _ => Err(refused(&format!("it has the psql command `\\{word}`, which is not run"))),
    }
}

impl Write for SqlText<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        if holds(&self.head, "-- PostgreSQL database cluster dump\n") {
            return Err(refused("it is a dump of pg_dumpall; dump one database with pg_dump"));
        }
        bytes.iter().try_for_each(|byte| self.step(*byte))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(text: &str) -> Result<String, String> {
        let mut out = Vec::new();
        let mut sql = SqlText::new(&mut out);
        let ended = text.as_bytes().chunks(3).try_for_each(|piece| sql.write_all(piece)).and_then(|()| sql.finish());
        ended.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_only_looks_like_a_command_of_psql_passes() {
        for text in [
            "insert into t values ('a\\! id', E'it''s \\' \\! id');\n",
            "create function f() as $b$\n\\! id; $ $x$ '\n$b$;\n-- \\! id\n/* \\! /* id */ \\! */ select 1;\n",
            "COPY public.\"od;d\" (a, b) FROM stdin;\n\\N\t\\! id\n\\.x\n\\.\nselect 1;\n",
            "select \"\\! id\", 'copy t from stdin';\nselect $1 - 1;\n",
            "select 'no escapes \\', 2;\n",
            "create function f() returns int language sql begin atomic select 1; select 2; end;\nselect 3;\n",
            "create user mapping for app server other;\ncopy (select 1) to stdout;\nsavepoint a; rollback to a;\n",
        ] {
            assert_eq!(passed(text).as_deref(), Ok(text));
        }
        assert_eq!(passed("\\restrict key\nselect 1;\n\\unrestrict key").as_deref(), Ok("select 1;\n"));
    }

    #[test]
    fn commands_of_psql_and_dumps_of_other_kinds_are_refused() {
        for (text, said) in [
            ("\\! id\n", "`\\!`"),
            ("select 1; \\! id\n", "`\\!`"),
            ("select 'x' \\g |id\n", "`\\g`"),
            ("COPY t FROM stdin;\n1\n\\.\n\\i /etc/passwd\n", "`\\i`"),
            ("copy t from '/x';\n", "`COPY`"),
            ("COPY t TO PROGRAM 'id';\n", "`COPY`"),
            ("create table a (i int); commit; begin; select 1;\n", "`COMMIT`"),
            ("START TRANSACTION;\n", "`START`"),
            ("prepare transaction 'x';\n", "`PREPARE TRANSACTION`"),
            ("alter role ro superuser;\n", "`ALTER ROLE`"),
            ("/* a */ drop\ndatabase other;\n", "`DROP DATABASE`"),
            ("alter system set work_mem = '1GB';\n", "`ALTER SYSTEM`"),
            ("\\connect app\nselect 1;\n", "several databases"),
            ("--\n-- PostgreSQL database cluster dump\n--\nselect 1;\n", "pg_dumpall"),
        ] {
            let error = passed(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn one_statement_is_told_from_several() {
        for text in ["select 1", "select ';' -- ;", "with a as (select 1) select * from a /* ; */", "select $$;$$"] {
            assert!(is_one_statement(text), "{text}");
        }
        for text in
            ["", "select 1; commit", "select 1) q; drop table a; select * from (select 1", "\\! id", "select 'a"]
        {
            assert!(!is_one_statement(text), "{text}");
        }
    }

    #[test]
    fn a_file_that_was_cut_is_refused() {
        let whole = "--\n-- PostgreSQL database dump\n--\nselect 1;\n-- PostgreSQL database dump complete\n";
        assert!(passed(whole).is_ok());
        for (text, said) in [
            ("--\n-- PostgreSQL database dump\n--\nselect 1;\n", "truncated"),
            ("select 1;\ncreate table", "middle of a statement"),
            ("insert into t values ('a", "middle of a statement"),
            ("copy t from stdin;\n1\n2\n", "middle of a statement"),
            ("", "empty"),
        ] {
            let error = passed(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
