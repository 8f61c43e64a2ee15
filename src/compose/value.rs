//! The tree every compose file becomes: a value at each node, and where it was written.
//! Reads nothing itself; the YAML reader builds it, merging and interpolation rewrite it, the model is decoded from it.
//! Never interprets compose keys.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a node was written: a file (index into the load's file table), a line and a column, both from 1; 0 is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Index into the table of files that were read.
    pub file: u16,
    /// Line, from 1; 0 when the node was not read from a file.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// A mapping in the order it was written.
pub type Map = IndexMap<String, Node>;

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`, `~` or nothing.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above the signed range.
    Uint(u64),
    /// A number with a fraction, or an infinity.
    Float(f64),
    /// Text.
    Str(String),
    /// A timestamp, kept as it was written.
    Time(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A value and where it was written. Equality looks at the value only.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// What the node holds.
    pub value: Value,
    /// Where the value was written.
    pub at: Position,
    /// Where its key was written, when it stands in a mapping.
    pub key_at: Position,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// A node at a known place.
    pub fn new(value: Value, at: Position) -> Self {
        Self { value, at, key_at: at }
    }

    /// Text at a known place.
    pub fn text(text: impl Into<String>, at: Position) -> Self {
        Self::new(Value::Str(text.into()), at)
    }

    /// The mapping, when it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The mapping to change, when it is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The sequence, when it is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The sequence to change, when it is one.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The text to change, when it is text.
    pub fn as_str_mut(&mut self) -> Option<&mut String> {
        match &mut self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The child of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The child of a mapping, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key)
    }

    /// Puts a child at this node's own place, when it is a mapping.
    pub fn set(&mut self, key: &str, value: Value) {
        let at = self.at;
        if let Some(map) = self.as_map_mut() {
            map.insert(key.to_owned(), Node::new(value, at));
        }
    }
}

impl<V: Into<Value>> From<V> for Node {
    fn from(value: V) -> Self {
        Self::new(value.into(), Position::default())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Node>> for Value {
    fn from(list: Vec<Node>) -> Self {
        Self::List(list)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl Serialize for Value {
    /// Maps are written sorted by key, numbers as Go's encoder writes them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Uint(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(text) | Self::Time(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Map(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| key.as_str());
                serializer.collect_map(entries)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Value::deserialize(deserializer).map(Node::from)
    }
}

impl From<serde_json::Value> for Node {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(value), _, _) => Value::Int(value),
                (_, Some(value), _) => Value::Uint(value),
                (_, _, value) => Value::Float(value.unwrap_or_default()),
            },
            Json::String(text) => Value::Str(text),
            Json::Array(list) => Value::List(list.into_iter().map(Node::from).collect()),
            Json::Object(map) => Value::Map(map.into_iter().map(|(key, value)| (key, Node::from(value))).collect()),
        };
        Self::from(value)
    }
}
