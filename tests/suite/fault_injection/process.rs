//! One run of a verb over the engine in memory, as a process of its own.
//! Reads a compose file of this folder; returns what the verb reported, the error or the warnings.
//! Never sleeps: the clock of the test stands still unless everything waits.

use std::path::PathBuf;
use std::sync::Arc;

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::session::GlobalOptions;
use aictl::session::report::Report;
use aictl::workflow::run::restart::RestartArgs;
use aictl::workflow::run::start::StartArgs;
use aictl::workflow::run::stop::StopArgs;
use aictl::workflow::run::{restart, start, stop};

use crate::support::memory::{Warned, context};

/// What a process is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Start,
    Restart,
    Stop,
    Remove,
    RemoveAll,
}

/// A verb with the compose file it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    pub verb: Verb,
    pub file: &'static str,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    pub report: Result<serde_json::Value, (ErrorKind, String)>,
    pub warnings: Vec<String>,
    /// Exit code of the report.
    pub code: Option<u8>,
}

impl Ended {
    /// Everything it said that was bad.
    pub fn complaints(&self) -> String {
        let error = self.report.as_ref().err().map(|(_, text)| text.clone());
        error.into_iter().chain(self.warnings.clone()).collect::<Vec<_>>().join("\n")
    }
}

/// Runs a verb to its end; the process is gone afterwards, with whatever it still holds.
pub async fn run(engine: &MemoryEngine, act: Act) -> Ended {
    let warned = Arc::new(Warned::default());
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/fault_injection"));
    let options = GlobalOptions { files: vec![folder.join(act.file)], ..Default::default() };
    let context = context(&[("memory", engine)], (options, folder), &warned);
    let stopping = |remove, volumes| StopArgs { remove, volumes, remove_orphans: true, ..Default::default() };
    let report = match act.verb {
        Verb::Start => start::run(&context, StartArgs { remove_orphans: true, ..Default::default() }).await.map(boxed),
        Verb::Restart => restart::run(&context, RestartArgs::default()).await.map(boxed),
        Verb::Stop => stop::run(&context, stopping(false, false)).await.map(boxed),
        Verb::Remove => stop::run(&context, stopping(true, false)).await.map(boxed),
        Verb::RemoveAll => stop::run(&context, stopping(true, true)).await.map(boxed),
    };
    engine.end();
    let code = report.as_ref().ok().map(|report| report.exit_code());
    let report = report.map(|report| report.json()).map_err(|e| (e.kind(), e.messages().join(": ")));
    let warnings = warned.all();
    Ended { report, warnings, code }
}

fn boxed(report: impl Report + 'static) -> Box<dyn Report> {
    Box::new(report)
}
