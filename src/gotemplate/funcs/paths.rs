//! Paths with `/`, and URLs.

use crate::format;
use crate::signature::{Answer, Function, Param, fixed, unsupported};
use crate::value::{Map, Value};

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
    fixed("urlParse", &[Param::Str], |_, v| url(&format::print(&v[0]))),
    fixed("urlJoin", &[Param::Map], |_, _| unsupported("urlJoin")),
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

fn url(text: &str) -> Answer {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
        Some(("", _)) => return Err(format!("unable to parse url: parse {text:?}: missing protocol scheme").into()),
        _ => (String::new(), rest),
    };
    let (authority, path, opaque) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (&rest[..end], &rest[end..], "")
        }
        None if !scheme.is_empty() && !rest.starts_with('/') => ("", "", rest),
        None => ("", rest, ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let map = Map::new();
    for (key, value) in [
        ("scheme", scheme.as_str()),
        ("host", host),
        ("hostname", name),
        ("path", path),
        ("query", query),
        ("opaque", opaque),
        ("fragment", fragment),
        ("userinfo", user),
    ] {
        map.set(key, Value::str(value));
    }
    Ok(Value::Map(map))
}
