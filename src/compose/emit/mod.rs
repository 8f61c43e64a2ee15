//! YAML text as Compose's `config` prints it.
//! Reads a tree whose mappings are in print order; returns the text.
//! Never sorts and never drops anything.

mod scalar;

use scalar::{ScalarPosition, is_break, write_scalar};

use super::go::float;
use super::value::{Map, Node, Value};

/// Columns one level takes.
const STEP: usize = 2;
/// A longer key, or one of several lines, needs the `?` form.
const LONGEST_SIMPLE_KEY: usize = 128;

/// The text of a tree.
pub fn to_yaml(value: &Value) -> String {
    let mut out = Text::default();
    match value {
        Value::Map(map) if !map.is_empty() => out.map(map, 0),
        Value::List(list) if !list.is_empty() => out.list(list, 0),
        other => {
            out.leaf(other, ScalarPosition::default());
            out.text.push('\n');
        }
    }
    out.text
}

/// Every dollar sign doubled, so that the text can be interpolated again.
pub fn escape_dollars(text: &str) -> String {
    text.replace('$', "$$")
}

#[derive(Default)]
struct Text {
    text: String,
}

impl Text {
    fn indent(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }

    /// The column the next character goes to.
    fn column(&self) -> usize {
        let line = self.text.rfind('\n').map_or(0, |at| at + 1);
        self.text[line..].chars().count()
    }

    /// A mapping's entries; the first one goes where the text stands.
    fn map(&mut self, map: &Map, indent: usize) {
        for (number, (key, child)) in map.iter().enumerate() {
            if number > 0 {
                self.indent(indent);
            } else {
                let missing = indent.saturating_sub(self.column());
                self.indent(missing);
            }
            let simple = self.key(key, indent);
            self.value(&child.value, (indent, simple));
        }
    }

    /// Writes a key and its colon; says whether the key needed no `?`.
    fn key(&mut self, key: &str, indent: usize) -> bool {
        let simple = key.len() <= LONGEST_SIMPLE_KEY && !key.contains(is_break);
        if simple {
            self.leaf(&Value::Str(key.to_owned()), ScalarPosition { key: true, indent: indent + STEP, column: 0 });
        } else {
            self.text.push_str("? ");
            let column = self.column();
            self.leaf(&Value::Str(key.to_owned()), ScalarPosition { key: false, indent: indent + STEP, column });
            self.end_line();
            self.indent(indent);
        }
        self.text.push(':');
        simple
    }

    fn value(&mut self, value: &Value, (indent, simple): (usize, bool)) {
        // After a `?` key a collection begins in the line of the colon.
        let gap = if simple { '\n' } else { ' ' };
        match value {
            Value::Map(map) if !map.is_empty() => {
                self.text.push(gap);
                self.map(map, indent + STEP);
            }
            Value::List(list) if !list.is_empty() => {
                self.text.push(gap);
                self.list(list, indent + STEP);
            }
            other => {
                self.text.push(' ');
                self.line(other, indent);
            }
        }
    }

    fn list(&mut self, list: &[Node], indent: usize) {
        for (number, item) in list.iter().enumerate() {
            if number > 0 {
                self.indent(indent);
            } else {
                let missing = indent.saturating_sub(self.column());
                self.indent(missing);
            }
            self.text.push_str("- ");
            match &item.value {
                Value::Map(map) if !map.is_empty() => self.map(map, indent + STEP),
                Value::List(list) if !list.is_empty() => self.list(list, indent + STEP),
                other => self.line(other, indent),
            }
        }
    }

    /// A value that ends its line.
    fn line(&mut self, value: &Value, indent: usize) {
        let column = self.column();
        self.leaf(value, ScalarPosition { key: false, indent: indent + STEP, column });
        self.end_line();
    }

    /// A block text that ends with a break of any kind has ended its line.
    fn end_line(&mut self) {
        if !self.text.ends_with(is_break) {
            self.text.push('\n');
        }
    }

    fn leaf(&mut self, value: &Value, place: ScalarPosition) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => self.text.push_str(&value.to_string()),
            Value::Uint(value) => self.text.push_str(&value.to_string()),
            Value::Float(value) => self.text.push_str(&float::yaml(*value)),
            Value::Time(text) => self.text.push_str(text),
            Value::Str(text) => write_scalar(&mut self.text, text, place),
            Value::List(_) => self.text.push_str("[]"),
            Value::Map(_) => self.text.push_str("{}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::to_yaml;
    use crate::compose::yaml::parse;

    #[test]
    fn what_is_printed_reads_back_and_prints_the_same() {
        let text = "\
a: 1
b:
  - x
  - - 1
    - 2
  - k: v
    l: []
c:
  d: {}
  e: null
s: \"1\"
t: 'yes'
u: '- x'
v: |-
  two
  lines
w: \"a\\tb\"
";
        let root = parse(text, 0).unwrap().remove(0).root;
        assert_eq!(to_yaml(&root.value), text);
    }

    #[test]
    fn long_text_is_folded_after_eighty_columns() {
        let words: Vec<String> = (0..30).map(|n| format!("word{n}")).collect();
        let root = parse(&format!("k: {}", words.join(" ")), 0).unwrap().remove(0).root;
        let printed = to_yaml(&root.value);
        assert!(printed.lines().count() > 1);
        assert!(printed.lines().skip(1).all(|line| line.starts_with("  word")));
        assert_eq!(parse(&printed, 0).unwrap().remove(0).root, root);
    }
}
