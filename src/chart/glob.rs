//! The two kinds of patterns of Helm, as regular expressions: Go's `filepath.Match` and those of `.Files.Glob`.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// Go's `filepath.Match`: `*` and `?` stop at `/`. `None` for an invalid pattern.
pub fn path_pattern(pattern: &str) -> Option<Regex> {
    let mut out = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => out.push_str(&class(&mut rest, '^')?),
            '\\' => literal(&mut out, rest.next()?),
            c => literal(&mut out, c),
        }
    }
    Regex::new(&(out + "$")).ok()
}

/// The patterns of `.Files.Glob`: `**` crosses folders, `{a,b}` are alternatives. `None` for an invalid pattern.
pub fn file_pattern(pattern: &str) -> Option<Regex> {
    let mut out = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    let mut open = 0_usize;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                while rest.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => out.push_str(&class(&mut rest, '!')?),
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '\\' => literal(&mut out, rest.next()?),
            c => literal(&mut out, c),
        }
    }
    if open > 0 { None } else { Regex::new(&(out + "$")).ok() }
}

fn literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// A class of characters after its bracket; `not` negates it.
fn class(rest: &mut Peekable<Chars>, not: char) -> Option<String> {
    let mut out = String::from("[");
    if rest.next_if_eq(&not).is_some() {
        out.push('^');
    }
    let mut empty = true;
    loop {
        let c = match rest.next()? {
            ']' if !empty => return Some(out + "]"),
            ']' | '-' => return None,
            '\\' => rest.next()?,
            c => c,
        };
        empty = false;
        quoted(&mut out, c);
        if rest.next_if_eq(&'-').is_some() {
            let end = match rest.next()? {
                ']' => return None,
                '\\' => rest.next()?,
                c => c,
            };
            out.push('-');
            quoted(&mut out, end);
        }
    }
}

fn quoted(out: &mut String, c: char) {
    out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
}
