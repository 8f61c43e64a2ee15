//! What every verb is handed: the global options, the surroundings, and the trait objects that reach the world.
//! Plain data; `cli` builds it once.
//! Never reads the process environment itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{mpsc, watch};

use crate::event::{Changes, OutputStream, Prompt, Reporter};
use crate::release::LeaseOwner;
use crate::secret::Redactor;
use crate::session::connect::Connect;
use crate::target::{BoxRead, TerminalSize};

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

impl GlobalOptions {
    /// This program with the options that lead to the same project, environment and files, as a shell takes them.
    pub fn command(&self) -> String {
        self.command_beside(&[])
    }

    /// The same without the options that a command has already: twice they are an error.
    fn command_beside(&self, typed: &[&str]) -> String {
        let path = |path: &PathBuf| path.display().to_string();
        let mut words = vec!["aictl".to_owned()];
        let mut add = |options: &[&str], values: Vec<String>| {
            if !options.iter().any(|option| typed.contains(option)) {
                words.extend(values.iter().flat_map(|value| [options[0].to_owned(), quoted_word(value)]));
            }
        };
        add(&["--project-dir"], self.project_dir.iter().map(path).collect());
        add(&["-p", "--project-name"], self.project_name.iter().cloned().collect());
        add(&["-f", "--file"], self.files.iter().map(path).collect());
        add(&["--profile"], self.profiles.clone());
        add(&["--env"], self.environment.iter().cloned().collect());
        add(&["--env-file"], self.env_files.iter().map(path).collect());
        add(&["--set"], self.set.clone());
        words.join(" ")
    }

    /// A hint whose commands lead to the same project, environment and files wherever they are typed.
    pub fn addressed(&self, hint: &str) -> String {
        let ours = format!("{} ", self.command());
        let addressed = |(at, part): (usize, &str)| match part.strip_prefix("aictl ") {
            // Some already have them.
            Some(rest) if at % 2 == 1 && !format!("{part} ").starts_with(&ours) => {
                let typed: Vec<&str> = rest.split(' ').collect();
                format!("{} {rest}", self.command_beside(&typed))
            }
            _ => part.to_owned(),
        };
        hint.split('`').enumerate().map(addressed).collect::<Vec<_>>().join("`")
    }
}

/// A word as a shell takes it.
pub fn quoted_word(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), |quoted| quoted.into_owned())
}

/// The operator's terminal, for verbs that hand it to a process.
pub trait Console: Send + Sync {
    /// Whether stdin and stdout are a terminal.
    fn is_terminal(&self) -> bool;

    /// Standard input as a stream.
    fn stdin(&self) -> BoxRead;

    /// The signals a process that is attached gets instead of us, by name; none if no signals are sent. The second
    /// Ctrl-C is ours again.
    fn signals(&self) -> Option<mpsc::UnboundedReceiver<&'static str>> {
        None
    }

    /// Puts the terminal into raw mode until the guard is dropped, and reports changes of its size.
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
    /// The reporter.
    pub reporter: Arc<dyn Reporter>,
    /// Who is asked.
    pub prompt: Arc<dyn Prompt>,
    /// Where streamed data goes.
    pub output: Arc<dyn OutputStream>,
    /// The terminal.
    pub console: Arc<dyn Console>,
    /// Turns true at the first Ctrl-C.
    pub interrupt: watch::Receiver<bool>,
    /// Told before anything is changed that the engine is not asked for.
    pub changes: Changes,
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
    /// Now, in seconds since 1970.
    pub fn unix_time(&self) -> i64 {
        OffsetDateTime::parse(&(self.now)(), &Rfc3339).map(OffsetDateTime::unix_timestamp).unwrap_or_default()
    }

    /// The project's name as this command was given it: by an option, or as Compose's users set it.
    pub fn project_name(&self) -> Option<&str> {
        let variable = || self.variables.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty());
        self.options.project_name.as_ref().or_else(variable).map(String::as_str)
    }

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

/// A path as it is typed from where the command was typed.
pub fn shown(context: &Context, path: &Path) -> String {
    match path.strip_prefix(&context.cwd) {
        Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
        relative => relative.unwrap_or(path).display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_that_was_typed() {
        assert_eq!(GlobalOptions { yes: true, verbose: true, ..Default::default() }.command(), "aictl");
        let options = GlobalOptions {
            environment: Some("full".to_owned()),
            project_dir: Some(PathBuf::from("my shop")),
            project_name: Some("shop".to_owned()),
            env_files: vec![PathBuf::from("a.env"), PathBuf::from("b.env")],
            ..Default::default()
        };
        let said = "aictl --project-dir 'my shop' -p shop --env full --env-file a.env --env-file b.env";
        assert_eq!(options.command(), said);
        assert_eq!(
            options.addressed(&format!("see `aictl logs web`, `ls` or `{said} ls`")),
            format!("see `{said} logs web`, `ls` or `{said} ls`")
        );
        let options = GlobalOptions { environment: Some("two".into()), project_name: Some("a".into()), ..options };
        let hint = options.addressed("name one: `aictl --env NAME status`, or see `aictl ls`");
        assert!(hint.contains("-p a --env-file a.env --env-file b.env --env NAME status`"), "{hint}");
        assert!(hint.ends_with("--env two --env-file a.env --env-file b.env ls`"), "{hint}");
    }
}
