//! Numbers, strings and characters as Go writes them.

use crate::tree::Kind;

/// An integer or floating-point constant.
pub fn number(text: &str) -> Result<Kind, String> {
    let bad = || format!("bad number syntax: {text:?}");
    let hex = text.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("0x");
    if let Some(value) = integer(text) {
        return Ok(Kind::Int { value, text: text.into() });
    }
    if hex || !text.contains(['.', 'e', 'E']) || text.contains('_') {
        return Err(bad());
    }
    let value: f64 = text.parse().map_err(|_| bad())?;
    Ok(Kind::Float { value, text: text.into() })
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
pub fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// The number of a character constant with its quotes.
pub fn character(text: &str) -> Option<i64> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let decoded = unescaped(inner, '\'')?;
    let mut characters = std::str::from_utf8(&decoded).ok()?.chars();
    let value = characters.next()?;
    characters.next().is_none().then_some(i64::from(u32::from(value)))
}

/// The text of a quoted string with its quotes.
pub fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    String::from_utf8(unescaped(inner, '"')?).ok()
}

fn unescaped(text: &str, quote: char) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let code = |rest: &mut std::str::Chars, first: Option<char>, count: usize, base: u32| {
            let digits: String = first.into_iter().chain(rest.take(count)).collect();
            u32::from_str_radix(&digits, base).ok()
        };
        match rest.next()? {
            'n' => out.push(b'\n'),
            't' => out.push(b'\t'),
            'r' => out.push(b'\r'),
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            c if c == quote => out.push(u8::try_from(c).ok()?),
            'x' => out.push(u8::try_from(code(&mut rest, None, 2, 16)?).ok()?),
            c @ '0'..='7' => out.push(u8::try_from(code(&mut rest, Some(c), 2, 8)?).ok()?),
            c @ ('u' | 'U') => {
                let point = char::from_u32(code(&mut rest, None, if c == 'u' { 4 } else { 8 }, 16)?)?;
                out.extend_from_slice(point.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return None,
        }
    }
    Some(out)
}
