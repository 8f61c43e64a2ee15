//! The programs containers in memory can run: enough of a shell for tests of exit codes, outputs and files.
//! Reads words, variables, standard input and files; returns outputs and an exit code, or that it runs on for ever.
//! Never runs anything real.

use std::collections::BTreeMap;

use super::world::StoredFile;
use crate::event::Channel;

/// What a program sees.
pub(super) struct Surroundings<'a> {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) input: &'a [u8],
    pub(super) files: &'a BTreeMap<String, StoredFile>,
}

/// How a program ended.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ran {
    pub(super) output: Vec<(Channel, u8)>,
    /// Absent: it runs on.
    pub(super) code: Option<i64>,
}

/// Runs a command. `None`: there is no such program.
pub(super) fn run(command: &[String], around: &mut Surroundings<'_>) -> Option<Ran> {
    let mut ran = Ran::default();
    match command.first().map(String::as_str) {
        Some("sh") if command.get(1).is_some_and(|flag| flag == "-c") => {
            let script = command.get(2).cloned().unwrap_or_default();
            script_lines(&script, around, &mut ran);
        }
        Some(path) if path.starts_with('/') && !around.files.contains_key(path) => return None,
        None => {}
        Some(_) => ran.code = word(command, around, &mut ran),
    }
    Some(ran)
}

fn script_lines(script: &str, around: &mut Surroundings<'_>, ran: &mut Ran) {
    let mut code = Some(0);
    for part in script.split(';') {
        for piece in part.split("&&") {
            let words = words(piece, &around.variables);
            if words.first().is_some_and(|first| first == "exit") {
                ran.code = words.get(1).and_then(|code| code.parse().ok()).or(code);
                return;
            }
            code = word(&words, around, ran);
            if code != Some(0) {
                break;
            }
        }
        if code.is_none() {
            break;
        }
    }
    ran.code = code;
}

/// Words with variables put in; quotes hold blanks together.
fn words(text: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let split = shlex::split(text).unwrap_or_default();
    let value = |word: String| match word.strip_prefix('$') {
        Some(name) => variables.get(name).cloned().unwrap_or_default(),
        None => word,
    };
    split.into_iter().map(value).collect()
}

/// One command: its code, or that it runs on.
fn word(words: &[String], around: &mut Surroundings<'_>, ran: &mut Ran) -> Option<i64> {
    let (words, channel) = match words.split_last() {
        Some((last, rest)) if last == ">&2" => (rest, Channel::Stderr),
        _ => (words, Channel::Stdout),
    };
    let Some((first, rest)) = words.split_first() else { return Some(0) };
    let mut say = |bytes: &[u8]| ran.output.extend(bytes.iter().map(|byte| (channel, *byte)));
    match (first.as_str(), rest) {
        ("echo", rest) => say(format!("{}\n", rest.join(" ")).as_bytes()),
        ("printf", [text, ..]) => say(text.as_bytes()),
        ("cat", []) => say(std::mem::take(&mut around.input)),
        ("cat", [path]) => match around.files.get(path) {
            Some(file) => say(&file.content),
            None => return Some(1),
        },
        ("stat", [_, _, path]) => match around.files.get(path) {
            Some(file) => say(format!("{}:{}:{:o}\n", file.owner.0, file.owner.1, file.mode).as_bytes()),
            None => return Some(1),
        },
        ("read", [name]) => {
            let end = around.input.iter().position(|b| *b == b'\n');
            let Some(end) = end else { return Some(1) };
            let line = String::from_utf8_lossy(&around.input[..end]).into_owned();
            around.input = &around.input[end + 1..];
            around.variables.insert(name.clone(), line);
        }
        ("true" | ":", _) => {}
        ("false", _) => return Some(1),
        // A server, or `sleep`: it runs until it is stopped.
        _ => return None,
    }
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(script: &str, input: &str) -> (String, String, Option<i64>) {
        let files = BTreeMap::new();
        let variables = [("WHO".to_owned(), "world".to_owned())].into();
        let mut around = Surroundings { variables, input: input.as_bytes(), files: &files };
        let command = ["sh", "-c", script].map(str::to_owned);
        let ran = run(&command, &mut around).unwrap();
        let text = |c| ran.output.iter().filter(|(x, _)| *x == c).map(|(_, b)| char::from(*b)).collect();
        (text(Channel::Stdout), text(Channel::Stderr), ran.code)
    }

    #[test]
    fn scripts_speak_read_and_end() {
        assert_eq!(
            ran("echo hello $WHO; echo oops >&2; exit 7", ""),
            ("hello world\n".into(), "oops\n".into(), Some(7))
        );
        assert_eq!(ran("read line; echo got $line", "word\n"), ("got word\n".into(), String::new(), Some(0)));
        assert_eq!(ran("false && echo no", "").2, Some(1));
        assert_eq!(ran("sleep 100", "").2, None);
    }

    #[test]
    fn an_absolute_path_must_exist() {
        let files = BTreeMap::new();
        let mut around = Surroundings { variables: BTreeMap::new(), input: b"", files: &files };
        assert_eq!(run(&["/no/such".to_owned()], &mut around), None);
    }
}
