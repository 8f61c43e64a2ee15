//! How targets are reached: the connector finds those an environment names, an endpoint connects to one.
//! Signatures and the list of what was found; `cli` holds the implementation.
//! Never connects by itself, and never picks one of several targets.

use std::sync::Arc;

use async_trait::async_trait;

use crate::project::TargetConfig;
use crate::target::{Target, TargetError};

/// Finds targets. Verbs go through `session::endpoint`, which knows what the environment names.
pub trait Connect: Send + Sync {
    /// Finds the targets that are named, or the engine of the surroundings, and asks nothing of them. Paths are absolute.
    fn locate(&self, named: Option<&TargetConfig>) -> Result<Endpoints, TargetError>;
}

/// A target that was found. It is only reached by verbs that need it.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// What tells it from the other targets of its environment: the context of a cluster.
    fn name(&self) -> &str {
        self.address()
    }

    /// Where it is, as an operator writes it.
    fn address(&self) -> &str;

    /// Connects to it.
    async fn connect(&self) -> Result<Arc<dyn Target>, TargetError>;
}

/// The targets of one environment, in its order; there is at least one.
pub struct Endpoints {
    first: Box<dyn Endpoint>,
    others: Vec<Box<dyn Endpoint>>,
}

impl Endpoints {
    /// One target and those that follow it.
    pub fn new(first: Box<dyn Endpoint>, others: Vec<Box<dyn Endpoint>>) -> Self {
        Self { first, others }
    }

    /// Exactly one, as a Docker engine is.
    pub fn one(endpoint: Box<dyn Endpoint>) -> Self {
        Self::new(endpoint, Vec::new())
    }

    /// The target where it is the only one; else the names of all.
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
