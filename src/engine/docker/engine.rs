//! `DockerEndpoint`, an engine's address, and `DockerEngine`, a connection to it.
//! Connects and negotiates the API version.
//! Features of newer API versions are not used.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use super::address::{Address, Environment};
use super::connection::Connection;
use super::dial::Dialled;
use super::locate::resolve;
use super::proxy::HeldSince;
use super::state::HeldLeases;
use super::transport::Connector;
use crate::event::Changes;
use crate::plan::EngineInfo;
use crate::target::TargetError;

/// Recipes built at once: each unpacks packages and keeps a core and the disk busy.
const RECIPES: usize = 4;

/// An engine that was found and not yet asked: its address is sound, and its TLS files were read.
#[derive(Clone)]
pub struct FoundEngine {
    address: Address,
    connector: Connector,
}

impl FoundEngine {
    /// The engine at an address; reads what TLS needs.
    pub fn at(address: Address) -> Result<Self, TargetError> {
        let connector = Connector::new(&address)?;
        Ok(Self { address, connector })
    }

    /// The same engine, to which no request goes that could change anything: for `--dry-run`.
    pub fn read_only(mut self) -> Self {
        self.connector.read_only = true;
        self
    }

    /// The same engine; `changes` is told before anything is changed on it.
    pub fn telling(mut self, changes: &Changes) -> Self {
        self.connector.changes = changes.clone();
        self
    }

    /// The same engine, whose answers may take this long to begin.
    pub fn answering_within(mut self, patience: Option<Duration>) -> Self {
        self.connector.patience = patience;
        self
    }

    /// Where it is, as an operator writes it.
    pub fn address(&self) -> &str {
        &self.address.display
    }

    /// Connects and negotiates the API version with one request.
    pub async fn connect(&self, environment: &Environment) -> Result<DockerEngine, TargetError> {
        Ok(DockerEngine {
            connection: Connection::open(&self.address, &self.connector).await?,
            found: self.clone(),
            environment: environment.clone(),
            held: HeldLeases::default(),
            dialled: Dialled::default(),
            held_since: HeldSince::default(),
            needed: Arc::default(),
            recipes: Arc::new(Semaphore::new(RECIPES)),
        })
    }
}

/// A Docker engine that answered.
#[derive(Clone)]
pub struct DockerEngine {
    pub(super) connection: Connection,
    found: FoundEngine,
    pub(super) environment: Environment,
    pub(super) held: HeldLeases,
    pub(super) dialled: Dialled,
    pub(super) held_since: HeldSince,
    /// Whoever holds it builds what several images are built on.
    pub(super) needed: Arc<Mutex<()>>,
    /// One for each recipe that may be built at the same time.
    pub(super) recipes: Arc<Semaphore>,
}

impl DockerEngine {
    /// Finds the engine (see `resolve`), connects and negotiates the API version with one request.
    ///
    /// `host` is an address to go to instead of the one the process environment names.
    pub async fn connect(host: Option<&str>, environment: &Environment) -> Result<Self, TargetError> {
        FoundEngine::at(resolve(host, environment)?)?.connect(environment).await
    }

    /// The engine for a container that reads a state volume, never runs and is removed at once: a dry run may create it.
    pub(super) async fn for_reader(&self) -> Result<Self, TargetError> {
        if !self.found.connector.read_only {
            return Ok(self.clone());
        }
        let mut connector = self.found.connector.clone();
        connector.read_only = false;
        let connection = Connection::open(&self.found.address, &connector).await?;
        Ok(Self { connection, ..self.clone() })
    }

    /// A new connection, given up at once.
    pub(super) async fn connect_anew(&self) -> Result<(), TargetError> {
        Connection::open(&self.found.address, &self.found.connector).await.map(drop)
    }

    /// What the engine said of itself when it was connected to: address, version, API; no resources.
    pub fn greeting(&self) -> &EngineInfo {
        &self.connection.engine
    }
}
