//! Nothing is decided by reading words back: a message, subject, cause or hint is written for people, and searched by nobody.
//! Reads where code searches or compares a text that is called so; the exceptions stand below with their reasons.
//! Does not see a text that goes by another name, nor a `match` on one.

use super::source::{SourceFile, is_word};

/// What holds words: fields, variables and methods of these names.
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

/// What searches in a text.
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

/// What may stand between a text and the search in it.
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

/// Files whose searches are meant, each with its reason.
pub const MEANT: &[(&str, &str)] = &[
    ("ui/", "draws words"),
    ("workflow/run/logs/", "log lines are what is looked at"),
    ("engine/docker/error_mapping.rs", "the engine tells some refusals by their text only"),
    ("engine/docker/perform/container.rs", "a removal under way has the status of other conflicts"),
    ("engine/docker/perform/network.rs", "a network in use has the status of other refusals"),
    ("engine/docker/perform/ports.rs", "a taken port has the status of any failed start"),
    ("compose/yaml/lenience.rs", "the YAML reader's errors are text only"),
    ("template/diagnosis.rs", "tera's errors are text only"),
    ("image/build_failure.rs", "what package managers and builders print is all there is"),
    ("host/verdict/engine.rs", "a refused socket comes from the HTTP client as text"),
    ("workflow/begin/setup/gather.rs", "a refused socket comes from the HTTP client as text"),
    ("workflow/begin/quickstart/tasks.rs", "a record names its task by the subject alone, which one function writes"),
    ("workflow/begin/secrets/values.rs", "joins two phrases; decides nothing"),
    ("workflow/begin/secrets/compose_findings.rs", "joins two phrases; decides nothing"),
];

/// Each search in words: file, line, the line itself.
pub fn found(source: &SourceFile) -> Vec<String> {
    if source.is_test || MEANT.iter().any(|(file, _)| source.name.starts_with(file)) {
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
            // Ids are compared as text; a text that is written out is a phrase.
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

/// Whether a literal text follows: `"…"`, `Some("…")`.
fn with_text(after: &str) -> bool {
    let after = after.trim_start();
    after.strip_prefix("Some(").unwrap_or(after).starts_with('"')
}

/// Whether what stands before a search ends in a name of words.
fn is_of_words(before: &str) -> bool {
    let mut before = before.trim_end();
    while let Some(rest) = BETWEEN.iter().find_map(|call| before.strip_suffix(call)) {
        before = rest.trim_end().trim_end_matches('.').trim_end();
    }
    let before = before.strip_suffix("()").unwrap_or(before);
    let name = before.bytes().rposition(|byte| !is_word(byte)).map_or(before, |end| &before[end + 1..]);
    WORDS.contains(&name)
}
