//! The shape of a compose file as rules that can be walked.
//! Reads the table of shapes embedded in the binary; returns rules by number.
//! Never meets another table: what the notation cannot say is left out there.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::pattern::Pattern;

/// A rule's number.
pub(super) type RuleId = usize;

/// The types of values, as bits.
pub(super) mod types {
    pub const NULL: u8 = 1;
    pub const BOOLEAN: u8 = 2;
    pub const INTEGER: u8 = 4;
    pub const NUMBER: u8 = 8;
    pub const STRING: u8 = 16;
    pub const ARRAY: u8 = 32;
    pub const OBJECT: u8 = 64;
}

/// What a value must fulfil.
#[derive(Debug, Default, Clone)]
pub(super) struct Rule {
    /// Allowed types as bits; 0 allows all.
    pub types: u8,
    pub properties: BTreeMap<String, RuleId>,
    /// Keys of a pattern, and the rule of their values.
    pub keys: Option<(Pattern, RuleId)>,
    /// Whether keys that are not known are refused.
    pub closed: bool,
    /// Whether `x-` keys are allowed.
    pub extensible: bool,
    /// Rules whose keys are known here too.
    pub parents: Vec<RuleId>,
    pub items: Option<RuleId>,
    /// At least one of these must fit.
    pub alternatives: Vec<RuleId>,
    /// At least one of these keys must be there.
    pub one_of_keys: Vec<String>,
    pub allowed: Vec<String>,
    pub required: Vec<String>,
    pub minimum: Option<i64>,
    pub maximum: Option<i64>,
    pub unique: bool,
    pub pattern: Option<Pattern>,
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    rules: Vec<Rule>,
    names: HashMap<String, RuleId>,
}

/// The rules, read at their first use.
pub(crate) fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = Schema::default();
        schema.read(include_str!("shapes.txt"));
        schema
    })
}

impl Schema {
    /// The rule of a whole file.
    pub(super) fn root(&self) -> RuleId {
        self.names.get("file").copied().unwrap_or_default()
    }

    pub(super) fn rule(&self, id: RuleId) -> &Rule {
        &self.rules[id]
    }

    /// The rule of a key, here or in a parent.
    pub(super) fn property(&self, id: RuleId, key: &str) -> Option<RuleId> {
        let rule = self.rule(id);
        let own = rule.properties.get(key).copied();
        own.or_else(|| rule.parents.iter().find_map(|parent| self.property(*parent, key)))
    }

    /// Every key a rule knows, through its parents.
    pub(super) fn known<'s>(&'s self, id: RuleId, names: &mut Vec<&'s str>) {
        let rule = self.rule(id);
        names.extend(rule.properties.keys().map(String::as_str));
        rule.parents.iter().for_each(|parent| self.known(*parent, names));
    }

    fn read(&mut self, table: &str) {
        let mut block = None;
        for line in table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            if let Some(entry) = line.strip_prefix("  ") {
                if let Some(id) = block {
                    self.entry(id, entry);
                }
            } else if let Some((name, text)) = line.split_once(" = ") {
                let id = self.named(name.trim());
                self.rules[id] = Types { text }.read(self);
            } else {
                block = Some(self.header(line));
            }
        }
    }

    /// The number of a name, which may be defined further down.
    fn named(&mut self, name: &str) -> RuleId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.add(Rule::default());
        self.names.insert(name.to_owned(), id);
        id
    }

    fn add(&mut self, rule: Rule) -> RuleId {
        self.rules.push(rule);
        self.rules.len() - 1
    }

    fn header(&mut self, line: &str) -> RuleId {
        let (head, parents) = line.split_once(':').unwrap_or((line, ""));
        let (name, mode) = head.split_once(' ').unwrap_or((head, ""));
        let id = self.named(name);
        let parents = parents.split_whitespace().map(|parent| self.named(parent)).collect();
        let (closed, extensible) = (mode != "loose", mode.is_empty());
        self.rules[id] = Rule { types: types::OBJECT, closed, extensible, parents, ..Rule::default() };
        id
    }

    fn entry(&mut self, block: RuleId, line: &str) {
        if let Some(keys) = line.strip_prefix('?') {
            self.rules[block].one_of_keys = keys.split_whitespace().map(str::to_owned).collect();
            return;
        }
        let (key, text) = line.split_once(' ').unwrap_or((line, "any"));
        let id = Types { text }.id(self);
        let name = key.strip_suffix('*').unwrap_or(key).to_owned();
        if key.ends_with('*') {
            self.rules[block].required.push(name.clone());
        }
        self.rules[block].properties.insert(name, id);
    }
}

