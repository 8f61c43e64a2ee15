//! The rules themselves, as tables: the order of the modules, the doors of the libraries, the sizes.
//! Reads one source file; returns each broken rule as `file:line: words`.
//! A new module or library is one line here.

use super::purity;
use super::source::{SourceFile, closing};

/// The modules from left to right with what stands in one column: those do not know each other.
const ORDER: &[&[&str]] = &[
    &["error"],
    &["event"],
    &["input_file"],
    &["output_file"],
    &["secret"],
    &["project"],
    &["template"],
    &["compose"],
    &["chart"],
    &["image"],
    &["release"],
    &["plan"],
    &["target"],
    &["process"],
    &["engine", "probe", "backup", "host", "notify"],
    &["lint"],
    &["execute"],
    &["session"],
    &["workflow"],
    &["ui"],
    &["cli"],
];

/// Libraries and where they may be named.
const DOORS: &[(&str, &[&str])] = &[
    ("aictl_gotemplate", &["chart", "session"]),
    ("boon", &["chart"]),
    ("tera", &["template"]),
    ("bollard", &["engine/docker"]),
    ("kube", &["engine/kubernetes"]),
    ("k8s_openapi", &["engine/kubernetes"]),
    ("rustic_core", &["backup"]),
    ("rustic_backend", &["backup"]),
    ("reqwest", &["backup", "notify"]),
    ("lettre", &["notify"]),
    ("x509_parser", &["probe"]),
    ("quick_junit", &["session"]),
    ("rcgen", &["probe", "session"]),
    ("rsa", &["session"]),
    ("indicatif", &["ui"]),
    ("console", &["ui"]),
    ("dialoguer", &["ui"]),
    ("clap", &["cli", "workflow", "session"]),
    ("clap_complete", &["cli", "workflow"]),
    ("clap_mangen", &["cli", "workflow"]),
];

/// How things come out of the process.
const PRINTING: &[&str] = &["println", "eprintln", "print", "eprint", "stdout", "stderr"];

/// A program that is started past the door may lie in the project's folder.
const STARTING: &str = "only `process` starts programs";

/// Words that write, create, rename or remove on the operator's machine. They stand in `output_file`, whose rules keep
/// devices, links and foreign files from harm.
const WRITING: &[&str] = &[
    "DirBuilder",
    "NamedTempFile",
    "OpenOptions",
    "create_dir",
    "create_dir_all",
    "fchmod",
    "fchown",
    "lchown",
    "linkat",
    "mkdirat",
    "openat",
    "persist",
    "persist_noclobber",
    "remove_dir",
    "remove_dir_all",
    "remove_file",
    "renameat",
    "renameat_with",
    "set_permissions",
    "symlinkat",
    "tempfile",
    "unlinkat",
];

/// Words that do so behind these paths only: elsewhere they are everyday names.
const WRITING_BEHIND: &[(&str, &[&str])] =
    &[("fs::", &["copy", "hard_link", "rename", "symlink", "write"]), ("File::", &["create", "create_new", "options"])];

/// Rooms that may write files themselves, each with its reason.
const WRITERS: &[&str] = &[
    // The one door.
    "output_file",
];

/// `super::super::x` makes the reader count folders.
const TWO_UP: &str = "super::super";
const WRITTEN_OUT: &str = "use a `crate::` path instead of `super::super`";

const MOST_LINES: usize = 400;
const MOST_FUNCTION_LINES: usize = 40;
const MOST_PARAMETERS: usize = 4;

/// Functions whose parameters a library's trait dictates.
const DICTATED: &[&str] = &["verify_server_cert", "read_partial"];

/// Every rule the file breaks, in the order of the rules.
pub fn broken(source: &SourceFile) -> Vec<String> {
    let module = source.name.split('/').next().unwrap().trim_end_matches(".rs");
    let mut found: Vec<Finding> =
        source.masked.match_indices(TWO_UP).map(|(at, _)| (source.line(at), WRITTEN_OUT.to_owned())).collect();
    if source.is_test {
        found.extend(length(source.text.lines().count()));
        return shown(source, found);
    }
    found.extend(header(source));
    found.extend(sizes(source));
    if matches!(module, "lib" | "main" | "model") {
        return shown(source, found);
    }
    match column(module) {
        // A package of its own cannot see the others.
        None if module == "gotemplate" => {}
        None => {
            found.push((1, format!("`{module}` is not a known module")));
            return shown(source, found);
        }
        Some(column) => found.extend(imports(source, module, column)),
    }
    found.extend(doors(source));
    if module != "ui" {
        found.extend(first_of(source, PRINTING, is_printing).map(|line| (line, "only `ui` prints".to_owned())));
    }
    if module != "process" {
        found.extend(first_of(source, &["process"], is_starting).map(|line| (line, STARTING.to_owned())));
    }
    if !WRITERS.contains(&module) {
        let line = first_of(source, WRITING, |_, _, _| true).into_iter().chain(writing_behind(source)).min();
        found.extend(line.map(|line| (line, "files are written through `output_file` only".to_owned())));
    }
    if purity::PURE.contains(&module) {
        let words = format!("`{module}` is pure: no await, socket, file, environment, clock, thread or program");
        found.extend(purity::broken(source).map(|line| (line, words)));
    }
    if source.name != "cli/dispatch.rs" {
        let boxed = source.code.find("Box<dyn Report>");
        found.extend(boxed.map(|at| (source.line(at), "reports are boxed in `cli/dispatch` only".to_owned())));
    }
    shown(source, found)
}

