//! The set of templates that one execution sees.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::ParseError;
use crate::funcs;
use crate::parser;
use crate::tree::{Statement, Tree};

/// All templates, in one name space.
#[derive(Clone, Default)]
pub struct Templates {
    trees: BTreeMap<Rc<str>, Rc<Tree>>,
}

impl Templates {
    /// Parses a text, adds what it defines and returns its main template. A definition of only blanks and comments
    /// replaces nothing.
    pub fn add(&mut self, name: &str, text: &str) -> Result<Rc<Tree>, ParseError> {
        let (main, defined) = parser::parse(name, text, &funcs::is_function)?;
        let main = Rc::new(main);
        for tree in defined.into_iter().map(Rc::new).chain([main.clone()]) {
            if !self.trees.contains_key(&tree.name) || !is_empty(&tree.body) {
                self.trees.insert(tree.name.clone(), tree);
            }
        }
        Ok(main)
    }

    /// The template of a name.
    pub fn get(&self, name: &str) -> Option<Rc<Tree>> {
        self.trees.get(name).cloned()
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(|name| &**name)
    }
}

fn is_empty(body: &[Statement]) -> bool {
    body.iter().all(|statement| matches!(statement, Statement::Text(text) if text.trim().is_empty()))
}
