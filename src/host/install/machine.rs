//! The machine that is set up, as a trait, and the real one.
//! Runs commands, writes files and starts programs; returns how they ended with their last words.
//! Every command is called with its option to assume yes.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::process;

use crate::input_file::{Files, LocalFiles};
use crate::output_file::{OutputError, OutputFile, Rules, Tree, append};

/// How many of a command's last lines are kept.
const TAIL: usize = 20;

/// What a command wrote last may come a little after its end.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Who hears each line a command writes.
pub type Told<'t> = &'t (dyn Fn(&str) + Send + Sync);

/// Result of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandEnd {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its last lines, both outputs together.
    pub tail: Vec<String>,
}

/// What setting up does to a machine.
#[async_trait]
pub trait Machine: Send + Sync {
    /// Runs a command to its end; every line goes to `told` as it comes.
    async fn run(&self, command: &[String], told: Told<'_>) -> io::Result<CommandEnd>;

    /// Writes a file. Returns false if it already has this content.
    async fn write(&self, path: &str, text: &str) -> io::Result<bool>;

    /// Starts a program that outlives this one.
    async fn launch(&self, command: &[String], log: &str) -> io::Result<()>;

    /// Whether an engine answers, or what it says instead.
    async fn engine_answers(&self) -> Result<(), String>;

    /// How the launched program ended, when it did.
    fn launched_ended(&self) -> Option<String>;

    /// The last lines of a log, from the launch on if there was one.
    async fn tail_of(&self, log: &str) -> Vec<String>;
}

/// The parts of the real machine that need no engine.
#[derive(Debug, Default)]
pub struct LocalMachine {
    launched: Mutex<Option<Launched>>,
}

/// A program that was launched.
#[derive(Debug)]
struct Launched {
    child: std::process::Child,
    /// Where its lines begin in the log, which may have those of an earlier launch.
    logged_from: u64,
}

impl LocalMachine {
    /// See [`Machine::run`].
    pub async fn run(&self, command: &[String], told: Told<'_>) -> io::Result<CommandEnd> {
        let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let mut child = process::command(program)?
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C is for us: a package manager that is cut off leaves a half-installed machine.
            .process_group(0)
            .kill_on_drop(true)
            .env("LC_ALL", "C.UTF-8")
            .spawn()?;
        let lines = Mutex::new(Vec::new());
        let status = {
            let keep = |line: String| {
                told(&line);
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            };
            let (output, errors) = (child.stdout.take(), child.stderr.take());
            let reading = async { tokio::join!(each_line(output, &keep), each_line(errors, &keep)) };
            tokio::pin!(reading);
            tokio::select! {
                _ = &mut reading => child.wait().await?,
                status = child.wait() => {
                    // A daemon started by a package's script keeps the pipes open: the command's own end counts.
                    let _ = tokio::time::timeout(LAST_WORDS, &mut reading).await;
                    status?
                }
            }
        };
        let mut tail = lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        tail.drain(..tail.len().saturating_sub(TAIL));
        Ok(CommandEnd { code: status.code(), tail })
    }

    /// See [`Machine::write`].
    pub fn write(&self, path: &str, text: &str) -> io::Result<bool> {
        let path = Path::new(path);
        // A pipe would be waited for, and a device read without an end.
        if LocalFiles.has_file(path) && LocalFiles.read(path).is_ok_and(|found| found == text.as_bytes()) {
            return Ok(false);
        }
        if let Some(folder) = path.parent() {
            Tree::create(folder).map_err(OutputError::into_io)?;
        }
        OutputFile::open(path, Rules::REPLACE)
            .and_then(|file| file.write(text.as_bytes()))
            .map_err(OutputError::into_io)?;
        Ok(true)
    }

    /// See [`Machine::launch`]. In a session of its own, with nothing of ours open: it outlives us and a closed terminal.
    pub fn launch(&self, command: &[String], log: &str) -> io::Result<()> {
        // `setsid` becomes the program itself, with our child's process id, as long as it leads no group yet.
        const DETACHED: &str = r#"
            for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done
            if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; else exec "$@"; fi
        "#;
        let log = append(Path::new(log))?;
        let mut shell = process::command("sh")?.into_std();
        shell.args(["-c", DETACHED, "aictl"]).args(command);
        let logged_from = log.metadata()?.len();
        shell.stdout(log.try_clone()?).stderr(log);
        let launched = Launched { child: shell.spawn()?, logged_from };
        *self.launched.lock().unwrap_or_else(PoisonError::into_inner) = Some(launched);
        Ok(())
    }

    /// See [`Machine::launched_ended`].
    pub fn launched_ended(&self) -> Option<String> {
        let mut launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner);
        Some(launched.as_mut()?.child.try_wait().ok()??.to_string())
    }

    /// See [`Machine::tail_of`].
    pub fn tail_of(&self, log: &str) -> Vec<String> {
        if !LocalFiles.has_file(Path::new(log)) {
            return Vec::new();
        }
        let launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner);
        let from =
            launched.as_ref().and_then(|launched| usize::try_from(launched.logged_from).ok()).unwrap_or_default();
        let bytes = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes.get(from..).unwrap_or(&bytes));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
    }
}

async fn each_line(stream: Option<impl AsyncRead + Unpin>, keep: &(impl Fn(String) + Sync)) {
    let Some(stream) = stream else { return };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // A progress bar is one line that is written over and over.
        let line = line.rsplit('\r').next().unwrap_or_default().trim_end().to_owned();
        if !line.is_empty() {
            keep(line);
        }
    }
}
