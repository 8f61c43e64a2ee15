//! Escapes in double-quoted values of env files, as Compose's parser replaces them.

/// Shell escapes inside double quotes; `\$` becomes `$$`, which the expansion then takes for a dollar sign.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let simple = match after.as_bytes().first() {
            Some(b'a') => Some("\u{7}"),
            Some(b'b') => Some("\u{8}"),
            Some(b'f') => Some("\u{c}"),
            Some(b'n') => Some("\n"),
            Some(b'r') => Some("\r"),
            Some(b't') => Some("\t"),
            Some(b'v') => Some("\u{b}"),
            Some(b'$') => Some("$$"),
            Some(b'"') => Some("\""),
            Some(b'\\') => Some("\\"),
            // Matched by Compose's parser, but no escape of Go: they stay.
            Some(b'c') => Some("\\c"),
            _ => None,
        };
        if let Some(simple) = simple {
            out.push_str(simple);
            rest = &after[1..];
        } else if let Some((character, length)) = octal(after) {
            out.push(character);
            rest = &after[length..];
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// `0` and three octal digits.
fn octal(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix('0')?.get(..3)?;
    let code = u32::from_str_radix(digits, 8).ok().filter(|code| *code < 256)?;
    Some((char::from_u32(code)?, 4))
}
