//! The Docker engine behind the traits of `target`, over bollard.
//! Reads where the engine is and what is asked of it; returns observations and outcomes, one function per operation.
//! Never decides what should be done, never prints.

mod address;
mod connection;
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
mod logs;
mod moments;
mod observe;
mod perform;
mod state;
mod tls;
mod traits;
mod transport;

pub use address::{Address, Environment, Route, SshHost, TlsFiles, config_folder, resolve};

use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};

use connection::Connection;

use crate::plan::EngineInfo;
use crate::target::TargetError;

/// The Compose version our containers, networks and volumes claim to be made by: its rules are the ones we follow.
pub(crate) const COMPATIBLE_WITH: &str = "5.6.1";

/// Recipes built at once: each unpacks packages and keeps a core and the disk busy.
const RECIPES: usize = 4;

/// A Docker engine that answered.
#[derive(Clone)]
pub struct DockerEngine {
    connection: Connection,
    address: Address,
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
    /// `explicit` is the address the project's environment names, if any; `environment` the process environment.
    pub async fn connect(explicit: Option<&str>, environment: &Environment) -> Result<Self, TargetError> {
        let address = resolve(explicit, environment)?;
        let connection = Connection::open(&address).await?;
        let (held, dialled) = (state::HeldLeases::default(), dial::Dialled::default());
        Ok(Self {
            connection,
            address,
            environment: environment.clone(),
            held,
            dialled,
            needed: Arc::default(),
            recipes: Arc::new(Semaphore::new(RECIPES)),
        })
    }

    /// A new connection, given up at once.
    async fn connect_anew(&self) -> Result<(), TargetError> {
        Connection::open(&self.address).await.map(drop)
    }

    /// What the engine said of itself when it was connected to: address, version, API; no resources.
    pub fn greeting(&self) -> &EngineInfo {
        &self.connection.engine
    }
}
