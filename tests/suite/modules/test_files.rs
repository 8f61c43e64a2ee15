//! Which files are tests: those declared under `#[cfg(test)]`, and the modules they declare in turn.
//! Reads the declarations of all files, `#[path]` included; a name makes no file a test.
//! A file that only ends in `tests.rs` keeps every rule.

use std::collections::BTreeSet;

use super::paths::words;
use super::source::SourceFile;

const TEST: &str = "#[cfg(test)]";

/// Marks the files that are tests.
pub fn mark(sources: &mut [SourceFile]) {
    let mut tests: BTreeSet<String> = sources.iter().flat_map(|source| declared(source, false)).collect();
    loop {
        let of_tests = sources.iter().filter(|source| tests.contains(&source.name));
        let more: Vec<String> = of_tests.flat_map(|source| declared(source, true)).collect();
        let known = tests.len();
        tests.extend(more);
        if tests.len() == known {
            break;
        }
    }
    sources.iter_mut().for_each(|source| source.is_test = tests.contains(&source.name));
}

/// The files of the modules a file declares under `#[cfg(test)]`, or of all it declares; as `mod.rs` and by their name.
fn declared(source: &SourceFile, all: bool) -> Vec<String> {
    let mut found = Vec::new();
    for at in words(&source.masked, "mod") {
        let rest = source.masked[at + 3..].trim_start();
        let Some((name, _)) = rest.split_once(';') else { continue };
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(super::source::is_word) {
            continue;
        }
        let (from, is_test) = attributes(&source.masked, at);
        if all || is_test {
            found.extend(files(source, name, path_attribute(&source.text[from..at])));
        }
    }
    found
}

/// Where the attributes before a declaration begin, and whether one says `cfg(test)`.
fn attributes(masked: &str, at: usize) -> (usize, bool) {
    let before = &masked[..at];
    let from = before.rfind([';', '}', '{']).map_or(0, |end| end + 1);
    (from, before[from..].contains(TEST))
}

fn path_attribute(attributes: &str) -> Option<&str> {
    let rest = attributes.split_once("#[path")?.1;
    rest.split('"').nth(1)
}

fn files(source: &SourceFile, name: &str, path: Option<&str>) -> Vec<String> {
    let (folder, file) = source.name.rsplit_once('/').unwrap_or(("", &source.name));
    let below = |folder: &str, name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    if let Some(path) = path {
        return vec![below(folder, path)];
    }
    let folder = match file {
        "mod.rs" | "lib.rs" | "main.rs" | "model.rs" => folder.to_owned(),
        file => below(folder, file.trim_end_matches(".rs")),
    };
    vec![below(&folder, &format!("{name}.rs")), below(&folder, &format!("{name}/mod.rs"))]
}
