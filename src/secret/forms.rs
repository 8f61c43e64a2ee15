//! Lists the shapes in which one value turns up in text: encoded, escaped or quoted by the tools it passes through.
//! Reads one value and returns its shapes.
//! Never decides whether the value deserves it: `redact` does.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A piece of base64 shorter than this would match by chance.
const SHORTEST_BASE64: usize = 8;
/// A line of a multi-line value shorter than this says nothing about it.
const SHORTEST_LINE: usize = 8;

/// Every shape of `value`, the value itself included.
pub(super) fn shapes(value: &str) -> Vec<String> {
    let mut shapes = vec![
        value.to_owned(),
        value.replace('$', "$$"),
        value.replace('\'', r"'\''"),
        value.replace('\'', "''"),
        value.replace('\'', "'\"'\"'"),
        backslashed(value, "\\\"$`"),
        backslashed(value, "\\\"$`!'&;|<>()[]{}*?~# \t"),
        format!("{value:?}").trim_matches('"').to_owned(),
    ];
    let json = serde_json::Value::String(value.to_owned()).to_string();
    if let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // Go's JSON also escapes the characters HTML cares about.
        shapes.push(inner.replace('&', r"\u0026").replace('<', r"\u003c").replace('>', r"\u003e"));
        shapes.push(inner.to_owned());
    }
    shapes.extend(lines(value));
    shapes.extend(percent_shapes(value));
    shapes.extend(base64_shapes(value));
    shapes
}

/// The lines of a value that has several: a log shows one at a time.
fn lines(value: &str) -> Vec<String> {
    let lines: Vec<&str> = value.lines().collect();
    if lines.len() < 2 {
        return Vec::new();
    }
    let telling = |line: &&&str| line.len() >= SHORTEST_LINE && !line.starts_with("-----");
    lines.iter().filter(telling).map(|line| (*line).to_owned()).collect()
}

/// Base64 of the value alone, padded or not, and the part of it that stays the same inside a longer text
/// (`user:password` of basic authentication), for each of the three alignments.
fn base64_shapes(value: &str) -> Vec<String> {
    let mut shapes = Vec::new();
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        let alone = engine.encode(value);
        let padding = "=".repeat((4 - alone.len() % 4) % 4);
        shapes.extend(wrapped(&alone));
        shapes.push(format!("{alone}{padding}"));
        shapes.push(alone);
        for offset in 0..3usize {
            let mut bytes = vec![0u8; offset];
            bytes.extend_from_slice(value.as_bytes());
            let whole = engine.encode(&bytes);
            let from = (offset * 8).div_ceil(6);
            let to = bytes.len() * 8 / 6;
            if let Some(core) = whole.get(from..to).filter(|core| core.len() >= SHORTEST_BASE64) {
                shapes.push(core.to_owned());
            }
        }
    }
    shapes
}

/// The lines of base64 as mail, PEM and `base64` wrap it; lines too short to be recognised are left out.
fn wrapped(base64: &str) -> Vec<String> {
    let widths = [76, 64].into_iter().filter(|width| base64.len() > *width);
    let lines = widths.flat_map(|width| base64.as_bytes().chunks(width));
    lines
        .filter(|line| line.len() >= 2 * SHORTEST_BASE64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

fn backslashed(value: &str, special: &str) -> String {
    let mut out = String::with_capacity(value.len() + 4);
    for c in value.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What encoders for URLs make of the value; besides RFC 3986's unreserved characters each keeps some of its own.
fn percent_shapes(value: &str) -> Vec<String> {
    // The standard's own; Python's `quote`, which is for paths; a browser's `encodeURIComponent`.
    let kept = ["", "/", "!'()*"];
    let encoded = kept.iter().flat_map(|kept| [percent(value, kept, false), percent(value, kept, true)]);
    encoded.flat_map(|shape| [shape.replace("%20", "+"), shape]).collect()
}

fn percent(value: &str, kept: &str, lower: bool) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ if kept.as_bytes().contains(&byte) => out.push(char::from(byte)),
            _ if lower => out.push_str(&format!("%{byte:02x}")),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
