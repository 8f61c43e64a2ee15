//! `aictl wait`: until the named services' containers have ended; the exit code of the first is passed on.
//! Reads the engine.
//! Never waits longer than `--timeout`, when one is given, and never after Ctrl-C.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;

use crate::error::Result;
use crate::session::load::load_named;
use crate::session::report::{Block, Report, to_json};
use crate::session::select;
use crate::session::{Context, WorkflowError};

/// A day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Wait until containers stop and exit with their exit code
#[derive(Debug, Clone, Default, Args)]
pub struct WaitArgs {
    /// Services to wait for
    #[arg(required = true)]
    pub services: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct WaitReport {
    exit_codes: BTreeMap<String, i64>,
    #[serde(skip)]
    code: u8,
}

/// Waits.
pub async fn run(context: &Context, args: WaitArgs) -> Result<WaitReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    select::check(loaded.stack.as_ref(), &observed, &args.services)?;
    let containers = select::containers(&observed, &args.services);
    if containers.is_empty() {
        return Err(WorkflowError::NotRunning { service: args.services.join(", ") }.into());
    }
    let limit = context.options.timeout.unwrap_or(LONGEST);
    let waits = join_all(containers.iter().map(|c| target.wait_exit(&c.id)));
    let codes = tokio::select! {
        codes = waits => codes,
        () = tokio::time::sleep(limit) => {
            return Err(WorkflowError::TimedOut { what: args.services.join(", "), seconds: limit.as_secs() }.into());
        }
        () = context.interrupted() => return Err(WorkflowError::Interrupted.into()),
    };
    let mut exit_codes = BTreeMap::new();
    for (container, code) in containers.iter().zip(codes) {
        exit_codes.insert(container.name.clone(), code?);
    }
    let code = exit_codes.values().copied().find(|c| *c != 0).unwrap_or(0);
    Ok(WaitReport { exit_codes, code: u8::try_from(code & 0xff).unwrap_or(1) })
}

impl Report for WaitReport {
    fn blocks(&self) -> Vec<Block> {
        let line = |(name, code): (&String, &i64)| Block::Line(vec![format!("{name} exited {code}").into()]);
        self.exit_codes.iter().map(line).collect()
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        self.code
    }
}
