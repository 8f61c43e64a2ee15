//! Paths with `/`.

use crate::format;
use crate::signature::{Function, Param, fixed};
use crate::value::Value;

pub const TABLE: &[Function] = &[
    fixed("base", &[Param::Str], |_, v| Ok(Value::str(base(&format::print(&v[0]))))),
    fixed("osBase", &[Param::Str], |_, v| Ok(Value::str(base(&format::print(&v[0]))))),
    fixed("dir", &[Param::Str], |_, v| Ok(Value::str(dir(&format::print(&v[0]))))),
    fixed("osDir", &[Param::Str], |_, v| Ok(Value::str(dir(&format::print(&v[0]))))),
    fixed("clean", &[Param::Str], |_, v| Ok(Value::str(clean(&format::print(&v[0]))))),
    fixed("osClean", &[Param::Str], |_, v| Ok(Value::str(clean(&format::print(&v[0]))))),
    fixed("ext", &[Param::Str], |_, v| Ok(Value::str(ext(&format::print(&v[0]))))),
    fixed("osExt", &[Param::Str], |_, v| Ok(Value::str(ext(&format::print(&v[0]))))),
    fixed("isAbs", &[Param::Str], |_, v| Ok(Value::Bool(format::print(&v[0]).starts_with('/')))),
    fixed("osIsAbs", &[Param::Str], |_, v| Ok(Value::Bool(format::print(&v[0]).starts_with('/')))),
];

/// Go's path.Base.
pub fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/".into() } else { path.rsplit('/').next().unwrap_or(path).into() }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| &path[..=at]))
}

fn ext(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or_else(String::new, |at| name[at..].into())
}

/// Go's path.Clean.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

/// Go's url.QueryEscape.
pub fn query_escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
