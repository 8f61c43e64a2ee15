//! One run of a verb over the engine in memory, as a process of its own.
//! Reads a compose file of this folder; returns what the verb reported, the error or the warnings.
//! Never sleeps: the clock of the test stands still unless everything waits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::event::{Channel, Event, LogLine, OutputStream, Prompt, PromptError, Reporter};
use aictl::project::DockerTarget;
use aictl::release::LeaseOwner;
use aictl::session::report::Report;
use aictl::session::{Connect, Console, Context, Endpoint, GlobalOptions};
use aictl::target::{BoxRead, Target, TargetError, TerminalSize};
use aictl::workflow::run::restart::RestartArgs;
use aictl::workflow::run::start::StartArgs;
use aictl::workflow::run::stop::StopArgs;
use aictl::workflow::run::{restart, start, stop};
use tokio::sync::watch;

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
}

impl Ended {
    /// Everything it said that was bad.
    pub fn complaints(&self) -> String {
        let error = self.report.as_ref().err().map(|(_, text)| text.clone());
        error.into_iter().chain(self.warnings.clone()).collect::<Vec<_>>().join("\n")
    }
}

struct Fixed(MemoryEngine);

impl Connect for Fixed {
    fn locate(&self, _: Option<&DockerTarget>) -> Result<Box<dyn Endpoint>, TargetError> {
        Ok(Box::new(Self(self.0.clone())))
    }
}

#[async_trait::async_trait]
impl Endpoint for Fixed {
    fn address(&self) -> &str {
        "memory"
    }

    async fn connect(&self) -> Result<Arc<dyn Target>, TargetError> {
        Ok(Arc::new(self.0.clone()))
    }
}

#[derive(Default)]
struct Warned(Mutex<Vec<String>>);

impl Reporter for Warned {
    fn report(&self, event: Event) {
        if let Event::Warning { message, .. } = event {
            self.0.lock().unwrap().push(message);
        }
    }
}

/// Nobody is there.
struct Nobody;

impl Prompt for Nobody {
    fn confirm(&self, question: &str) -> Result<(), PromptError> {
        Err(PromptError::NoTerminal { question: question.to_owned() })
    }

    fn confirm_typed(&self, question: &str, _: &str) -> Result<(), PromptError> {
        self.confirm(question)
    }
}

impl OutputStream for Nobody {
    fn log(&self, _: &LogLine) -> std::io::Result<()> {
        Ok(())
    }

    fn bytes(&self, _: Channel, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

impl Console for Nobody {
    fn is_terminal(&self) -> bool {
        false
    }

    fn stdin(&self) -> BoxRead {
        Box::pin(tokio::io::empty())
    }

    fn raw(&self) -> (Box<dyn Send>, Option<watch::Receiver<TerminalSize>>) {
        (Box::new(()), None)
    }
}

fn context(engine: &MemoryEngine, file: &str, warned: &Arc<Warned>) -> Context {
    static PIDS: AtomicU32 = AtomicU32::new(1000);
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/fault_injection"));
    Context {
        options: GlobalOptions { files: vec![folder.join(file)], ..Default::default() },
        cwd: folder,
        variables: BTreeMap::new(),
        reporter: warned.clone(),
        prompt: Arc::new(Nobody),
        output: Arc::new(Nobody),
        console: Arc::new(Nobody),
        interrupt: engine.interruption(),
        owner: LeaseOwner { pid: PIDS.fetch_add(1, Ordering::SeqCst), ..Default::default() },
        connector: Arc::new(Fixed(engine.clone())),
        read_stdin: || Ok(String::new()),
        random: |_| Ok(()),
        now: || "2026-01-01T00:00:00Z".to_owned(),
        redactor: Arc::default(),
    }
}

/// Runs a verb to its end; the process is gone afterwards, with whatever it still holds.
pub async fn run(engine: &MemoryEngine, act: Act) -> Ended {
    let warned = Arc::new(Warned::default());
    let context = context(engine, act.file, &warned);
    let stopping = |remove, volumes| StopArgs { remove, volumes, remove_orphans: true, ..Default::default() };
    let report = match act.verb {
        Verb::Start => start::run(&context, StartArgs { remove_orphans: true, ..Default::default() }).await.map(json),
        Verb::Restart => restart::run(&context, RestartArgs::default()).await.map(json),
        Verb::Stop => stop::run(&context, stopping(false, false)).await.map(json),
        Verb::Remove => stop::run(&context, stopping(true, false)).await.map(json),
        Verb::RemoveAll => stop::run(&context, stopping(true, true)).await.map(json),
    };
    engine.end();
    let report = report.map_err(|e| (e.kind(), e.messages().join(": ")));
    let warnings = warned.0.lock().unwrap().clone();
    Ended { report, warnings }
}

fn json<R: Report>(report: R) -> serde_json::Value {
    report.json()
}
