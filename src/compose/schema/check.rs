//! A tree against the rules.
//! Reads a tree; returns its violations, the deepest ones where alternatives fail.
//! Never stops at the first violation.

use super::rule::{Rule, RuleId, Schema, types};
use crate::compose::error::nearest;
use crate::compose::value::{Map, Node, Position, Value};

/// One violation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    /// Where in the tree.
    pub path: Vec<String>,
    /// Where in the file.
    pub at: Position,
    /// What is wrong.
    pub message: String,
    /// The valid name nearest to the one written.
    pub nearest: Option<String>,
    /// How close to the mark the alternative came: deeper is closer.
    depth: usize,
    /// The types that would have fitted here, when the type is what is wrong.
    wanted: u8,
}

/// All violations of a whole compose file.
pub(crate) fn violations(schema: &Schema, root: &Node) -> Vec<Violation> {
    let mut check = Check { schema, path: Vec::new(), found: Vec::new() };
    check.node(root, schema.root());
    check.found
}

struct Check<'s> {
    schema: &'s Schema,
    path: Vec<String>,
    found: Vec<Violation>,
}

impl<'s> Check<'s> {
    fn report(&mut self, at: Position, message: impl Into<String>) {
        let (path, depth) = (self.path.clone(), self.path.len());
        self.found.push(Violation { path, at, message: message.into(), nearest: None, depth, wanted: 0 });
    }

    fn node(&mut self, node: &Node, id: RuleId) {
        let schema = self.schema;
        let rule = schema.rule(id);
        if rule.types != 0 && rule.types & type_of(&node.value) == 0 {
            let message = wrong_type(rule.types, &node.value);
            self.report(node.at, message);
            if let Some(last) = self.found.last_mut() {
                last.wanted = rule.types;
            }
            return;
        }
        self.scalar(node, rule);
        match &node.value {
            Value::Float(value) if !value.is_finite() => self.report(node.at, "must be a finite number"),
            Value::Map(map) => self.map(node, map, id),
            Value::List(list) => self.list(list, rule),
            _ => {}
        }
        self.alternatives(node, &rule.alternatives);
    }

    fn scalar(&mut self, node: &Node, rule: &Rule) {
        if !rule.allowed.is_empty() && !node.as_str().is_some_and(|text| rule.allowed.iter().any(|one| one == text)) {
            self.report(node.at, format!("must be one of {}", rule.allowed.join(", ")));
            if let (Some(last), Some(text)) = (self.found.last_mut(), node.as_str()) {
                last.nearest = nearest(text, rule.allowed.iter().map(String::as_str));
            }
        }
        if let (Some(pattern), Some(text)) = (rule.pattern, node.as_str())
            && !pattern.fits(text)
        {
            self.report(node.at, format!("must be {}, got {text:?}", pattern.wanted()));
        }
        let Some(number) = number(&node.value) else { return };
        if let Some(least) = rule.minimum.filter(|least| number < *least) {
            self.report(node.at, format!("must be greater than or equal to {least}"));
        }
        if let Some(most) = rule.maximum.filter(|most| number > *most) {
            self.report(node.at, format!("must be less than or equal to {most}"));
        }
    }

    fn map(&mut self, node: &Node, map: &Map, id: RuleId) {
        let schema = self.schema;
        let rule = schema.rule(id);
        for name in rule.required.iter().filter(|name| !map.contains_key(*name)) {
            self.report(node.at, format!("missing property `{name}`"));
        }
        if !rule.one_of_keys.is_empty() && !rule.one_of_keys.iter().any(|key| map.contains_key(key)) {
            self.report(node.at, format!("needs one of {}", rule.one_of_keys.join(", ")));
        }
        for (key, child) in map {
            self.path.push(key.clone());
            self.property(key, child, id);
            self.path.pop();
        }
    }

    fn property(&mut self, key: &str, child: &Node, id: RuleId) {
        let schema = self.schema;
        let rule = schema.rule(id);
        if let Some(property) = schema.property(id, key) {
            self.node(child, property);
        } else if let Some((_, property)) = rule.keys.filter(|(pattern, _)| pattern.fits(key)) {
            self.node(child, property);
        } else if rule.closed && !(rule.extensible && key.starts_with("x-")) {
            self.unknown(key, child, id);
        }
    }

    fn unknown(&mut self, key: &str, child: &Node, id: RuleId) {
        let at = if child.key_at.line > 0 { child.key_at } else { child.at };
        let rule = self.schema.rule(id);
        let mut names = Vec::new();
        self.schema.known(id, &mut names);
        if names.is_empty()
            && let Some((pattern, _)) = rule.keys
        {
            self.report(at, format!("invalid name: must be {}", pattern.wanted()));
            return;
        }
        self.report(at, "unknown key");
        if let Some(last) = self.found.last_mut() {
            last.nearest = nearest(key, names);
            last.depth += 1;
        }
    }

    fn list(&mut self, list: &[Node], rule: &Rule) {
        if let Some(items) = rule.items {
            for (number, item) in list.iter().enumerate() {
                let index = format!("[{number}]");
                self.path.push(index);
                self.node(item, items);
                self.path.pop();
            }
        }
        if rule.unique {
            for (number, item) in list.iter().enumerate() {
                if let Some(first) = list[..number].iter().position(|other| other == item) {
                    self.report(item.at, format!("items at {first} and {number} are equal"));
                }
            }
        }
    }

