//! What a pure module must not say: it neither waits nor reads files, environment or clock, nor starts anything.
//! Reads one source file; returns the first line that breaks it.
//! Paths are taken from imports and code alike; a method is known by its name.

use super::paths;
use super::source::SourceFile;

/// The modules that only compute.
pub const PURE: &[&str] =
    &["error", "event", "secret", "project", "template", "compose", "chart", "image", "release", "plan"];

/// Words that are never said there.
const WORDS: &[&str] = &[
    "Instant",
    "LocalFiles",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixListener",
    "UnixStream",
    "async",
    "await",
    "getrandom",
    "now_local",
    "now_utc",
    "rustix",
    "tokio",
];

/// Parts of the standard library that reach out.
const OUTSIDE: &[&str] = &["env", "fs", "process", "thread"];

/// Methods of `Path` that look at the disk, and of `Instant`.
const METHODS: &[&str] = &[
    "canonicalize",
    "elapsed",
    "exists",
    "is_dir",
    "is_file",
    "is_symlink",
    "metadata",
    "read_dir",
    "read_link",
    "symlink_metadata",
    "try_exists",
];

/// The first line that is not pure.
pub fn broken(source: &SourceFile) -> Option<usize> {
    let words = WORDS.iter().flat_map(|word| source.words(word));
    let methods = METHODS.iter().flat_map(|method| source.words(method).filter(|at| is_method(source, *at, method)));
    let (imports, code) = paths::imports(&source.code);
    let imported = imports.iter().filter(|import| is_outside(&import.path)).map(|import| import.at);
    let inline = paths::inline(&code).into_iter().filter(|(_, path)| is_outside(path)).map(|(at, _)| at);
    words.chain(methods).chain(imported).chain(inline).min().map(|at| source.line(at))
}

fn is_outside(path: &[String]) -> bool {
    path.first().is_some_and(|first| first == "std") && path.iter().any(|part| OUTSIDE.contains(&part.as_str()))
}

/// `path.exists()` or `Path::exists`; `files.has(path)` asks somebody else.
fn is_method(source: &SourceFile, at: usize, method: &str) -> bool {
    let before = source.code[..at].trim_end();
    let called = source.code[at + method.len()..].starts_with("()");
    (before.ends_with('.') && called) || before.ends_with("Path::")
}