fn writing_behind(source: &SourceFile) -> Option<usize> {
    let lines = WRITING_BEHIND.iter().filter_map(|(path, words)| {
        first_of(source, words, |source, at, _| source.code[..at].trim_end().ends_with(path))
    });
    lines.min()
}

type Finding = (usize, String);

fn shown(source: &SourceFile, found: Vec<Finding>) -> Vec<String> {
    found.into_iter().map(|(line, words)| format!("{}:{line}: {words}", source.name)).collect()
}

fn column(module: &str) -> Option<usize> {
    ORDER.iter().position(|column| column.contains(&module))
}

fn header(source: &SourceFile) -> Vec<Finding> {
    if source.text.starts_with("//!") { Vec::new() } else { vec![(1, "does not begin with a `//!` header".to_owned())] }
}

fn sizes(source: &SourceFile) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(length(source.lines()));
    for function in source.functions() {
        if function.lines > MOST_FUNCTION_LINES {
            let words = format!("`{}` has {} lines; {MOST_FUNCTION_LINES} are the most", function.name, function.lines);
            found.push((function.line, words));
        }
        if function.parameters > MOST_PARAMETERS && !DICTATED.contains(&function.name.as_str()) {
            let words =
                format!("`{}` has {} parameters; {MOST_PARAMETERS} are the most", function.name, function.parameters);
            found.push((function.line, words));
        }
    }
    found
}

fn length(lines: usize) -> Option<Finding> {
    (lines > MOST_LINES).then(|| (1, format!("has {lines} lines; {MOST_LINES} are the most")))
}

fn imports(source: &SourceFile, module: &str, column: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    for at in source.words("crate") {
        let Some(rest) = source.code[at + "crate".len()..].strip_prefix("::") else { continue };
        for other in roots(rest) {
            let known = self::column(&other);
            let allowed = other == module || known.is_none_or(|known| known < column);
            if !allowed {
                found.push((source.line(at), format!("`{module}` must not know `{other}`")));
            }
        }
    }
    found
}

/// The first names of a path or of a group of paths: `{error::Hint, plan::{A, B}}` gives `error` and `plan`.
fn roots(rest: &str) -> Vec<String> {
    let word = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if !rest.starts_with('{') {
        return vec![word(rest)];
    }
    let group = &rest[1..closing(rest).unwrap()];
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    parts.iter().map(|part| word(part)).filter(|name| !name.is_empty()).collect()
}

fn doors(source: &SourceFile) -> Vec<Finding> {
    let mut found = Vec::new();
    for (library, modules) in DOORS {
        let through =
            |module: &&str| source.name == format!("{module}.rs") || source.name.starts_with(&format!("{module}/"));
        if modules.iter().any(through) {
            continue;
        }
        let line = source.words(library).find(|at| is_path_root(source, *at, library)).map(|at| source.line(at));
        let doors = modules.iter().map(|module| format!("`{module}`")).collect::<Vec<_>>().join(", ");
        found.extend(line.map(|line| (line, format!("`{library}` is used through {doors} only"))));
    }
    found
}

/// Whether a word begins a path: `tera::x` or `use tera;`, not `crate::tera` and not `.tera`.
fn is_path_root(source: &SourceFile, at: usize, word: &str) -> bool {
    let before = source.code[..at].trim_end();
    let after = &source.code[at + word.len()..];
    !before.ends_with("::") && !before.ends_with('.') && (after.starts_with("::") || before.ends_with("use"))
}

fn first_of(source: &SourceFile, words: &[&str], counts: impl Fn(&SourceFile, usize, &str) -> bool) -> Option<usize> {
    let hits = words.iter().flat_map(|word| source.words(word).filter(|at| counts(source, *at, word)));
    hits.min().map(|at| source.line(at))
}

/// `process::Command` by its path or in a group, and the module under another name.
fn is_starting(source: &SourceFile, at: usize, word: &str) -> bool {
    let after = source.code[at + word.len()..].trim_start();
    match after.strip_prefix("::") {
        Some(rest) => {
            roots(rest.trim_start()).iter().any(|name| name == "Command") || rest.trim_start().starts_with('*')
        }
        None => after.starts_with("as "),
    }
}

/// `io::` and `std::io::`, not `stdio::`.
fn ends_with_word(before: &str, path: &str) -> bool {
    before.strip_suffix(path).is_some_and(|rest| !rest.bytes().next_back().is_some_and(super::source::is_word))
}

/// A printing macro, or the standard streams themselves; a field or variable called `stdout` is neither.
fn is_printing(source: &SourceFile, at: usize, word: &str) -> bool {
    let before = source.code[..at].trim_end();
    let after = &source.code[at + word.len()..];
    match word {
        "stdout" | "stderr" => ends_with_word(before, "io::") && (after.starts_with('(') || after.starts_with(';')),
        _ => after.starts_with('!'),
    }
}
