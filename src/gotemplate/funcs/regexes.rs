//! Regular expressions in RE2's syntax, by the regex crate.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;

use crate::error::Failure;
use crate::format;
use crate::funcs::numbers::to_int;
use crate::signature::{Answer, Function, Param, fixed};
use crate::value::Value;

const S: Param = Param::Str;

pub const TABLE: &[Function] = &[
    fixed("regexMatch", &[S, S], |_, v| {
        Ok(Value::Bool(compiled(&v[0]).is_ok_and(|re| re.is_match(&format::print(&v[1])))))
    }),
    fixed("mustRegexMatch", &[S, S], |_, v| Ok(Value::Bool(compiled(&v[0])?.is_match(&format::print(&v[1]))))),
    fixed("regexFind", &[S, S], |_, v| find(v)),
    fixed("mustRegexFind", &[S, S], |_, v| find(v)),
    fixed("regexFindAll", &[S, S, Param::Int], |_, v| find_all(v)),
    fixed("mustRegexFindAll", &[S, S, Param::Int], |_, v| find_all(v)),
    fixed("regexReplaceAll", &[S, S, S], |call, v| replace(v, false).and_then(|text| counted(call, text))),
    fixed("mustRegexReplaceAll", &[S, S, S], |call, v| replace(v, false).and_then(|text| counted(call, text))),
    fixed("regexReplaceAllLiteral", &[S, S, S], |call, v| replace(v, true).and_then(|text| counted(call, text))),
    fixed("mustRegexReplaceAllLiteral", &[S, S, S], |call, v| replace(v, true).and_then(|text| counted(call, text))),
    fixed("regexSplit", &[S, S, Param::Int], |_, v| split(v)),
    fixed("mustRegexSplit", &[S, S, Param::Int], |_, v| split(v)),
    fixed("regexQuoteMeta", &[S], |_, v| Ok(Value::str(quoted(&format::print(&v[0]))))),
];

use crate::funcs::builtins::text as counted;

/// Expressions kept compiled; charts use few, many times.
const KEPT: usize = 200;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

fn compiled(pattern: &Value) -> Result<Regex, Failure> {
    let pattern = format::print(pattern);
    COMPILED.with_borrow_mut(|known| {
        if let Some(regex) = known.get(&pattern) {
            return Ok(regex.clone());
        }
        let built = Regex::new(&translated(&pattern));
        let regex = built.map_err(|error| Failure::Message(format!("error parsing regexp: {error}")))?;
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(pattern, regex.clone());
        Ok(regex)
    })
}

/// RE2 to the crate's syntax: `\Q…\E` is written out, classes of ASCII are meant by `\d`, `\s`, `\w` and `\b`, and a
/// bracket inside a class stands for itself.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars().peekable();
    let mut class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.peek() == Some(&'Q') => {
                let mut literal: String = rest.skip(1).collect();
                let more = literal.find("\\E").map(|at| literal.split_off(at));
                out.push_str(&regex::escape(&literal));
                return out + &more.map_or_else(String::new, |more| translated(&more[2..]));
            }
            '\\' => escape(&mut out, rest.next(), class),
            '[' if class && rest.peek() == Some(&':') => out.push('['),
            '[' if class => out.push_str("\\["),
            '[' => {
                class = true;
                out.push('[');
                if rest.peek() == Some(&'^') {
                    out.extend(rest.next());
                }
                // A bracket in the first place belongs to the class.
                if rest.peek() == Some(&']') {
                    rest.next();
                    out.push_str("\\]");
                }
            }
            ']' if class && out.ends_with(':') => out.push(']'),
            ']' => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// The character after a backslash, inside or outside a class.
fn escape(out: &mut String, escaped: Option<char>, class: bool) {
    match escaped {
        Some('d') => out.push_str(if class { "0-9" } else { "[0-9]" }),
        Some('D') if !class => out.push_str("[^0-9]"),
        Some('w') => out.push_str(if class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
        Some('W') if !class => out.push_str("[^0-9A-Za-z_]"),
        Some('s') => out.push_str(if class { "\\t\\n\\f\\r " } else { "[\\t\\n\\f\\r ]" }),
        Some('S') if !class => out.push_str("[^\\t\\n\\f\\r ]"),
        Some('b') if !class => out.push_str("(?-u:\\b)"),
        Some('/') => out.push('/'),
        Some(c) => out.extend(['\\', c]),
        None => out.push('\\'),
    }
}

fn find(values: &[Value]) -> Answer {
    let text = format::print(&values[1]);
    Ok(Value::str(compiled(&values[0])?.find(&text).map_or("", |found| found.as_str())))
}

/// As Go: an empty match right after a match does not count.
fn matches<'t>(regex: &Regex, text: &'t str) -> Vec<regex::Match<'t>> {
    let mut kept: Vec<regex::Match> = Vec::new();
    for found in regex.find_iter(text) {
        let adjacent = found.is_empty() && kept.last().is_some_and(|last| last.end() == found.start());
        if !adjacent {
            kept.push(found);
        }
    }
    kept
}

fn limited(count: &Value) -> usize {
    usize::try_from(to_int(count)).unwrap_or(usize::MAX)
}

fn find_all(values: &[Value]) -> Answer {
    let text = format::print(&values[1]);
    let found = matches(&compiled(&values[0])?, &text);
    Ok(Value::strings(found.iter().take(limited(&values[2])).map(|found| found.as_str().to_owned()).collect()))
}

fn replace(values: &[Value], literal: bool) -> Result<String, Failure> {
    let regex = compiled(&values[0])?;
    let (text, with) = (format::print(&values[1]), format::print(&values[2]));
    if literal {
        return Ok(regex.replace_all(&text, regex::NoExpand(&with)).into_owned());
    }
    Ok(regex.replace_all(&text, &*with).into_owned())
}

/// Go's Regexp.Split.
fn split(values: &[Value]) -> Answer {
    let regex = compiled(&values[0])?;
    let (text, count) = (format::print(&values[1]), limited(&values[2]));
    if count == 0 {
        return Ok(Value::strings(Vec::new()));
    }
    if !values[0].text().unwrap_or_default().is_empty() && text.is_empty() {
        return Ok(Value::strings(vec![String::new()]));
    }
    let (mut pieces, mut from, mut end) = (Vec::new(), 0, 0);
    for found in matches(&regex, &text).into_iter().take(count) {
        if pieces.len() + 1 == count {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            pieces.push(text[from..end].to_owned());
        }
        from = found.end();
    }
    if end != text.len() {
        pieces.push(text[from..].to_owned());
    }
    Ok(Value::strings(pieces))
}

/// Go's regexp.QuoteMeta.
fn quoted(text: &str) -> String {
    text.chars().flat_map(|c| r"\.+*?()|[]{}^$".contains(c).then_some('\\').into_iter().chain([c])).collect()
}
