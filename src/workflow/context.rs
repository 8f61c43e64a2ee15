//! What every verb is handed: the global options, the surroundings, and the trait objects that reach the world.
//! Plain data; `cli` builds it once.
//! Never reads the process environment itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::event::{OutputStream, Prompt, Reporter};
use crate::release::LeaseOwner;
use crate::secret::Redactor;
use crate::target::{BoxRead, Target, TargetError, TerminalSize};

/// The global command-line options as data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GlobalOptions {
    /// `--env`: the environment of aictl.yaml.
    pub environment: Option<String>,
    /// `--project-dir`.
    pub project_dir: Option<PathBuf>,
    /// `--file`, in order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// `--project-name`.
    pub project_name: Option<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// `--env-file`.
    pub env_files: Vec<PathBuf>,
    /// `--set a.b=c`.
    pub set: Vec<String>,
    /// `--all-resources`.
    pub all_resources: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--yes`.
    pub yes: bool,
    /// `--timeout`, for each wait.
    pub timeout: Option<Duration>,
    /// `--verbose`.
    pub verbose: bool,
}

/// Makes a connection to a target. The engine is only reached by verbs that need it.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Connects to the engine at `host`, or to the one the surroundings name.
    async fn connect(&self, host: Option<&str>) -> Result<Arc<dyn Target>, TargetError>;
}

/// The operator's terminal, for verbs that hand it to a process.
pub trait Console: Send + Sync {
    /// Whether stdin and stdout are a terminal.
    fn is_terminal(&self) -> bool;

    /// Standard input as a stream.
    fn stdin(&self) -> BoxRead;

    /// Puts the terminal into raw mode until the guard is dropped, and tells its size as it changes.
    fn raw(&self) -> (Box<dyn Send>, Option<watch::Receiver<TerminalSize>>);
}

/// Everything a verb may use.
#[derive(Clone)]
pub struct Context {
    /// Global options.
    pub options: GlobalOptions,
    /// Directory the command was typed in.
    pub cwd: PathBuf,
    /// The process environment.
    pub variables: BTreeMap<String, String>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Who is asked.
    pub prompt: Arc<dyn Prompt>,
    /// Where streamed data goes.
    pub output: Arc<dyn OutputStream>,
    /// The terminal.
    pub console: Arc<dyn Console>,
    /// Turns true at the first Ctrl-C.
    pub interrupt: watch::Receiver<bool>,
    /// This process, as leases name it; the verb fills in `operation`.
    pub owner: LeaseOwner,
    /// How a target is reached.
    pub connector: Arc<dyn Connect>,
    /// The text of standard input, read when `-f -` asks for it.
    pub read_stdin: fn() -> std::io::Result<String>,
    /// Random bytes fit for secrets: fills the whole slice.
    pub random: fn(&mut [u8]) -> std::io::Result<()>,
    /// The time, RFC 3339 in UTC.
    pub now: fn() -> String,
    /// What must not be shown; what is loaded adds to it.
    pub redactor: Arc<Redactor>,
}

impl Context {
    /// This process as the owner of a lease for an operation.
    pub fn owner_of(&self, operation: &str) -> LeaseOwner {
        LeaseOwner { operation: operation.to_owned(), ..self.owner.clone() }
    }

    /// Ends when Ctrl-C was pressed.
    pub async fn interrupted(&self) {
        let mut interrupt = self.interrupt.clone();
        if interrupt.wait_for(|pressed| *pressed).await.is_err() {
            // Nobody can press it any more.
            std::future::pending::<()>().await;
        }
    }
}