/// A type expression of the table.
struct Types<'t> {
    text: &'t str,
}

impl Types<'_> {
    fn id(&self, schema: &mut Schema) -> RuleId {
        let text = self.text.trim();
        if text.chars().all(|c| c.is_ascii_lowercase() || c == '_') && basic(text).is_none() {
            return schema.named(text);
        }
        let rule = self.read(schema);
        schema.add(rule)
    }

    /// The rule of alternatives; simple types become one rule, so that messages name them together.
    fn read(&self, schema: &mut Schema) -> Rule {
        let parts = split(self.text);
        if let [single] = parts[..] {
            return Self::single(single, schema);
        }
        let simple: Option<u8> = parts.iter().map(|part| basic(part)).try_fold(0, |all, bits| Some(all | bits?));
        if let Some(types) = simple {
            return Rule { types, ..Rule::default() };
        }
        let alternatives = parts.iter().map(|text| Types { text }.id(schema)).collect();
        Rule { alternatives, ..Rule::default() }
    }

    fn single(text: &str, schema: &mut Schema) -> Rule {
        if let Some(types) = basic(text) {
            return Rule { types, ..Rule::default() };
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.trim_end_matches('!').strip_suffix(']')) {
            let items = Some(Types { text: inner }.id(schema));
            return Rule { types: types::ARRAY, items, unique: text.ends_with('!'), ..Rule::default() };
        }
        if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            return Self::keyed(inner, schema);
        }
        match text.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
            Some(("one", words)) => {
                let allowed = words.split(',').map(str::to_owned).collect();
                Rule { types: types::STRING, allowed, ..Rule::default() }
            }
            Some(("words", pattern)) => {
                Rule { types: types::STRING, pattern: Pattern::named(pattern), ..Rule::default() }
            }
            Some((_, range)) => {
                let (least, most) = range.split_once("..").unwrap_or((range, range));
                let (minimum, maximum) = (least.parse().ok(), most.parse().ok());
                Rule { types: types::INTEGER, minimum, maximum, ..Rule::default() }
            }
            None => Rule { alternatives: vec![schema.named(text)], ..Rule::default() },
        }
    }

    fn keyed(inner: &str, schema: &mut Schema) -> Rule {
        let (pattern, text) = match inner.split_once(' ') {
            Some(("name", rest)) => (Pattern::Name, rest),
            Some(("lower", rest)) => (Pattern::Lowercase, rest),
            _ => (Pattern::Filled, inner),
        };
        let keys = Some((pattern, Types { text }.id(schema)));
        Rule { types: types::OBJECT, keys, closed: pattern == Pattern::Name, ..Rule::default() }
    }
}

fn basic(text: &str) -> Option<u8> {
    Some(match text.trim() {
        "any" => 0,
        "null" => types::NULL,
        "bool" => types::BOOLEAN,
        "whole" => types::INTEGER,
        "number" => types::NUMBER | types::INTEGER,
        "text" => types::STRING,
        _ => return None,
    })
}

/// The alternatives of an expression, split outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::schema;

    #[test]
    fn every_name_of_the_table_is_defined() {
        let schema = schema();
        for (name, id) in &schema.names {
            let rule = schema.rule(*id);
            let defined = rule.types != 0 || !rule.alternatives.is_empty();
            assert!(defined, "{name} is used but not defined");
        }
        assert!(schema.names.len() > 50);
    }
}
