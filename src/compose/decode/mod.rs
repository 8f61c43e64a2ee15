//! The canonical tree to the typed model.
//! Reads nodes, returns values; what does not fit is collected with its place, and the default stands in.
//! Never fills in a compose default: the tree has them already.

mod lists;
mod scalars;

use super::go::text::sprint;
use super::model::{ConfigSource, Extensions, Job, Model, Network, SecretSource, Service, Stack, Volume};
use super::value::{Node, Position, Value};

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
    path: Vec<String>,
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

/// Reads a whole project's sections; name, directory and environment are the loader's.
pub(crate) fn stack(root: &Node, context: &mut Context) -> Stack {
    let mut stack = Stack::default();
    for (key, child) in context.entries(root) {
        context.path.push(key.clone());
        match key.as_str() {
            "services" => stack.services = section::<Service>(child, context),
            "jobs" => stack.jobs = section::<Job>(child, context),
            "networks" => stack.networks = section::<Network>(child, context),
            "volumes" => stack.volumes = section::<Volume>(child, context),
            "secrets" => stack.secrets = section::<SecretSource>(child, context),
            "configs" => stack.configs = section::<ConfigSource>(child, context),
            "models" => stack.models = section::<Model>(child, context),
            key if key.starts_with("x-") => {
                stack.extensions.insert(key.to_owned(), child.clone());
            }
            _ => {}
        }
        context.path.pop();
    }
    verbatim(root, &["services", "*", "storage_opt"], context);
    verbatim(root, &["jobs", "*", "storage_opt"], context);
    verbatim(root, &["secrets", "*", "driver_opts"], context);
    stack
}

/// Options Compose reads as they are: other than in most mappings, a boolean or a fraction is no text there.
fn verbatim(node: &Node, path: &[&str], context: &mut Context) {
    let Some((key, rest)) = path.split_first() else {
        let entries = node.as_map().into_iter().flatten();
        for (key, child) in entries.filter(|(key, _)| !key.starts_with("x-")) {
            if !matches!(child.value, Value::Null | Value::Str(_) | Value::Int(_)) {
                let message = format!("must be a string or an integer, got {}", sprint(&child.value));
                context.within(key, |context| context.misfit(child, message));
            }
        }
        return;
    };
    let children = node.as_map().into_iter().flatten().filter(|(name, _)| *key == "*" || name == key);
    for (name, child) in children {
        context.within(name, |context| verbatim(child, rest, context));
    }
}

fn section<T: Decode>(node: &Node, context: &mut Context) -> std::collections::BTreeMap<String, T> {
    let entries = node.as_map().into_iter().flatten();
    entries.map(|(key, child)| (key.clone(), context.within(key, |context| T::decode_value(child, context)))).collect()
}

/// The entries Compose takes for extensions inside a mapping of texts, as the one entry it makes of them.
pub(crate) fn swallowed_extensions(extensions: &Extensions) -> String {
    let entries: Vec<_> = extensions.iter().map(|(key, node)| format!("{key}:{}", sprint(&node.value))).collect();
    format!("map[{}]", entries.join(" "))
}
