//! URLs as Go's net/url reads and writes them.

use crate::error::Failure;
use crate::format;
use crate::signature::{Answer, Function, Param, fixed, map_of};
use crate::value::{Map, Value};

pub const TABLE: &[Function] = &[
    fixed("urlParse", &[Param::Str], |_, v| parsed(&format::print(&v[0]))),
    fixed("urlJoin", &[Param::Map], |_, v| joined(&map_of(&v[0]))),
];

fn parsed(text: &str) -> Answer {
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
    let name = without_port(host);
    let (path, fragment, user) = (unescaped(path)?, unescaped(fragment)?, userinfo(user)?);
    let map = Map::new();
    for (key, value) in [
        ("scheme", scheme.as_str()),
        ("host", host),
        ("hostname", name),
        ("path", path.as_str()),
        ("query", query),
        ("opaque", opaque),
        ("fragment", fragment.as_str()),
        ("userinfo", user.as_str()),
    ] {
        map.set(key, Value::str(value));
    }
    Ok(Value::Map(map))
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn joined(map: &Map) -> Answer {
    let part = |name: &str| match map.get(name) {
        None => Ok(String::new()),
        Some(Value::Str(text)) => Ok(text.to_string()),
        Some(other) => Err(Failure::Message(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            other.type_name()
        ))),
    };
    let (scheme, host, path, opaque) = (part("scheme")?, part("host")?, part("path")?, part("opaque")?);
    let (query, fragment, user) = (part("query")?, part("fragment")?, userinfo(&part("userinfo")?)?);
    let mut out = if scheme.is_empty() { String::new() } else { format!("{scheme}:") };
    if opaque.is_empty() {
        let has_authority = !host.is_empty() || !user.is_empty();
        if has_authority || (!scheme.is_empty() && !path.is_empty()) {
            out.push_str("//");
        }
        if !user.is_empty() {
            out.push_str(&format!("{user}@"));
        }
        out.push_str(&escaped(&host, "!$&'()*+,;=:[]<>\""));
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        // The colon would end a scheme.
        if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
            out.push_str("./");
        }
        out.push_str(&if path == "*" { path } else { escaped(&path, "$&+,/:;=@") });
    } else {
        out.push_str(&opaque);
    }
    for (mark, text) in [('?', query), ('#', escaped(&fragment, "$&+,/:;=?@!()*"))] {
        if !text.is_empty() {
            out.push(mark);
            out.push_str(&text);
        }
    }
    Ok(Value::str(out))
}

/// User and password, each escaped anew.
fn userinfo(text: &str) -> Result<String, Failure> {
    let again = |text: &str| Ok::<_, Failure>(escaped(&unescaped(text)?, "$&+,;="));
    match text.split_once(':') {
        Some((user, password)) => Ok(format!("{}:{}", again(user)?, again(password)?)),
        None => again(text),
    }
}

fn escaped(text: &str, kept: &str) -> String {
    let escape = |byte: u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || "-_.~".contains(c) || (c.is_ascii() && kept.contains(c)) => c.to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn unescaped(text: &str) -> Result<String, Failure> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = byte else {
            let wrong: String = part.chars().take(2).collect();
            return Err(Failure::Message(format!("unable to parse url: invalid URL escape \"%{wrong}\"")));
        };
        out.push(byte);
        out.extend_from_slice(&part.as_bytes()[2..]);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}
