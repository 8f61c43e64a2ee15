//! The set of templates that one execution sees, and what it asks of the world outside.

use std::collections::BTreeMap;
use std::rc::Rc;

use time::OffsetDateTime;

use crate::error::ParseError;
use crate::funcs;
use crate::parser;
use crate::tree::{Statement, Tree};
use crate::value::Value;

/// All templates, in one name space.
#[derive(Clone, Default)]
pub struct Templates {
    trees: BTreeMap<Rc<str>, Rc<Tree>>,
}

/// What `lookup` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// What `genCA` and its relatives ask for.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    pub common_name: String,
    pub ips: Vec<String>,
    pub names: Vec<String>,
    pub days: i64,
    /// Certificate and key of the authority that signs, in PEM.
    pub signer: Option<Certificate>,
    /// The key to use, in PEM.
    pub key: Option<String>,
    pub authority: bool,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

/// Everything that is not a function of the templates and their data.
pub trait World {
    /// The clock.
    fn now(&self) -> OffsetDateTime;
    /// Fills a buffer with random bytes.
    fn random(&self, bytes: &mut [u8]) -> Result<(), String>;
    /// A live object, `None` when there is no cluster or no such object.
    fn lookup(&self, wanted: &Lookup) -> Result<Option<Value>, String>;
    /// Makes a certificate.
    fn certificate(&self, wanted: &CertificateRequest) -> Result<Certificate, String>;
    /// Makes a private key of a type (`rsa`, `ecdsa`, `ed25519`, `dsa`), in PEM.
    fn private_key(&self, kind: &str) -> Result<String, String>;
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
