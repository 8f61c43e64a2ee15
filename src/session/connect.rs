//! Connector, which locates the targets of an environment, and endpoint, which connects to one.
//! The implementation is in `cli`.
//! Never picks one of several targets.

use std::sync::Arc;

use async_trait::async_trait;

use crate::project::TargetConfig;
use crate::target::{Target, TargetError};

/// Locates targets. Verbs use `session::endpoint` instead.
pub trait Connect: Send + Sync {
    /// Locates the named targets, or the default engine (DOCKER_HOST, context), without connecting. Paths are absolute.
    fn locate(&self, named: Option<&TargetConfig>) -> Result<Endpoints, TargetError>;
}

/// A located target. Verbs connect to it when they need it.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Name within the environment, such as the context of a cluster.
    fn name(&self) -> &str {
        self.address()
    }

    /// Where it is, as an operator writes it.
    fn address(&self) -> &str;

    /// Connects to it.
    async fn connect(&self) -> Result<Arc<dyn Target>, TargetError>;
}

/// The targets of an environment in order; never empty.
pub struct Endpoints {
    first: Box<dyn Endpoint>,
    others: Vec<Box<dyn Endpoint>>,
}

impl Endpoints {
    /// Creates the list from its first target and the rest.
    pub fn new(first: Box<dyn Endpoint>, others: Vec<Box<dyn Endpoint>>) -> Self {
        Self { first, others }
    }

    /// A list of one target.
    pub fn one(endpoint: Box<dyn Endpoint>) -> Self {
        Self::new(endpoint, Vec::new())
    }

    /// The only target, or the names of all if there are several.
    pub fn only(self) -> Result<Box<dyn Endpoint>, Vec<String>> {
        if self.others.is_empty() { Ok(self.first) } else { Err(self.names()) }
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|endpoint| endpoint.name().to_owned()).collect()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Endpoint> {
        std::iter::once(&*self.first).chain(self.others.iter().map(|endpoint| &**endpoint))
    }
}
