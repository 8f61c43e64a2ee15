//! Warns about compose keys that are accepted without effect, most of them Swarm's.

use super::Loader;
use crate::compose::go::text::sprint;
use crate::compose::value::{Node, Position};

/// Keys without effect, and the warning; `*` matches any name.
const IGNORED: [(&[&str], &str); 22] = [
    (&["services", "*", "deploy", "mode"], "deploy.mode is only honored in Swarm mode"),
    (&["services", "*", "deploy", "labels"], "deploy.labels are only applied to Swarm services"),
    (&["services", "*", "deploy", "endpoint_mode"], "endpoint_mode is ignored: only Swarm has virtual addresses"),
    (&["services", "*", "deploy", "placement"], "placement is ignored: only Swarm schedules services"),
    (&["services", "*", "deploy", "restart_policy", "delay"], "delay is only honored in Swarm mode"),
    (&["services", "*", "deploy", "restart_policy", "window"], "window is only honored in Swarm mode"),
    (
        &["services", "*", "deploy", "resources", "reservations", "generic_resources"],
        "generic_resources are ignored: only Swarm schedules services",
    ),
    (&["services", "*", "provider"], "provider is not supported: the service is skipped"),
    (&["services", "*", "pre_start"], "pre_start is not supported: the hooks are not run"),
    (&["services", "*", "models"], "models is not supported: the service gets no model endpoint"),
    (&["services", "*", "log_driver"], "log_driver is ignored: set logging.driver"),
    (&["services", "*", "log_opt"], "log_opt is ignored: set logging.options"),
    (&["services", "*", "net"], "net is ignored: set network_mode"),
    (&["jobs", "*"], "jobs is not supported"),
    (&["services", "*", "credential_spec"], "credential_spec is ignored: only Windows containers have one"),
    (&["services", "*", "isolation"], "isolation is ignored on Linux"),
    (&["services", "*", "volume_driver"], "volume_driver is ignored: set the driver of the volume"),
    (&["configs", "*", "labels"], "labels are only applied to Swarm configs"),
    (&["secrets", "*", "labels"], "labels are only applied to Swarm secrets"),
    (&["configs", "*", "template_driver"], "template_driver is only honored in Swarm mode"),
    (&["secrets", "*", "template_driver"], "template_driver is only honored in Swarm mode"),
    (&["secrets", "*", "driver_opts"], "driver_opts are only honored by Swarm's drivers"),
];

/// What of a list's entry does nothing.
type Ignored = fn(&Node) -> Vec<&'static str>;

/// Entries of a service's lists that say something only Swarm does.
const LISTS: [(&str, Ignored); 4] =
    [("ports", of_port), ("volumes", of_volume), ("configs", of_reference), ("secrets", of_reference)];

impl Loader<'_> {
    /// Warns of every key of the tree that does nothing.
    pub(super) fn warn_of_ignored(&mut self, root: &Node) {
        for (path, message) in IGNORED {
            self.warn_below(root, (path, String::new()), message);
        }
        for (name, service) in root.get("services").and_then(Node::as_map).into_iter().flatten() {
            for (list, of_entry) in LISTS {
                // Content that is copied in has the owner and mode it is given; a file of this machine is mounted.
                let copied = |entry: &Node| {
                    let source = entry.get("source").and_then(Node::as_str).unwrap_or_default();
                    let defined = root.get(list).and_then(|all| all.get(source));
                    defined.is_some_and(|one| one.get("content").is_some() || one.get("environment").is_some())
                };
                let entries = service.get(list).and_then(Node::as_list).into_iter().flatten();
                for entry in entries.filter(|entry| !copied(entry)) {
                    self.warn_of_entry((&format!("services.{name}.{list}"), entry), of_entry);
                }
            }
        }
    }

    fn warn_below(&mut self, node: &Node, (path, key): (&[&str], String), message: &str) {
        let Some((first, rest)) = path.split_first() else {
            return self.warn(key, place(node), message);
        };
        for (name, child) in node.as_map().into_iter().flatten().filter(|(name, _)| *first == "*" || name == first) {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            self.warn_below(child, (rest, key), message);
        }
    }

    fn warn_of_entry(&mut self, (key, entry): (&str, &Node), of_entry: fn(&Node) -> Vec<&'static str>) {
        let named = ["source", "target"].into_iter().find_map(|part| entry.get(part));
        let name = named.map(|name| sprint(&name.value)).unwrap_or_default();
        for part in of_entry(entry) {
            let at = entry.get(part).map_or(entry.at, place);
            self.warn(format!("{key}.{name}.{part}"), at, format!("{part} is ignored: only Swarm honours it here"));
        }
    }
}

fn place(node: &Node) -> Position {
    if node.key_at.line > 0 { node.key_at } else { node.at }
}

fn is(node: &Node, key: &str, word: &str) -> bool {
    node.get(key).and_then(Node::as_str) == Some(word)
}

fn of_port(port: &Node) -> Vec<&'static str> {
    if is(port, "mode", "host") { vec!["mode"] } else { Vec::new() }
}

fn of_volume(volume: &Node) -> Vec<&'static str> {
    if is(volume, "type", "cluster") { vec!["type"] } else { Vec::new() }
}

fn of_reference(reference: &Node) -> Vec<&'static str> {
    ["uid", "gid", "mode"].into_iter().filter(|key| reference.get(key).is_some_and(|node| !node.is_null())).collect()
}
