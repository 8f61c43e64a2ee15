//! A project on the lab's engine in which commands are run and looked at.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::recorder::Recorder;
use super::sign::{OWNER, Seen, Sign, take_file};
use crate::engine_target::{Authority, TlsPort, write_context};
use crate::support::project::{TestProject, docker, eventually};

const OF_FLAGS: &str = include_str!("flags.compose.yaml");
const OF_KEYS: &str = include_str!("keys.compose.yaml");
const PROJECT: &str = include_str!("flags.aictl.yaml");

/// Nothing here takes longer.
const DEADLINE: Duration = Duration::from_secs(90);
/// What is to go on is looked at for so long.
const LASTING: Duration = Duration::from_secs(4);

/// The project.
pub struct Stack {
    stage: TestProject,
    recorder: Recorder,
    tls: Option<TlsPort>,
}

impl Stack {
    /// Services to look at, and files that keys name.
    pub fn of_keys() -> Option<Self> {
        let lab = Self::open("keys", Some(TlsPort::open(&Authority::new(), "127.0.0.1", &Authority::new())))?;
        lab.stage.write("compose.yaml", OF_KEYS);
        lab.stage.write("other.yaml", &OF_KEYS.replace("  web:", "  elsewhere:"));
        lab.stage.write("t.yaml.tera", "services: { web: { image: \"x:{{ values.tag }}\" } }\n");
        lab.stage.write("prod.env", "TAG=sought\n");
        lab.stage.write("bad.pem", "nothing of use\n");
        write_context(&lab.stage.path().join("docker"), "away", "tcp://127.0.0.1:1");
        write_context(&lab.stage.path().join("docker"), "near", "tcp://127.0.0.1:2");
        lab.first("start");
        Some(lab)
    }

    /// A stack that runs, with an orphan, and what flags speak of.
    pub fn of_flags(name: &str) -> Option<Self> {
        let lab = Self::open(name, None)?;
        let stage = &lab.stage;
        stage.write("aictl.yaml", PROJECT);
        stage.write("compose.yaml", OF_FLAGS);
        let gone = "  gone: { image: 'aictl-lab/tool:1', command: [tool, serve], stop_grace_period: 1s }\n";
        stage.write("old.yaml", &OF_FLAGS.replace("networks:\n", &format!("{gone}networks:\n")));
        stage.write(
            "changed.yaml",
            &OF_FLAGS.replace("    ports:", "    labels: { changed: sought-label }\n    ports:"),
        );
        stage.write("other.yaml.tera", "services: { \"{{ values.name }}\": { image: 'aictl-lab/tool:1' } }\n");
        stage.write("below/compose.yaml", "services: { sought-below: { image: x } }\n");
        stage.write("inconsistent.yaml", "services: { web: { image: x, depends_on: [nosuch] } }\n");
        stage.write("sought.env", "TAG=sought\n");
        stage.write("web.env", "A=b\n");
        stage.write(".env", "SOUGHT_SECRET=0123456789abcdef0123456789abcdef\n");
        stage.write("built/Dockerfile", "FROM aictl-lab/tool:1\nARG SOUGHT=none\nLABEL sought=$SOUGHT\n");
        stage.write("bin/xdg-open", "#!/bin/sh\necho \"$@\" >opened\n");
        stage.write("owned", "x");
        stage.write("empty/none", "");
        lab.permissions();
        for words in [
            "build built above",
            "-f old.yaml start",
            "monitoring start",
            "bundle save saved.tar",
            "-p {}-ended start db",
            "-p {}-ended stop",
        ] {
            lab.first(words);
        }
        Some(lab)
    }

    fn open(name: &str, tls: Option<TlsPort>) -> Option<Self> {
        let stage = TestProject::new(name)?;
        let recorder = Recorder::open(&stage.path().join("engine.sock"));
        Some(Self { stage, recorder, tls })
    }

    fn permissions(&self) {
        use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
        let path = |name: &str| self.stage.path().join(name);
        std::fs::set_permissions(path("bin/xdg-open"), std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("aictl.yaml", path("link")).unwrap();
        // Only root may; others keep it.
        let _ = chown(path("owned"), Some(OWNER), None);
    }

    pub fn name(&self) -> &str {
        self.stage.name()
    }

    pub fn write(&self, file: &str, text: &str) {
        let port = self.tls.as_ref().map_or(0, |tls| tls.number).to_string();
        self.stage.write(file, &text.replace("{tls}", &port));
    }

    /// A command that has to go well before something is looked at.
    #[track_caller]
    pub fn first(&self, line: &str) {
        let seen = self.run(line, Sign::Differs, false);
        assert_eq!(seen.code, Some(0), "{line}: {}", seen.said);
    }

    /// A command that goes on beside others.
    pub fn beside(&self, line: &str) -> std::process::Child {
        let child = self.command(line, false).spawn().unwrap();
        let lock = format!("name=^/{}-aictl-lock$", self.name());
        let held = || !docker(&["container", "ls", "-q", "--filter", &lock]).is_empty();
        eventually("it holds the lock", DEADLINE, held);
        child
    }

    /// Runs a line, `NAME=value` words first, `{}` being the project's name; on a terminal if asked for.
    pub fn run(&self, line: &str, sign: Sign, terminal: bool) -> Seen {
        self.recorder.take();
        let file = sign.file().map(|file| self.stage.path().join(file));
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let mut command = self.command(line, terminal);
        command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now()
            + if sign.may_last() && terminal || matches!(sign, Sign::Lasts) { LASTING } else { DEADLINE };
        let mut code = None;
        while code.is_none() && Instant::now() < deadline {
            code = child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1));
            std::thread::sleep(Duration::from_millis(20));
        }
        if code.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let said = [out, err].map(text_of).concat();
        Seen { code, said, asked: self.recorder.take(), file: file.and_then(|file| take_file(&file)) }
    }

    fn command(&self, line: &str, terminal: bool) -> Command {
        let line = line.replace("{}", self.name());
        let words = shlex::split(&line).unwrap();
        let variables = words.iter().take_while(|word| is_variable(word)).count();
        let (variables, words) = words.split_at(variables);
        let mut command = self.stage.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        if terminal {
            let line = format!("{} {line}", env!("CARGO_BIN_EXE_aictl"));
            command = Command::new("script");
            command.args(["-qec", &line, "/dev/null"]).current_dir(self.stage.path());
            command.env("COMPOSE_PROJECT_NAME", self.name());
        }
        let path = format!("{}:{}", self.stage.path().join("bin").display(), std::env::var("PATH").unwrap());
        command
            .env("PATH", path)
            .env("DISPLAY", ":7")
            .env("DOCKER_HOST", format!("unix://{}", self.recorder.path.display()));
        command.envs(variables.iter().filter_map(|word| word.split_once('=')));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Projects beside the stage's own have its name and a letter.
        for kind in ["container", "volume", "network"] {
            let all: &[&str] = if kind == "container" { &["--all"] } else { &[] };
            let filter = format!("name={}-", self.name());
            let found = docker(&[&[kind, "ls", "-q", "--filter", &filter], all].concat());
            for id in found.split_whitespace() {
                let _ = Command::new("docker").args([kind, "rm", "-f", id]).output();
            }
        }
    }
}

/// `NAME=value`, as a shell takes it before a command.
fn is_variable(word: &str) -> bool {
    let legal = |c: char| c.is_ascii_uppercase() || c == '_';
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(legal))
}

fn text_of(mut file: std::fs::File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
