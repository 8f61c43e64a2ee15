//! What decoding a node into a typed value needs: the trait, the path it is at, and what did not fit.
//! Reads nodes.
//! Never fails: what does not fit is collected.

use crate::compose::go::text::sprint;
use crate::compose::value::{Node, Position, Value};

/// A value that does not fit its field.
#[derive(Debug, Clone)]
pub(crate) struct Misfit {
    pub key: String,
    pub at: Position,
    pub message: String,
}

/// What a decoding carries along.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(super) path: Vec<String>,
    /// Everything that did not fit.
    pub misfits: Vec<Misfit>,
}

/// A type that can be read from a node.
pub(crate) trait Decode: Sized + Default {
    /// Whether any scalar is taken by its text.
    const TEXT: bool = false;

    /// Whether a name alone is kept as one without a value: what environments are.
    const UNSET: bool = false;

    /// Reads a node.
    fn decode(node: &Node, context: &mut Context) -> Self;

    /// Reads a value of a mapping, where null may mean something.
    fn decode_value(node: &Node, context: &mut Context) -> Self {
        if node.is_null() { Self::default() } else { Self::decode(node, context) }
    }

    /// Reads an entry of a list that stands for a mapping: `key=value`, or a key alone.
    fn from_pair(_value: Option<&str>) -> Option<Self> {
        None
    }

    /// Reads an entry of a mapping that stands for a list.
    fn from_entry(_key: &str, _node: &Node) -> Option<Self> {
        None
    }
}

impl Context {
    /// Reports a value that does not fit.
    pub(crate) fn misfit(&mut self, node: &Node, message: impl Into<String>) {
        self.misfits.push(Misfit { key: self.path.join(".").replace(".[", "["), at: node.at, message: message.into() });
    }

    /// The entries of a struct's mapping that have a value; an extension may be null.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node) -> impl Iterator<Item = (&'n String, &'n Node)> + use<'n> {
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            self.misfit(node, format!("must be a mapping, got {}", sprint(&node.value)));
        }
        node.as_map().into_iter().flatten().filter(|(key, child)| !child.is_null() || key.starts_with("x-"))
    }

    /// Reads something below a key.
    pub(crate) fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let value = read(self);
        self.path.pop();
        value
    }
}
