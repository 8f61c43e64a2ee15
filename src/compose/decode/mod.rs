//! The canonical tree to the typed model.
//! Reads nodes, returns values; what does not fit is collected with its place, and the default stands in.
//! Never fills in a compose default: the tree has them already.

mod context;
mod lists;
mod scalars;

use super::go::text::sprint;
use super::model::{ConfigSource, Job, Model, Network, SecretSource, Service, Stack, Volume};
use super::value::{Node, Value};

pub(crate) use context::{Context, Decode};

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
