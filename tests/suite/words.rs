//! Keeps private vocabulary out of the tree: file and folder names, identifiers and user-visible text.
//! Reads src/, templates/, README.md and CHANGELOG.md; each entry is a word or phrase and what to write instead.

use std::fs;
use std::path::{Path, PathBuf};

/// File and folder names without extension, below src/ and tests/suite/.
const FILES: &[(&str, &str)] = &[
    ("failure", "error_mapping"),
    ("wire", "transport"),
    ("pulse", "lease_keeper"),
    ("trouble", "build_failure, env_file_error"),
    ("scene", "probe_context"),
    ("look", "probe_once"),
    ("mark", "exec_cleanup"),
    ("private", "redacted_output"),
    ("sharers", "shared_namespaces"),
    ("wanted", "plan_images, env_variables"),
    ("supplies", "image_catalog"),
    ("obtain", "fetch_image"),
    ("paint", "style"),
    ("presence", "installed_engines"),
    ("quiet", "unattended"),
    ("every_step", "fault_injection"),
    ("canary", "secret_leaks"),
    ("meant", "usage_errors"),
    ("round", "round_trip"),
    ("cut", "interrupted"),
    ("stage", "support/project"),
    ("rooms", "modules"),
    ("room", "handover"),
];

/// Types and functions.
const IDENTIFIERS: &[(&str, &str)] = &[
    ("Patience", "RetryPolicy"),
    ("Manner", "CheckPolicy"),
    ("examine", "run_checks"),
    ("Sighting", "Sample"),
    ("Scene", "ProbeContext"),
    ("make_room", "release_claims"),
    ("room_for", "handovers_to"),
    ("room_taken", "handover_done"),
    ("Vacated", "Handover"),
    ("knock", "ping"),
    ("hang_up", "close_helpers"),
    ("unsaid", "unwritten"),
    ("PullWhen", "PullPolicy"),
];

/// Names that may be defined once only.
const ONE_MEANING: &[&str] = &["Wanted", "Place", "Walk", "Source", "PullPolicy", "Sample", "Handover"];

/// Phrases that no user of docker, kubectl or restic would write.
const PHRASES: &[(&str, &str)] = &[
    (" is no whole ", "is truncated or corrupt"),
    (" is no duration", "invalid duration `…`"),
    (" is no size", "invalid size `…`"),
    (" is no schedule", "invalid schedule `…`"),
    (" is no port", "invalid port `…`"),
    (" is no tag", "invalid tag `…`"),
    (" is no URL", "invalid URL `…`"),
    (" is no regular", "not a regular …"),
    (" is no name", "not a valid name"),
    (" is no bundle", "not an aictl bundle"),
    (" is none of ", "invalid value, expected one of …"),
    ("it is no ", "not a …"),
    ("had nowhere", "not found in any configured source"),
    ("no longer ours", "lost the lock"),
    ("gives no packages", "package mirror unreachable"),
    ("several add up", "repeatable"),
    ("Resources no service uses", "Include unused resources"),
    ("that is waited for", "Timeout for each wait"),
    ("from now on", "Follow log output"),
    ("Compose's sake", "Accepted for Compose compatibility; ignored"),
    ("is all well", "run all checks"),
    ("all well", "no problems found"),
    ("as the files want it", "up to date"),
    ("tells who", "see who holds it with `aictl lock status`"),
    ("tells why", "find the reason with …"),
    ("tells more", "see the log with …"),
    ("is struck", "redact"),
    ("goes on from here", "continue with …"),
    ("going on without", "continuing without"),
    ("what is done is not done again", "completed steps are skipped"),
    ("was asked for", "requested"),
    ("is asked for", "requested"),
    ("when not said", "default: …"),
    ("none is named", "all by default"),
    ("means nothing", "not supported"),
    ("made anew", "recreated"),
    ("nobody holds", "not locked"),
    ("nobody is told", "no one is notified"),
    ("perhaps because of", "possible cause: …"),
    ("somebody else", "another process, another user"),
    ("root's rights", "root privileges"),
    ("shows what fills", "see disk usage with …"),
    ("looked for", "searched"),
    ("gave no answer", "timed out"),
    ("did not answer in time", "timed out"),
    ("no engine answers", "cannot connect to the engine"),
    ("the engine speaks", "the engine has API …"),
    ("there is no recipe", "unknown recipe `…`"),
    ("need each other in a circle", "dependency cycle"),
    ("its exit code is passed on", "Exits with the exit code of the command"),
    ("this binary brings", "built-in"),
    ("is cut off", "truncated"),
    ("lets go", "releases"),
    ("makes room", "releases"),
    ("mend it", "fix it"),
    ("is mended", "fix the problem"),
    ("must be a text", "must be a string"),
    ("whole number", "integer"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn below(directories: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    directories.iter().for_each(|directory| files(&root().join(directory), &mut found));
    let text = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    found.iter().map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), text(path))).collect()
}