    /// One of the parts must fit; else the nearest miss is reported.
    fn alternatives(&mut self, node: &Node, parts: &[RuleId]) {
        if parts.is_empty() {
            return;
        }
        let mut misses: Vec<Vec<Violation>> = Vec::new();
        for part in parts {
            let mut check = Check { schema: self.schema, path: self.path.clone(), found: Vec::new() };
            check.node(node, *part);
            if check.found.is_empty() {
                return;
            }
            misses.push(check.found);
        }
        self.nearest_miss(node, misses);
    }

    fn nearest_miss(&mut self, node: &Node, misses: Vec<Vec<Violation>>) {
        let here = self.path.len();
        let wrong_here =
            |miss: &Vec<Violation>| miss.iter().any(|violation| violation.wanted != 0 && violation.depth == here);
        if misses.iter().all(wrong_here) {
            let wanted = misses.iter().flatten().fold(0, |all, violation| all | violation.wanted);
            self.report(node.at, wrong_type(wanted, &node.value));
            if let Some(last) = self.found.last_mut() {
                last.wanted = wanted;
            }
            return;
        }
        let deepest = |miss: &Vec<Violation>| miss.iter().map(|violation| violation.depth).max().unwrap_or(0);
        let best = misses.into_iter().filter(|miss| !wrong_here(miss)).max_by_key(deepest);
        self.found.extend(best.into_iter().flatten());
    }
}

fn type_of(value: &Value) -> u8 {
    match value {
        Value::Null => types::NULL,
        Value::Bool(_) => types::BOOLEAN,
        Value::Int(_) | Value::Uint(_) => types::INTEGER,
        Value::Float(value) if value.fract() == 0.0 => types::INTEGER,
        Value::Float(_) => types::NUMBER,
        Value::Str(_) | Value::Time(_) => types::STRING,
        Value::List(_) => types::ARRAY,
        Value::Map(_) => types::OBJECT,
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Uint(_) => Some(i64::MAX),
        #[expect(clippy::cast_possible_truncation, reason = "bounds are small")]
        Value::Float(value) => Some(*value as i64),
        _ => None,
    }
}

fn wrong_type(wanted: u8, value: &Value) -> String {
    const NAMES: [(u8, &str); 7] = [
        (types::OBJECT, "a mapping"),
        (types::ARRAY, "a list"),
        (types::STRING, "a string"),
        (types::NUMBER, "a number"),
        (types::INTEGER, "an integer"),
        (types::BOOLEAN, "true or false"),
        (types::NULL, "nothing"),
    ];
    let whole_only = wanted & types::NUMBER == 0;
    let fits = |bit: u8| wanted & bit != 0 && (bit != types::INTEGER || whole_only);
    let names: Vec<&str> = NAMES.iter().filter(|(bit, _)| fits(*bit)).map(|(_, name)| *name).collect();
    let got = match value {
        Value::Null => "nothing".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
        Value::Str(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::Str(_) => "a string".to_owned(),
        other => crate::compose::go::text::sprint(other),
    };
    let wanted = match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "a value of another type".to_owned(),
    };
    format!("must be {wanted}, got {got}")
}

#[cfg(test)]
mod tests {
    use super::{Violation, violations};
    use crate::compose::schema::schema;
    use crate::compose::yaml::parse;

    fn found(text: &str) -> Vec<Violation> {
        violations(schema(), &parse(text, 0).unwrap().remove(0).root)
    }

    fn shown(text: &str) -> Vec<String> {
        let line = |v: Violation| format!("{}:{} {} {}", v.at.line, v.at.column, v.path.join("."), v.message);
        found(text).into_iter().map(line).collect()
    }

    #[test]
    fn an_unknown_key_names_the_nearest_one() {
        let violation = found("services:\n  web:\n    imag: nginx\n").remove(0);
        assert_eq!((violation.at.line, violation.at.column), (3, 5));
        assert_eq!(violation.nearest.as_deref(), Some("image"));
    }

    #[test]
    fn several_violations_are_found_at_once() {
        let text = "services:\n  web:\n    image: [a]\n    privileged: {}\n    restart: 1\nvolums: {}\n";
        assert_eq!(found(text).len(), 4);
    }

    #[test]
    fn wrong_types_say_what_was_expected() {
        let cases = [
            ("services: {w: {image: 1}}", "1:23 services.w.image must be a string, got 1"),
            ("services: {w: {ports: 80}}", "1:23 services.w.ports must be a list, got 80"),
            (
                "services: {w: {command: {}}}",
                "1:25 services.w.command must be a list, a string or nothing, got a mapping",
            ),
            ("services: []", "1:11 services must be a mapping, got a list"),
            (
                "services: {w: {depends_on: {x: {condition: up}}}}",
                "1:44 services.w.depends_on.x.condition must be one of service_started, service_healthy, service_completed_successfully",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_compose_accepts_is_accepted() {
        let text = "services: {w: {image: a, ports: [80, '1:2', {target: 3}], command: null, x-any: 1, networks: {a: }, \
                    environment: [A=1], build: ., gpus: all, ulimits: {nofile: 3}}}\nx-top: {}\nnetworks: {a: {}}";
        assert_eq!(shown(text), Vec::<String>::new());
    }
}
