//! `aictl version`: this program's version, and the engine's when it answers soon.
//! Reads the engine.
//! Never fails because there is no engine, and never waits long for one.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::EngineInfo;
use crate::session::Context;
use crate::session::endpoint::endpoint;
use crate::session::load::load_project_file;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// An engine that takes longer is not asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// Show version information of aictl and the engine
#[derive(Debug, Clone, Default, Args)]
pub struct VersionArgs {
    /// Only show the version number of aictl
    #[arg(long)]
    pub short: bool,
}

#[derive(Debug, Serialize)]
pub struct VersionReport {
    version: &'static str,
    engine: Option<EngineInfo>,
    /// Why there is no engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip)]
    short: bool,
}

/// Shows the versions.
pub async fn run(context: &Context, args: VersionArgs) -> Result<VersionReport> {
    let version = env!("CARGO_PKG_VERSION");
    if args.short {
        return Ok(VersionReport { version, engine: None, reason: None, short: true });
    }
    let (engine, reason) = match tokio::time::timeout(PATIENCE, engine(context)).await {
        Ok(Ok(engine)) => (Some(engine), None),
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some(format!("connecting to the engine timed out after {}s", PATIENCE.as_secs()))),
    };
    Ok(VersionReport { version, engine, reason, short: false })
}

/// What the engine says of itself; a project file that is wrong is a reason like any other, and hides no version.
async fn engine(context: &Context) -> Result<EngineInfo> {
    Ok(endpoint(context, &load_project_file(context)?)?.connect().await?.observe_engine().await?)
}

impl Report for VersionReport {
    fn blocks(&self) -> Vec<Block> {
        if self.short {
            return vec![Block::Line(vec![self.version.into()])];
        }
        let engine = match &self.engine {
            Some(e) => Cell::from(format!("engine {} (API {}) at {}", e.version, e.api_version, e.address)),
            None => Cell::new(self.reason.clone().unwrap_or_default(), Tone::Warn),
        };
        vec![Block::Line(vec![format!("aictl {}", self.version).into()]), Block::Line(vec![engine])]
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
