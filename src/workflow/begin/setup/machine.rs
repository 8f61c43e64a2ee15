//! This machine as `setup` acts on it: commands and files here, the engine through the context.
//! Reads where the environment says its engine is; returns what answers there.
//! Never decides what is done.

use std::io;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::host::install::{CommandEnd, LocalMachine, Machine, Told};
use crate::plan::EngineInfo;
use crate::session::endpoint::endpoint;
use crate::session::load::load_project_file;
use crate::session::{Context, Endpoint};
use crate::target::TargetError;

/// One look at an engine that may be starting.
const LOOK: Duration = Duration::from_secs(10);

/// The machine aictl runs on.
pub(super) struct ThisMachine {
    engine: Box<dyn Endpoint>,
    local: LocalMachine,
}

impl ThisMachine {
    pub(super) fn new(context: &Context) -> Result<Self> {
        let engine = endpoint(context, &load_project_file(context)?)?;
        Ok(Self { engine, local: LocalMachine::default() })
    }

    /// The engine, when it answers.
    pub(super) async fn engine(&self) -> std::result::Result<EngineInfo, TargetError> {
        let ask = async { self.engine.connect().await?.observe_engine().await };
        let late = || TargetError::TimedOut { what: "the engine check".to_owned(), after: LOOK };
        tokio::time::timeout(LOOK, ask).await.unwrap_or_else(|_| Err(late()))
    }
}

#[async_trait]
impl Machine for ThisMachine {
    async fn run(&self, command: &[String], told: Told<'_>) -> io::Result<CommandEnd> {
        self.local.run(command, told).await
    }

    async fn write(&self, path: &str, text: &str) -> io::Result<bool> {
        self.local.write(path, text)
    }

    async fn launch(&self, command: &[String], log: &str) -> io::Result<()> {
        self.local.launch(command, log)
    }

    async fn engine_answers(&self) -> std::result::Result<(), String> {
        self.engine().await.map(drop).map_err(|error| error.to_string())
    }

    fn launched_ended(&self) -> Option<String> {
        self.local.launched_ended()
    }

    async fn tail_of(&self, log: &str) -> Vec<String> {
        self.local.tail_of(log)
    }
}