/// What a reader or user sees of a source: its string literals and, as clap and schemars print them, doc comments of
/// items. Continued literals are joined. Tests see what they want.
fn visible(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("//") || (line.starts_with("///") && !line.starts_with("////"))
    });
    let mut seen = String::new();
    for line in lines {
        let line = line.trim_start();
        match seen.strip_suffix("\\\n") {
            Some(before) => seen = format!("{before}{line}\n"),
            None => seen.extend([line, "\n"]),
        }
    }
    seen
}

/// The phrases of a text, with where they are and what to write instead.
fn phrases(name: &str, text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let found = PHRASES.iter().filter(|(phrase, _)| lower.contains(&phrase.to_lowercase()));
    found.map(|(phrase, instead)| format!("{name}: \"{phrase}\" -> {instead}")).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Lines of doc comments count only where they become help or schema: in files with such derives.
fn without_docs(text: &str) -> String {
    if text.contains("Args)]")
        || text.contains("Subcommand)]")
        || text.contains("ValueEnum)]")
        || text.contains("JsonSchema")
    {
        return text.to_owned();
    }
    text.lines().filter(|line| !line.starts_with("///")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn no_file_or_folder_has_a_private_name() {
    let mut broken = Vec::new();
    for (name, _) in below(&["src", "tests/suite"]) {
        for part in name.split('/').map(|part| part.split('.').next().unwrap_or_default()) {
            let private = FILES.iter().find(|(word, _)| *word == part);
            broken.extend(private.map(|(_, instead)| format!("{name}: `{part}` -> {instead}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_type_or_function_has_a_private_name_and_none_several_meanings() {
    let mut broken = Vec::new();
    let mut defined = vec![Vec::new(); ONE_MEANING.len()];
    for (name, text) in below(&["src"]) {
        let code: String =
            text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
        for (word, instead) in IDENTIFIERS.iter().filter(|(word, _)| words(&code).any(|found| found == *word)) {
            broken.push(format!("{name}: `{word}` -> {instead}"));
        }
        for (at, word) in ONE_MEANING.iter().enumerate() {
            let defines = |kind: &str| {
                let definition = format!("{kind} {word}");
                code.match_indices(&definition).any(|(found, _)| {
                    !code[found + definition.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            };
            if ["struct", "enum", "trait", "type"].into_iter().any(defines) && !name.contains("tests") {
                defined[at].push(name.clone());
            }
        }
    }
    let several =
        ONE_MEANING.iter().zip(&defined).filter(|(word, at)| at.iter().filter(|name| !is_test(name, word)).count() > 1);
    broken.extend(several.map(|(word, at)| format!("`{word}` has several meanings: {}", at.join(", "))));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Types that exist in the tests of a file only.
fn is_test(name: &str, word: &str) -> bool {
    let text = fs::read_to_string(root().join(name)).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    !words(&code).any(|found| found == word)
}

#[test]
fn no_user_visible_text_has_a_private_phrase() {
    let mut broken = Vec::new();
    for (name, text) in below(&["src"]).iter().filter(|(name, _)| name.ends_with(".rs")) {
        if !name.ends_with("tests.rs") {
            broken.extend(phrases(name, &without_docs(&visible(text))));
        }
    }
    for (name, text) in below(&["templates"]) {
        broken.extend(phrases(&name, &text));
    }
    for name in ["README.md", "CHANGELOG.md"] {
        broken.extend(phrases(name, &fs::read_to_string(root().join(name)).unwrap().replace('\n', " ")));
    }
    assert!(broken.is_empty(), "{} private phrases:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn the_scanner_sees_literals_and_help_but_no_comments() {
    let seen = |text: &str| phrases("x.rs", &without_docs(&visible(text)));
    assert_eq!(seen("let a = \"`x` is no duration\";").len(), 1);
    assert_eq!(seen("let a = \"the lock is no \\\n    longer ours\";").len(), 1);
    assert_eq!(seen("#[derive(Args)]\n/// Only these; several add up\nstruct A;").len(), 1);
    assert_eq!(seen("/// Only these; several add up\nstruct A;"), Vec::<String>::new());
    assert_eq!(
        seen("// `x` is no duration\n#[cfg(test)]\nmod tests { const A: &str = \"is no duration\"; }"),
        Vec::<String>::new()
    );
}
