//! Short forms made long, and the defaults that belong to single entries.
//! Reads a merged tree that fits the schema; rewrites it in place.
//! Never looks at other files or at the file system.

mod defaults;
mod entries;
mod refusal;

pub(crate) use defaults::set_defaults;
pub(crate) use refusal::Unreadable;

use super::value::{Node, Position, Value};

/// A short form that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct FormError {
    pub key: String,
    pub at: Position,
    pub message: String,
}

/// Makes a whole tree canonical; all errors are collected.
pub(crate) fn canonical(root: &mut Node, unreadable: Unreadable) -> Vec<FormError> {
    let mut walk = Canonicalizer { unreadable, ports: 0, has_too_many_ports: false, errors: Vec::new() };
    walk.node(root, &mut Vec::new());
    walk.errors
}

/// Ports that all services may publish together: each is an entry of its own.
const MOST_PORTS: usize = 32_768;

struct Canonicalizer {
    unreadable: Unreadable,
    ports: usize,
    has_too_many_ports: bool,
    errors: Vec<FormError>,
}

impl Canonicalizer {
    fn node<'n>(&mut self, node: &'n mut Node, path: &mut Vec<&'n str>) {
        if let ["services" | "jobs", _, "ports"] = path[..] {
            self.ports += entries::count_ports(node);
            if self.ports > MOST_PORTS {
                let message = format!("the services publish more than {MOST_PORTS} ports together");
                // One is enough, and nothing more of it is made.
                if !std::mem::replace(&mut self.has_too_many_ports, true) {
                    self.errors.push(FormError { key: path.join("."), at: node.at, message });
                }
                return;
            }
        }
        if let Some(rewrite) = entries::rewrite(path)
            && let Err(refusal) = rewrite(node, self.unreadable)
        {
            let key = format!("{}{}", path.join("."), refusal.item.map(|item| format!("[{item}]")).unwrap_or_default());
            let at = refusal.at.unwrap_or(node.at);
            self.errors.push(FormError { key: key.replace(".[]", "[]"), at, message: refusal.message });
        }
        match &mut node.value {
            Value::Map(map) => {
                for (key, child) in map {
                    path.push(key);
                    self.node(child, path);
                    path.pop();
                }
            }
            Value::List(list) => {
                path.push("[]");
                list.iter_mut().for_each(|child| self.node(child, path));
                path.pop();
            }
            _ => {}
        }
    }
}

/// Removes empty entries where they mean nothing.
pub(crate) fn omit_empty(root: &mut Node) {
    for section in ["services", "jobs"] {
        let Some(containers) = root.get_mut(section).and_then(Node::as_map_mut) else { continue };
        for container in containers.values_mut() {
            if let Some(Value::List(list)) = container.get_mut("dns").map(|dns| &mut dns.value) {
                list.retain(|item| !matches!(&item.value, Value::Null) && item.as_str() != Some(""));
            }
        }
    }
}

/// Renames the extensions that became attributes: `x-develop`, and `x-initialSync` in its rules.
pub(crate) fn promote_aliases(root: &mut Node) -> Result<(), super::merge::MergeError> {
    let Some(services) = root.get_mut("services").and_then(Node::as_map_mut) else { return Ok(()) };
    for (name, service) in services {
        rename(service, ("x-develop", "develop"), &["services", name])?;
        let rules = service.get_mut("develop").and_then(|develop| develop.get_mut("watch")).and_then(Node::as_list_mut);
        for rule in rules.into_iter().flatten() {
            rename(rule, ("x-initialSync", "initial_sync"), &["services", name, "develop", "watch", "[]"])?;
        }
    }
    Ok(())
}

fn rename(node: &mut Node, (from, to): (&str, &str), path: &[&str]) -> Result<(), super::merge::MergeError> {
    let Some(map) = node.as_map_mut() else { return Ok(()) };
    let Some(extension) = map.shift_remove(from) else { return Ok(()) };
    let value = match map.shift_remove(to).filter(|written| !written.is_null()) {
        Some(written) => super::merge::merge_at(extension, written, &[path, &[to]].concat())?,
        None => extension,
    };
    map.insert(to.to_owned(), value);
    Ok(())
}
