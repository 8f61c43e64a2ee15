//! Collects what is wrong with a project, by the path of its key.
//! Reads the tree for places.
//! Never judges.

use super::document::{Fault, Node};
use super::shape::Misfit;

/// Collects problems by path.
pub(super) struct Findings<'n> {
    root: &'n Node,
    misfits: Vec<Misfit>,
}

impl<'n> Findings<'n> {
    pub(super) fn new(root: &'n Node) -> Self {
        Self { root, misfits: Vec::new() }
    }

    /// A problem with the value at a path; the key is shown as `a.b[0].c`.
    pub(super) fn add(&mut self, path: &[&str], message: impl Into<String>) {
        self.add_near(path, message, None);
    }

    pub(super) fn add_near(&mut self, path: &[&str], message: impl Into<String>, nearest: Option<&str>) {
        let mut key = String::new();
        for part in path {
            match part.parse::<usize>() {
                Ok(index) if !key.is_empty() => key.push_str(&format!("[{index}]")),
                _ if key.is_empty() => key.push_str(part),
                _ => key.push_str(&format!(".{part}")),
            }
        }
        let fault = Fault { at: self.root.place(path), key, message: message.into() };
        self.misfits.push(Misfit { fault, nearest: nearest.map(str::to_owned) });
    }

    pub(super) fn into_misfits(self) -> Vec<Misfit> {
        self.misfits
    }
}
