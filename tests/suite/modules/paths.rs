//! The names a file takes from elsewhere: its `use` trees and the paths within its code.
//! Reads masked code; returns each import as a full path with the name it is bound to, and each inline path.
//! Knows groups, `self`, `as` and globs; a path that macros put together stays unseen.

use super::source::is_word;

/// One name a `use` brings in.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub path: Vec<String>,
    /// The name it has from here on; `*` for a glob.
    pub name: String,
    /// Handed on with any `pub`.
    pub public: bool,
    /// Where its `use` stands.
    pub at: usize,
}

/// The imports of a file, and its code without them.
pub fn imports(code: &str) -> (Vec<Import>, String) {
    let mut found = Vec::new();
    let mut rest = code.to_owned();
    for at in words(code, "use") {
        let after = &code[at + 3..];
        // `impl Trait + use<'a>` captures a lifetime.
        if after.trim_start().starts_with('<') {
            continue;
        }
        let Some(end) = after.find(';') else { continue };
        let before = code[..at].trim_end();
        let public = before.ends_with("pub") || (before.ends_with(')') && ends_with_visibility(before));
        let mut named = Vec::new();
        tree(&after[..end], &[], &mut named);
        found.extend(named.into_iter().map(|(path, name)| Import { path, name, public, at }));
        let blank: String = after[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        rest.replace_range(at + 3..at + 3 + end, &blank);
    }
    (found, rest)
}

fn ends_with_visibility(before: &str) -> bool {
    before.rfind('(').is_some_and(|open| before[..open].trim_end().ends_with("pub"))
}

/// A path and the name it is bound to.
type Named = (Vec<String>, String);

fn tree(text: &str, prefix: &[String], found: &mut Vec<Named>) {
    let text = text.trim();
    let Some(open) = text.find('{') else {
        found.extend(leaf(text, prefix));
        return;
    };
    let mut path = prefix.to_vec();
    path.extend(segments(text[..open].trim_end().trim_end_matches("::")));
    let group = text[open + 1..].strip_suffix('}').unwrap_or(&text[open + 1..]);
    split(group).into_iter().for_each(|part| tree(part, &path, found));
}

fn leaf(text: &str, prefix: &[String]) -> Option<Named> {
    let (path, name) = text.split_once(" as ").map_or((text, None), |(path, name)| (path, Some(name.trim())));
    let mut path: Vec<String> = prefix.iter().cloned().chain(segments(path)).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = name.map_or_else(|| path.last().cloned(), |name| Some(name.to_owned()))?;
    Some((path, name))
}

/// The parts of a group, at its own commas.
fn split(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty())
}

/// The paths of two names or more in code that has no imports, with where they stand.
pub fn inline(code: &str) -> Vec<(usize, Vec<String>)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let before = code[..at].trim_end();
        let start = at;
        let mut path = vec![word(&code[at..]).to_owned()];
        at += path[0].len();
        while code[at..].starts_with("::") && bytes.get(at + 2).is_some_and(|byte| is_word(*byte)) {
            let next = word(&code[at + 2..]);
            at += 2 + next.len();
            path.push(next.to_owned());
        }
        if path.len() > 1 && !before.ends_with('.') && !before.ends_with("::") {
            found.push((start, path));
        }
    }
    found
}

fn word(text: &str) -> &str {
    &text[..text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len())]
}

/// Offsets of an identifier.
pub fn words<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).is_none_or(|i| !is_word(bytes[i]));
        before && bytes.get(at + word.len()).is_none_or(|b| !is_word(*b))
    })
}
