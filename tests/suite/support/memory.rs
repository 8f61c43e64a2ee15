//! A context with in-memory engines as targets, to run verbs in this process.
//! Nothing of the machine is read; warnings are collected.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use aictl::engine::memory::MemoryEngine;
use aictl::event::{Channel, Event, LogLine, OutputStream, Prompt, PromptError, Reporter};
use aictl::project::TargetConfig;
use aictl::release::LeaseOwner;
use aictl::session::{Connect, Console, Context, Endpoint, Endpoints, GlobalOptions};
use aictl::target::{BoxRead, Target, TargetError, TerminalSize};
use tokio::sync::watch;

/// A named in-memory engine.
#[derive(Clone)]
struct Named(String, MemoryEngine);

/// Locates the same engines for every environment.
struct Fixed(Vec<Named>);

impl Connect for Fixed {
    fn locate(&self, _: Option<&TargetConfig>) -> Result<Endpoints, TargetError> {
        let mut found = self.0.iter().cloned().map(|named| Box::new(named) as Box<dyn Endpoint>);
        let first = found.next().unwrap();
        Ok(Endpoints::new(first, found.collect()))
    }
}

#[async_trait::async_trait]
impl Endpoint for Named {
    fn name(&self) -> &str {
        &self.0
    }

    fn address(&self) -> &str {
        "memory"
    }

    async fn connect(&self) -> Result<Arc<dyn Target>, TargetError> {
        Ok(Arc::new(self.1.clone()))
    }
}

/// Collects warnings.
#[derive(Default)]
pub struct Warned(Mutex<Vec<String>>);

impl Warned {
    /// The warnings so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

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

/// A context in a directory whose environment has these engines as targets.
pub fn context(
    engines: &[(&str, &MemoryEngine)],
    (options, cwd): (GlobalOptions, PathBuf),
    warned: &Arc<Warned>,
) -> Context {
    static PIDS: AtomicU32 = AtomicU32::new(1000);
    let named = engines.iter().map(|(name, engine)| Named((*name).to_owned(), (*engine).clone()));
    Context {
        options,
        cwd,
        variables: BTreeMap::new(),
        reporter: warned.clone(),
        prompt: Arc::new(Nobody),
        output: Arc::new(Nobody),
        console: Arc::new(Nobody),
        interrupt: engines[0].1.interruption(),
        changes: aictl::event::Changes::default(),
        owner: LeaseOwner { pid: PIDS.fetch_add(1, Ordering::SeqCst), ..Default::default() },
        connector: Arc::new(Fixed(named.collect())),
        read_stdin: || Ok(String::new()),
        random: |_| Ok(()),
        now: || "2026-01-01T00:00:00Z".to_owned(),
        redactor: Arc::default(),
    }
}
