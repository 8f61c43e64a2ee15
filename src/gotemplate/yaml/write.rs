//! YAML as go-yaml v2 writes it: keys sorted, lists not indented under their keys.

use super::fold::{self, is_printable};
use super::resolve::{Scalar, is_base60, resolve};
use crate::format;
use crate::text::json::number_text;
use crate::value::Value;

/// `toYaml`: without the last newline.
pub fn to_yaml(value: &Value) -> String {
    written(value, 0)
}

/// `toYamlPretty`: lists are indented under their keys.
pub fn to_yaml_pretty(value: &Value) -> String {
    written(value, 2)
}

fn written(value: &Value, list_indent: usize) -> String {
    let mut writer = Writer { out: String::new(), list_indent };
    writer.node(value, 0, false);
    if writer.out.ends_with('\n') {
        writer.out.pop();
    }
    writer.out
}

struct Writer {
    out: String,
    list_indent: usize,
}

impl Writer {
    /// A value after `key:` or `-`, up to and with its newline.
    fn node(&mut self, value: &Value, indent: usize, after_key: bool) {
        match value {
            Value::Map(map) if !map.is_empty() => self.map(value, indent, after_key),
            Value::List(list) if !list.items.is_empty() => self.list(value, indent, after_key),
            Value::Object(object) => {
                let plain = object.plain();
                self.node(&plain, indent, after_key);
            }
            other => {
                if after_key {
                    self.out.push(' ');
                }
                let text = self.scalar(other, indent, false);
                self.out.push_str(&text);
                self.out.push('\n');
            }
        }
    }

    fn map(&mut self, value: &Value, indent: usize, after_key: bool) {
        if after_key {
            self.out.push('\n');
        }
        let Some(map) = value.map() else { return };
        for (at, (key, item)) in sorted(map.pairs()).into_iter().enumerate() {
            if at > 0 || after_key {
                self.out.push_str(&" ".repeat(indent));
            }
            let key = self.scalar(&Value::Str(key), indent, true);
            if key.chars().count() > 128 {
                self.out.push_str("? ");
                self.out.push_str(&key);
                self.out.push('\n');
                self.out.push_str(&" ".repeat(indent));
            } else {
                self.out.push_str(&key);
            }
            self.out.push(':');
            let is_list = matches!(&item, Value::List(_));
            self.node(&item, indent + if is_list { self.list_indent } else { 2 }, true);
        }
    }

    fn list(&mut self, value: &Value, indent: usize, after_key: bool) {
        if after_key {
            self.out.push('\n');
        }
        let Some(list) = value.items() else { return };
        for (at, item) in list.items.iter().enumerate() {
            if at > 0 || after_key {
                self.out.push_str(&" ".repeat(indent));
            }
            self.out.push_str("- ");
            self.node(item, indent + 2, false);
        }
    }

    fn scalar(&self, value: &Value, indent: usize, key: bool) -> String {
        match value {
            // At the root a block is indented all the same.
            Value::Str(text) => string(text, self.start(indent), key),
            Value::Bytes(bytes) => {
                use base64::Engine as _;
                format!("!!binary {}", base64::engine::general_purpose::STANDARD.encode(bytes))
            }
            Value::Nil | Value::Null => "null".into(),
            Value::List(list) if list.nil => "null".into(),
            Value::List(_) => "[]".into(),
            Value::Map(_) => "{}".into(),
            Value::Float(number) => self.float(*number),
            Value::Time(_) => string(crate::text::json::to_json(value).trim_matches('"'), self.start(indent), key),
            Value::Duration(nanos) => nanos.to_string(),
            other => format::print(other),
        }
    }

    /// The column where a string begins, if its lines are folded, and the indentation of its further lines.
    fn start(&self, indent: usize) -> (Option<usize>, usize) {
        // `toYamlPretty` folds nothing.
        ((self.list_indent == 0).then(|| self.column()), indent.max(2))
    }

    /// Where the next character stands on its line.
    fn column(&self) -> usize {
        let line = self.out.rfind('\n').map_or(0, |end| end + 1);
        self.out[line..].chars().count()
    }

    /// Through JSON, a whole float is an integer.
    fn float(&self, number: f64) -> String {
        let text = number_text(number);
        // `toYamlPretty` does not go through JSON.
        if self.list_indent > 0 || text.contains(['.', 'e']) { format::float(number) } else { text }
    }
}

