//! Dependency cycles, and dependencies on services that are not enabled.
//! Reads the services' dependencies; returns what makes an order impossible.
//! Never returns the same cycle twice.

use std::collections::BTreeSet;

use super::inconsistency::Inconsistency;
use crate::compose::model::Stack;

pub(super) fn check(stack: &Stack, found: &mut Vec<Inconsistency>) {
    let mut search = Search { stack, path: Vec::new(), done: BTreeSet::new(), found };
    for name in stack.services.keys() {
        search.visit(name);
    }
}

struct Search<'s, 'f> {
    stack: &'s Stack,
    /// The services on the way here.
    path: Vec<&'s str>,
    done: BTreeSet<&'s str>,
    found: &'f mut Vec<Inconsistency>,
}

impl<'s> Search<'s, '_> {
    fn visit(&mut self, name: &'s str) {
        if let Some(start) = self.path.iter().position(|seen| *seen == name) {
            let cycle = [&self.path[start..], &[name]].concat().join(" -> ");
            let key = ["services", self.path[self.path.len() - 1], "depends_on", name];
            self.found.push(Inconsistency::new(key, format!("dependency cycle detected: {cycle}")));
            return;
        }
        if !self.done.insert(name) {
            return;
        }
        let Some(service) = self.stack.services.get(name) else { return };
        self.path.push(name);
        for depended in service.depends_on.keys() {
            // A service that is done and not on the path cannot close a cycle any more.
            if self.path.contains(&depended.as_str()) || !self.done.contains(depended.as_str()) {
                self.visit(depended);
            }
        }
        self.path.pop();
    }
}
