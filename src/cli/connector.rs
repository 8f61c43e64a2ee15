//! Finding what an environment names: a Docker engine, or clusters of the kubeconfig.
//! A part of the composition root: the only place that knows both kinds of engine.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::docker::{Environment, FoundEngine, locate};
use crate::engine::kubernetes::{self, FoundCluster, KubeEnvironment};
use crate::event::Changes;
use crate::project::{KubernetesTarget, TargetConfig};
use crate::secret::Redactor;
use crate::session::{Connect, Endpoint, Endpoints};
use crate::target::{Target, TargetError};

/// Locates Docker engines and clusters.
pub(super) struct Connector {
    /// The process environment.
    pub(super) environment: Environment,
    /// A dry run has no way to change anything, whatever a verb forgets.
    pub(super) read_only: bool,
    /// Told before anything is changed.
    pub(super) changes: Changes,
    /// Learns what must not be shown of the objects of clusters.
    pub(super) redactor: Arc<Redactor>,
    /// How long an engine may take to answer.
    pub(super) patience: Option<Duration>,
}

impl Connect for Connector {
    fn locate(&self, named: Option<&TargetConfig>) -> Result<Endpoints, TargetError> {
        let docker = match named {
            None => None,
            Some(TargetConfig::Docker(docker)) => Some(docker),
            Some(TargetConfig::Kubernetes(clusters)) => return self.clusters(clusters),
        };
        let found = FoundEngine::at(locate(docker, &self.environment)?)?;
        let found = found.telling(&self.changes).answering_within(self.patience);
        let found = if self.read_only { found.read_only() } else { found };
        Ok(Endpoints::one(Box::new(DockerEndpoint { found, environment: self.environment.clone() })))
    }
}

impl Connector {
    fn clusters(&self, named: &[KubernetesTarget]) -> Result<Endpoints, TargetError> {
        let variable = |name: &str| self.environment.get(name).map(String::as_str);
        let environment = KubeEnvironment { kubeconfig: variable("KUBECONFIG"), home: variable("HOME") };
        let mut found = Vec::new();
        for cluster in named {
            let cluster = kubernetes::locate(cluster, &environment)?.telling(&self.changes).redacting(&self.redactor);
            let cluster = if self.read_only { cluster.read_only() } else { cluster };
            found.push(Box::new(ClusterEndpoint { found: cluster }) as Box<dyn Endpoint>);
        }
        let mut found = found.into_iter();
        let none = || TargetError::BadCluster { reason: "the environment names no cluster".to_owned(), nearest: None };
        Ok(Endpoints::new(found.next().ok_or_else(none)?, found.collect()))
    }
}

/// A cluster that was found.
struct ClusterEndpoint {
    found: FoundCluster,
}

#[async_trait::async_trait]
impl Endpoint for ClusterEndpoint {
    fn name(&self) -> &str {
        self.found.name()
    }

    fn address(&self) -> &str {
        self.found.address()
    }

    async fn connect(&self) -> Result<Arc<dyn Target>, TargetError> {
        Ok(Arc::new(self.found.connect().await?))
    }
}

/// A Docker engine that was found.
struct DockerEndpoint {
    found: FoundEngine,
    environment: Environment,
}

#[async_trait::async_trait]
impl Endpoint for DockerEndpoint {
    fn address(&self) -> &str {
        self.found.address()
    }

    async fn connect(&self) -> Result<Arc<dyn Target>, TargetError> {
        Ok(Arc::new(self.found.connect(&self.environment).await?))
    }
}
