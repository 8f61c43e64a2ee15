//! A project on the lab's engine in which commands are run and looked at.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::sign::{OWNER, Seen, Sign, take_file};
use crate::engine_target::{Authority, TlsPort, write_context};
use crate::support::project::{TestProject, docker, eventually};
use crate::support::recorder::Recorder;

const OF_FLAGS: &str = include_str!("flags.compose.yaml");
const OF_KEYS: &str = include_str!("keys.compose.yaml");
const OF_DEPLOYS: &str = include_str!("deploys.compose.yaml");
const OF_CHART: &str = "\
    all: [{{ .Values.v | toJson }}, {{ .Release.Name }}, {{ .Release.Namespace }}, {{ .Capabilities.KubeVersion }}]\n\
    has: {{ .Capabilities.APIVersions.Has \"sought/v1\" }}\n";
const PROJECT: &str = include_str!("flags.aictl.yaml");

/// Nothing here takes longer.
const DEADLINE: Duration = Duration::from_secs(90);
/// What is to go on is looked at for so long.
const LASTING: Duration = Duration::from_secs(4);

/// The project.
pub struct Stack {
    project: TestProject,
    recorder: Recorder,
    tls: Option<TlsPort>,
}

impl Stack {
    /// Services to look at, and files that keys name.
    pub fn of_keys() -> Option<Self> {
        let lab = Self::open("keys", Some(TlsPort::open(&Authority::new(), "127.0.0.1", &Authority::new())))?;
        lab.project.write("compose.yaml", OF_KEYS);
        lab.project.write("other.yaml", &OF_KEYS.replace("  web:", "  elsewhere:"));
        lab.project.write("shop.yaml", OF_DEPLOYS);
        lab.project.write("routable.yaml", "services: { web: { image: x, ports: ['8080:80'] } }\n");
        lab.project.write("t.yaml.tera", "services: { web: { image: \"x:{{ values.tag }}\" } }\n");
        lab.project.write("prod.env", "TAG=sought\n");
        lab.project.write("bad.pem", "nothing of use\n");
        write_context(&lab.project.path().join("docker"), "away", "tcp://127.0.0.1:1");
        write_context(&lab.project.path().join("docker"), "near", "tcp://127.0.0.1:2");
        lab.first("start");
        Some(lab)
    }

    /// A stack that runs, with an orphan, and what flags speak of.
    pub fn of_flags(name: &str) -> Option<Self> {
        let lab = Self::open(name, None)?;
        let project = &lab.project;
        project.write("aictl.yaml", PROJECT);
        project.write("compose.yaml", OF_FLAGS);
        let gone = "  gone: { image: 'aictl-lab/tool:1', command: [tool, serve], stop_grace_period: 1s }\n";
        project.write("old.yaml", &OF_FLAGS.replace("networks:\n", &format!("{gone}networks:\n")));
        project.write(
            "changed.yaml",
            &OF_FLAGS.replace("    ports:", "    labels: { changed: sought-label }\n    ports:"),
        );
        project.write("other.yaml.tera", "services: { \"{{ values.name }}\": { image: 'aictl-lab/tool:1' } }\n");
        project.write("below/compose.yaml", "services: { sought-below: { image: x } }\n");
        project.write("shop.yaml", OF_DEPLOYS);
        project.write("inconsistent.yaml", "services: { web: { image: x, depends_on: [nosuch] } }\n");
        project.write("sought.env", "TAG=sought\n");
        project.write("web.env", "A=b\n");
        project.write(".env", "SOUGHT_SECRET=0123456789abcdef0123456789abcdef\n");
        project.write("built/Dockerfile", "FROM aictl-lab/tool:1\nARG SOUGHT=none\nLABEL sought=$SOUGHT\n");
        project.write("bin/xdg-open", "#!/bin/sh\necho \"$@\" >\"$OPENED\"\n");
        project.write("owned", "x");
        project.write("foreign", "x");
        project.write("chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
        project.write("chart/values.schema.json", r#"{"properties": {"port": {"type": "integer"}}}"#);
        project.write("chart/crds/sought.yaml", "kind: CustomResourceDefinition\n");
        project.write("chart/templates/NOTES.txt", "some notes");
        project.write("chart/templates/other.yaml", "other: 1\n");
        project.write("chart/templates/all.yaml", OF_CHART);
        project.write("sought.values.yaml", "v: sought\n");
        project.write("taken/other.yaml", "x");
        project.write("empty/none", "");
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
        let project = TestProject::new(name)?;
        let recorder = Recorder::open(&project.path().join("engine.sock"));
        Some(Self { project, recorder, tls })
    }

    fn permissions(&self) {
        use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
        let path = |name: &str| self.project.path().join(name);
        std::fs::set_permissions(path("bin/xdg-open"), std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("aictl.yaml", path("link")).unwrap();
        // Only root may; others keep it.
        let _ = chown(path("owned"), Some(OWNER), None);
    }

    pub fn name(&self) -> &str {
        self.project.name()
    }

    pub fn write(&self, file: &str, text: &str) {
        let port = self.tls.as_ref().map_or(0, |tls| tls.number).to_string();
        self.project.write(file, &text.replace("{tls}", &port));
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
        let status = ["-p", self.name(), "lock", "status"];
        let named = || self.project.aictl(&status).stdout.contains("alive");
        eventually("it says who holds the lock", DEADLINE, named);
        child
    }

    /// Runs a line, `NAME=value` words first, `{}` being the project's name; on a terminal if asked for.
    pub fn run(&self, line: &str, sign: Sign, terminal: bool) -> Seen {
        self.recorder.take();
        let file = sign.file().map(|file| self.project.path().join(file));
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let mut command = self.command(line, terminal);
        command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
        let child = command.spawn().unwrap();
        let deadline = Instant::now()
            + if sign.may_last() && terminal || matches!(sign, Sign::Lasts) { LASTING } else { DEADLINE };
        let code = ended(child, deadline);
        let said = [out, err].map(text_of).concat();
        Seen { code, said, asked: self.recorder.take(), file: file.and_then(|file| take_file(&file)) }
    }

    fn command(&self, line: &str, terminal: bool) -> Command {
        let line = line.replace("{}", self.name());
        let words = shlex::split(&line).unwrap();
        let variables = words.iter().take_while(|word| is_variable(word)).count();
        let (variables, words) = words.split_at(variables);
        let mut command = self.project.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        if terminal {
            let line = format!("{} {line}", env!("CARGO_BIN_EXE_aictl"));
            command = Command::new("script");
            command.args(["-qec", &line, "/dev/null"]).current_dir(self.project.path());
            command.env("COMPOSE_PROJECT_NAME", self.name());
        }
        let path = format!("{}:{}", self.project.path().join("bin").display(), std::env::var("PATH").unwrap());
        command
            .env("PATH", path)
            .env("DISPLAY", ":7")
            .env("OPENED", self.project.path().join("opened"))
            .env("DOCKER_HOST", format!("unix://{}", self.recorder.path.display()));
        command.envs(variables.iter().filter_map(|word| word.split_once('=')));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Projects beside the project's own have its name and a letter.
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

/// The exit code; `None` if it was still running at the deadline. It is gone afterwards.
fn ended(mut child: std::process::Child, deadline: Instant) -> Option<i32> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}
