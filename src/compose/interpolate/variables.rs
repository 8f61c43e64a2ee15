//! Which variables a tree uses, with their defaults: what `config --variables` lists.
//! Reads an uninterpolated tree; returns each variable once.
//! Never looks a value up.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compose::value::{Node, Value};

/// A variable and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Taken when it is unset.
    pub default_value: String,
    /// Taken when it is set.
    pub presence_value: String,
    /// Whether it must have a value.
    pub required: bool,
    /// Whether it stands somewhere as `$NAME` or `${NAME}`: without a value it becomes empty there.
    #[serde(skip)]
    pub plain: bool,
}

/// The variables of a tree.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    /// Each variable by name.
    pub variables: BTreeMap<String, Variable>,
    /// Whether references are inside each other more deeply than interpolation follows; deeper ones are not listed.
    pub too_deep: bool,
}

/// All variables of a tree.
pub(crate) fn extract(root: &Node) -> Extracted {
    let mut found = Extracted::default();
    found.visit(root);
    found
}

impl Extracted {
    fn visit(&mut self, node: &Node) {
        match &node.value {
            Value::Str(text) => self.text(text, 0),
            Value::Map(map) => map.values().for_each(|child| self.visit(child)),
            Value::List(list) => list.iter().for_each(|child| self.visit(child)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, depth: usize) {
        if depth > super::DEEPEST {
            self.too_deep = true;
            return;
        }
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (length, inner, tail) = super::template::located(&rest[at..]);
            if let Some(inner) = inner {
                self.add(inner, depth);
            }
            rest = &rest[at + length - tail.map_or(0, str::len)..];
        }
    }

    fn add(&mut self, inner: &str, depth: usize) {
        let end = inner.find(|c: char| !(c == '_' || c.is_ascii_alphanumeric())).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(end);
        let mut variable = Variable { name: name.to_owned(), ..Variable::default() };
        if rest.is_empty() {
            variable.plain = true;
        } else if rest.starts_with(":?") || rest.starts_with('?') {
            variable.required = true;
        } else if let Some(value) = rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-')) {
            value.clone_into(&mut variable.default_value);
        } else if let Some(value) = rest.strip_prefix(":+").or_else(|| rest.strip_prefix('+')) {
            value.clone_into(&mut variable.presence_value);
        }
        let nested = [variable.default_value.clone(), variable.presence_value.clone()];
        combine(variable, &mut self.variables);
        nested.iter().for_each(|text| self.text(text, depth + 1));
    }
}

fn combine(variable: Variable, found: &mut BTreeMap<String, Variable>) {
    let Some(known) = found.get_mut(&variable.name) else {
        found.insert(variable.name.clone(), variable);
        return;
    };
    known.required |= variable.required;
    known.plain |= variable.plain;
    if known.default_value.is_empty() {
        known.default_value = variable.default_value;
    }
    if known.presence_value.is_empty() {
        known.presence_value = variable.presence_value;
    }
}

#[cfg(test)]
mod tests {
    use super::extract;
    use crate::compose::value::Node;

    #[test]
    fn variables_are_found_with_their_defaults() {
        let node = Node::from("${A:-x${B}} $C ${D:?need} $$E ${A} ${F:+on}");
        let found = extract(&node).variables;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["A", "B", "C", "D", "F"]);
        assert_eq!(found["A"].default_value, "x${B}");
        assert!(found["D"].required);
        assert!(found["C"].plain && found["A"].plain && !found["D"].plain && !found["F"].plain);
        assert_eq!(found["F"].presence_value, "on");
    }
}
