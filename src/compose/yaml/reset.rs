//! `!reset` and `!override`: which paths of what was loaded before a document takes away.
//! Reads an arena's tags, returns paths; removes them from a tree.
//! Never removes items of a sequence: Compose does not either.

use super::compose::{Arena, Kind};
use crate::compose::value::Node;

/// Paths of keys, from the top of the document.
pub(crate) type ResetPaths = Vec<Vec<String>>;

/// The paths a document's tags name, also under the attribute an extension stands for.
pub(super) fn paths(arena: &Arena) -> ResetPaths {
    let mut found = ResetPaths::new();
    if let (true, Some(root)) = (arena.has_resets, arena.root) {
        Search { arena, path: Vec::new(), found: &mut found, active: Vec::new() }.visit(root);
    }
    for path in found.clone() {
        if let ["services", _, "x-develop", ..] = path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            let mut renamed = path;
            "develop".clone_into(&mut renamed[2]);
            found.push(renamed);
        }
    }
    found
}

struct Search<'a> {
    arena: &'a Arena,
    path: Vec<String>,
    found: &'a mut ResetPaths,
    active: Vec<usize>,
}

impl Search<'_> {
    fn visit(&mut self, number: usize) {
        let raw = &self.arena.nodes[number];
        if matches!(raw.tag.as_deref(), Some("!reset" | "!override")) {
            self.found.push(self.path.clone());
            return;
        }
        match &raw.kind {
            Kind::Alias(target) if !self.active.contains(target) => {
                self.active.push(*target);
                self.visit(*target);
                self.active.pop();
            }
            Kind::Map(pairs) => pairs.iter().for_each(|(key, value)| self.pair(*key, *value)),
            Kind::Scalar { .. } | Kind::List(_) | Kind::Alias(_) => {}
        }
    }

    fn pair(&mut self, key: usize, value: usize) {
        let Kind::Scalar { text, .. } = &self.arena.nodes[key].kind else { return };
        let named = text != "<<";
        if named {
            self.path.push(text.clone());
        }
        match &self.arena.nodes[value].kind {
            // A merge of several maps: each counts at this place.
            Kind::List(items) if !named => items.iter().for_each(|item| self.visit(*item)),
            _ => self.visit(value),
        }
        if named {
            self.path.pop();
        }
    }
}

/// Removes the paths from a tree that stands at `prefix` of the document they were found in.
pub(crate) fn apply_resets(paths: &ResetPaths, root: &mut Node, prefix: &[&str]) {
    for path in paths {
        let under = path.len() > prefix.len() && path.iter().zip(prefix).all(|(a, b)| a == b);
        if under {
            remove(root, &path[prefix.len()..]);
        }
    }
}

fn remove(node: &mut Node, path: &[String]) {
    let Some((key, rest)) = path.split_first() else { return };
    let Some(map) = node.as_map_mut() else { return };
    if rest.is_empty() {
        map.shift_remove(key);
    } else if let Some(child) = map.get_mut(key) {
        remove(child, rest);
    }
}
