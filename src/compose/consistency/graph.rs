//! Dependency cycles, and dependencies on services that are not enabled.
//! Reads the services' dependencies; returns what makes an order impossible.
//! Never returns the same cycle twice.

use std::collections::BTreeSet;

use super::inconsistency::Inconsistency;
use crate::compose::model::Stack;

pub(super) fn check(stack: &Stack, found: &mut Vec<Inconsistency>) {
    let mut done = BTreeSet::new();
    for name in stack.services.keys() {
        let mut path = Vec::new();
        search(stack, name, (&mut path, &mut done), found);
    }
}

fn search<'s>(
    stack: &'s Stack,
    name: &'s str,
    (path, done): (&mut Vec<&'s str>, &mut BTreeSet<&'s str>),
    found: &mut Vec<Inconsistency>,
) {
    if let Some(start) = path.iter().position(|seen| *seen == name) {
        let cycle = [&path[start..], &[name]].concat().join(" -> ");
        let key = ["services", path[path.len() - 1], "depends_on", name];
        found.push(Inconsistency::new(key, format!("dependency cycle detected: {cycle}")));
        return;
    }
    if !done.insert(name) {
        return;
    }
    let Some(service) = stack.services.get(name) else { return };
    path.push(name);
    for depended in service.depends_on.keys() {
        // A service that is done and not on the path cannot close a cycle any more.
        if path.contains(&depended.as_str()) || !done.contains(depended.as_str()) {
            search(stack, depended, (path, done), found);
        }
    }
    path.pop();
}
