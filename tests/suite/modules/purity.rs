//! Checks that pure modules do not await, read files, environment or clock, or start threads and programs.
//! Returns the first violation of a source file.
//! Paths are taken from imports and code; methods are recognised by name.

use super::paths;
use super::source::SourceFile;

/// Pure modules.
pub const PURE: &[&str] =
    &["error", "event", "secret", "project", "template", "compose", "gotemplate", "chart", "image", "release", "plan"];

/// Forbidden words.
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

/// Forbidden modules of the standard library.
const OUTSIDE: &[&str] = &["env", "fs", "process", "thread"];

/// Forbidden methods of `Path` and `Instant`.
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

/// The first violation.
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

/// Matches `path.exists()` and `Path::exists`, not `files.has(path)`.
fn is_method(source: &SourceFile, at: usize, method: &str) -> bool {
    let before = source.code[..at].trim_end();
    let called = source.code[at + method.len()..].starts_with("()");
    (before.ends_with('.') && called) || before.ends_with("Path::")
}
