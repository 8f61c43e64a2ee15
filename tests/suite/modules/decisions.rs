//! Checks that no code searches or compares human-readable text such as messages, subjects, causes and hints.
//! Fields are recognised by name; exceptions are listed below with their reasons.
//! Text under another name, and `match` on text, are not detected.

use super::source::{SourceFile, is_word};

/// Names of fields, variables and methods that hold human-readable text.
const WORDS: &[&str] = &[
    "brief",
    "cause",
    "detail",
    "details",
    "headline",
    "hint",
    "hints",
    "infinitive",
    "message",
    "messages",
    "participle",
    "reason",
    "subject",
    "summary",
    "to_string",
    "verb",
];

/// Methods that search text.
const SEARCHES: &[&str] = &[
    "contains",
    "ends_with",
    "eq_ignore_ascii_case",
    "find",
    "matches",
    "rfind",
    "split_once",
    "starts_with",
    "strip_prefix",
    "strip_suffix",
];

/// Calls that may come between the text and the search.
const BETWEEN: &[&str] = &[
    "as_deref()",
    "as_ref()",
    "as_str()",
    "to_ascii_lowercase()",
    "to_lowercase()",
    "trim()",
    "trim_start()",
    "trim_end()",
];

/// Allowed files, each with the reason.
pub const MEANT: &[(&str, &str)] = &[
    ("ui/", "draws words"),
    ("engine/docker/error_mapping.rs", "some engine errors differ by their text only"),
    ("compose/yaml/lenience.rs", "the YAML reader's errors are text only"),
    ("chart/engine.rs", "drops the word that Go puts before every error of a template"),
    ("template/diagnosis.rs", "tera's errors are text only"),
];

/// Every such search that is not allowed, as file, line and text of the line.
pub fn found(source: &SourceFile) -> Vec<String> {
    if MEANT.iter().any(|(file, _)| source.name.starts_with(file)) { Vec::new() } else { searches(source) }
}

/// Allowed files that no longer need to be.
pub fn stale(sources: &[SourceFile]) -> Vec<&'static str> {
    let needed = |file: &str| sources.iter().any(|s| s.name.starts_with(file) && !searches(s).is_empty());
    MEANT.iter().map(|(file, _)| *file).filter(|file| !needed(file)).collect()
}

fn searches(source: &SourceFile) -> Vec<String> {
    if source.is_test {
        return Vec::new();
    }
    let searches = SEARCHES.iter().flat_map(|search| {
        let calls = source.words(search).filter(|at| source.code[at + search.len()..].starts_with('('));
        calls.filter_map(|at| source.code[..at].trim_end().strip_suffix('.'))
    });
    let comparisons = ["==", "!="].iter().flat_map(|sign| {
        let signs = source.code.match_indices(sign).map(|(at, _)| at);
        signs
            .map(|at| (&source.code[..at], &source.text[at + 2..]))
            // Comparing ids as text is fine; comparing with a literal is not.
            .filter(|(before, after)| with_text(after) || !before.trim_end().ends_with("to_string()"))
            .map(|(before, _)| before)
    });
    let mut lines: Vec<usize> =
        searches.chain(comparisons).filter(|before| is_of_words(before)).map(str::len).collect();
    lines.iter_mut().for_each(|at| *at = source.line(*at));
    lines.sort_unstable();
    lines.dedup();
    let line = |line: usize| source.text.lines().nth(line - 1).unwrap_or_default().trim();
    lines.into_iter().map(|number| format!("{}:{number}: `{}`", source.name, line(number))).collect()
}

/// Whether a string literal follows: `"…"`, `Some("…")`.
fn with_text(after: &str) -> bool {
    let after = after.trim_start();
    after.strip_prefix("Some(").unwrap_or(after).starts_with('"')
}

/// Whether the expression before a search ends in one of the names.
fn is_of_words(before: &str) -> bool {
    let mut before = before.trim_end();
    while let Some(rest) = BETWEEN.iter().find_map(|call| before.strip_suffix(call)) {
        before = rest.trim_end().trim_end_matches('.').trim_end();
    }
    let before = before.strip_suffix("()").unwrap_or(before);
    let name = before.bytes().rposition(|byte| !is_word(byte)).map_or(before, |end| &before[end + 1..]);
    WORDS.contains(&name)
}
