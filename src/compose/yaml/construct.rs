//! Raw nodes to values: scalars resolved, aliases expanded, merge keys applied, keys checked.
//! Reads an arena; returns the positioned tree.
//! Never expands more than a fixed share of the document through aliases.

use std::collections::HashMap;

use super::compose::{Arena, Kind, Raw};
use super::error::YamlError;
use super::scalar;
use crate::compose::value::{Map, Node, Position, Value};

/// Aliases may always expand to this many nodes.
const FREE_ALIASES: usize = 10_000;
/// No document may expand beyond this.
const MAX_EXPANDED: usize = 400_000;

/// The tree of a document.
pub(super) fn construct(arena: &Arena) -> Result<Node, YamlError> {
    let Some(root) = arena.root else {
        return Ok(Node::default());
    };
    Constructor { arena, active: Vec::new(), expanded: 0 }.node(root)
}

struct Constructor<'a> {
    arena: &'a Arena,
    /// Aliases being expanded.
    active: Vec<usize>,
    /// Nodes made through aliases.
    expanded: usize,
}

impl Constructor<'_> {
    fn node(&mut self, number: usize) -> Result<Node, YamlError> {
        let raw = &self.arena.nodes[number];
        self.count(raw)?;
        let value = match &raw.kind {
            Kind::Scalar { text, plain } => {
                scalar::resolve(raw.tag.as_deref(), text, *plain).map_err(|message| YamlError::new(raw.at, message))?
            }
            Kind::List(items) => self.list(items)?,
            Kind::Map(pairs) => Value::Map(self.map(pairs)?),
            Kind::Alias(target) => return self.alias(*target, raw.at),
        };
        Ok(Node::new(value, raw.at))
    }

    fn count(&mut self, raw: &Raw) -> Result<(), YamlError> {
        if self.active.is_empty() {
            return Ok(());
        }
        self.expanded += 1;
        let written = self.arena.nodes.len();
        if self.expanded > MAX_EXPANDED || (self.expanded > FREE_ALIASES && self.expanded > written * 100) {
            return Err(YamlError::new(raw.at, "document contains excessive aliasing"));
        }
        Ok(())
    }

    fn alias(&mut self, target: usize, at: Position) -> Result<Node, YamlError> {
        if self.active.contains(&target) {
            return Err(YamlError::new(at, "the value of an anchor contains itself"));
        }
        self.active.push(target);
        let node = self.node(target);
        self.active.pop();
        node
    }

    fn list(&mut self, items: &[usize]) -> Result<Value, YamlError> {
        let mut list = Vec::with_capacity(items.len());
        let arena = self.arena;
        for item in items.iter().copied().filter(|item| !is_reset(arena, *item)) {
            list.push(self.node(item)?);
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, pairs: &[(usize, usize)]) -> Result<Map, YamlError> {
        self.refuse_repeated_keys(pairs)?;
        let mut map = Map::with_capacity(pairs.len());
        let mut merge = None;
        let arena = self.arena;
        for (key, value) in pairs.iter().copied().filter(|(_, value)| !is_reset(arena, *value)) {
            if self.is_merge(key) {
                merge = Some(value);
                continue;
            }
            let name = self.key(key)?;
            let mut node = self.node(value)?;
            node.key_at = self.arena.nodes[key].at;
            map.insert(name, node);
        }
        if let Some(merge) = merge {
            self.merge(merge, &mut map)?;
        }
        Ok(map)
    }

    fn refuse_repeated_keys(&self, pairs: &[(usize, usize)]) -> Result<(), YamlError> {
        let mut seen = HashMap::with_capacity(pairs.len());
        for (key, _) in pairs {
            let raw = &self.arena.nodes[*key];
            let Kind::Scalar { text, .. } = &raw.kind else { continue };
            if let Some(first) = seen.insert(text.as_str(), raw.at.line) {
                return Err(YamlError::new(raw.at, format!("mapping key {text:?} already defined at line {first}")));
            }
        }
        Ok(())
    }

    fn key(&mut self, number: usize) -> Result<String, YamlError> {
        let node = self.node(number)?;
        let at = self.arena.nodes[number].at;
        match node.value {
            Value::Str(text) => Ok(text),
            Value::Map(_) | Value::List(_) => Err(YamlError::new(at, "a mapping or a list cannot be a key")),
            other => {
                let shown = match &self.arena.nodes[number].kind {
                    Kind::Scalar { text, .. } => text.clone(),
                    _ => crate::compose::go::text::sprint(&other),
                };
                Err(YamlError::new(at, format!("non-string key {shown}: put it in quotes")))
            }
        }
    }

    /// Fills in what the mapping does not say itself; of several sources the first one wins.
    fn merge(&mut self, number: usize, map: &mut Map) -> Result<(), YamlError> {
        let raw = &self.arena.nodes[target(self.arena, number)];
        let sources = match &raw.kind {
            Kind::Map(_) => vec![number],
            Kind::List(items) => items.clone(),
            Kind::Scalar { .. } | Kind::Alias(_) => Vec::new(),
        };
        if sources.is_empty() && !matches!(raw.kind, Kind::List(_)) {
            return Err(not_mergeable(self.arena.nodes[number].at));
        }
        for source in sources {
            let node = self.node(source)?;
            let Value::Map(other) = node.value else {
                return Err(not_mergeable(self.arena.nodes[source].at));
            };
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
        }
        Ok(())
    }

    fn is_merge(&self, key: usize) -> bool {
        let raw = &self.arena.nodes[key];
        match (&raw.kind, raw.tag.as_deref()) {
            (Kind::Scalar { text, plain: true }, None) => text == "<<",
            (Kind::Scalar { .. }, Some("!!merge")) => true,
            _ => false,
        }
    }
}

fn is_reset(arena: &Arena, number: usize) -> bool {
    arena.has_resets && arena.nodes[target(arena, number)].tag.as_deref() == Some("!reset")
}

fn target(arena: &Arena, number: usize) -> usize {
    match arena.nodes[number].kind {
        Kind::Alias(target) => target,
        _ => number,
    }
}

fn not_mergeable(at: Position) -> YamlError {
    YamlError::new(at, "map merge requires map or sequence of maps as the value")
}
