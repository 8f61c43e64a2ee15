//! The Docker engine behind the traits of `target`, over bollard.
//! Reads where the engine is and what is asked of it; returns observations and outcomes, one function per operation.
//! Never decides what should be done, never prints.

mod address;
mod connection;
mod context_store;
mod convert;
mod copy;
mod credentials;
mod dial;
mod error_mapping;
mod exec;
mod frames;
mod images;
mod inspect;
mod json_lines;
mod locate;
mod logs;
mod moments;
mod observe;
mod perform;
mod state;
mod tls;
mod traits;
mod transport;

pub use address::{Address, Environment, Route, SshHost, TlsFiles};
pub use locate::{config_folder, locate, resolve};

use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};

use connection::Connection;
use transport::Connector;

use crate::plan::EngineInfo;
use crate::target::TargetError;

/// The Compose version our containers, networks and volumes claim to be made by: its rules are the ones we follow.
pub(crate) const COMPATIBLE_WITH: &str = "5.6.1";

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
            held: state::HeldLeases::default(),
            dialled: dial::Dialled::default(),
            needed: Arc::default(),
            recipes: Arc::new(Semaphore::new(RECIPES)),
        })
    }
}

/// A Docker engine that answered.
#[derive(Clone)]
pub struct DockerEngine {
    connection: Connection,
    found: FoundEngine,
    environment: Environment,
    held: state::HeldLeases,
    dialled: dial::Dialled,
    /// Whoever holds it builds what several images are built on.
    needed: Arc<Mutex<()>>,
    /// One for each recipe that may be built at the same time.
    recipes: Arc<Semaphore>,
}

impl DockerEngine {
    /// Finds the engine (see `resolve`), connects and negotiates the API version with one request.
    ///
    /// `host` is an address to go to instead of the one the process environment names.
    pub async fn connect(host: Option<&str>, environment: &Environment) -> Result<Self, TargetError> {
        FoundEngine::at(resolve(host, environment)?)?.connect(environment).await
    }

    /// A new connection, given up at once.
    async fn connect_anew(&self) -> Result<(), TargetError> {
        Connection::open(&self.found.address, &self.found.connector).await.map(drop)
    }

    /// What the engine said of itself when it was connected to: address, version, API; no resources.
    pub fn greeting(&self) -> &EngineInfo {
        &self.connection.engine
    }
}