/// go-yaml's order of keys: numbers in them count as numbers, letters come after digits.
fn sorted<V>(mut pairs: Vec<(std::rc::Rc<str>, V)>) -> Vec<(std::rc::Rc<str>, V)> {
    pairs.sort_by(|(a, _), (b, _)| natural(a, b));
    pairs
}

fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for at in 0..a.len().min(b.len()) {
        let (left, right) = (a[at], b[at]);
        if left == right {
            digits = left.is_numeric();
            continue;
        }
        let (letter_a, letter_b) = (left.is_alphabetic(), right.is_alphabetic());
        if letter_a && letter_b {
            return left.cmp(&right);
        }
        if letter_a || letter_b {
            let first = if digits { letter_a } else { letter_b };
            return if first { Ordering::Less } else { Ordering::Greater };
        }
        return numbers(&a, &b, at);
    }
    a.len().cmp(&b.len())
}

fn numbers(a: &[char], b: &[char], at: usize) -> std::cmp::Ordering {
    let (left, right) = (a[at], b[at]);
    if left == '0' || right == '0' {
        // A zero inside a number that began before counts with it.
        let mut start = at;
        while start > 0 && a[start - 1].is_numeric() {
            start -= 1;
            if a[start] != '0' {
                return run(a, start).cmp(&run(b, start)).then(left.cmp(&right));
            }
        }
    }
    let (na, nb) = (run(a, at), run(b, at));
    na.cmp(&nb).then_with(|| length(a, at).cmp(&length(b, at))).then(left.cmp(&right))
}

fn length(text: &[char], at: usize) -> usize {
    text[at..].iter().take_while(|c| c.is_numeric()).count()
}

fn run(text: &[char], at: usize) -> u64 {
    let digits = text[at..].iter().take_while(|c| c.is_numeric());
    digits.fold(0, |sum: u64, c| sum.wrapping_mul(10).wrapping_add(u64::from(u32::from(*c).wrapping_sub(48))))
}

/// What libyaml finds in a scalar.
#[derive(Default)]
struct Analysis {
    multiline: bool,
    plain: bool,
    single_quoted: bool,
    block: bool,
}

/// A string that begins at a column; what goes on in further lines is indented.
fn string(text: &str, start: (Option<usize>, usize), key: bool) -> String {
    let plain = matches!(resolve(text), Scalar::Str | Scalar::Merge) && !is_base60(text);
    let found = analysed(text);
    let (column, indent) = start;
    // Keys stay on one line.
    let place = column.filter(|_| !key).map(|column| (column, indent));
    if text.contains('\n') {
        if found.block && !key {
            return literal(text, indent);
        }
        return fold::double_quoted(text, place);
    }
    match (plain, found.plain && !(key && found.multiline), found.single_quoted) {
        (false, ..) => fold::double_quoted(text, place),
        (true, true, _) => fold::plain(text, place),
        (true, false, true) => fold::single_quoted(text, place),
        (true, false, false) => fold::double_quoted(text, place),
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn analysed(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis { multiline: false, plain: true, single_quoted: true, block: false };
    }
    let characters: Vec<char> = text.chars().collect();
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut breaks) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    for (at, c) in characters.iter().enumerate() {
        let blank_after = characters.get(at + 1).is_none_or(|c| matches!(c, ' ' | '\t'));
        let before = at.checked_sub(1).map(|at| characters[at]);
        indicators |= match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                if at == 0 =>
            {
                true
            }
            '?' | '-' if at == 0 => blank_after,
            ':' => blank_after,
            '#' => before.is_some_and(|c| c == ' ' || c == '\t' || is_break(c)),
            _ => false,
        };
        special |= !is_printable(*c);
        breaks |= is_break(*c);
        break_space |= *c == ' ' && before.is_some_and(is_break);
        space_break |= is_break(*c) && before == Some(' ');
    }
    let edge = |c: Option<&char>| c.is_some_and(|c| *c == ' ' || is_break(*c));
    let edges = edge(characters.first()) || edge(characters.last());
    let broken = space_break || special;
    Analysis {
        multiline: breaks,
        plain: !(edges || break_space || broken || breaks || indicators),
        single_quoted: !(break_space || broken),
        block: !(characters.last() == Some(&' ') || broken),
    }
}

fn literal(text: &str, indent: usize) -> String {
    let mut out = String::from("|");
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.trim_end_matches('\n').is_empty() || text.ends_with("\n\n") {
        out.push('+');
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
    }
    out
}
