//! Hints of situations that need no engine, each executed where it was printed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::super::project::Ran;
use super::command;
use crate::support::project::skip;

/// A folder without an engine.
struct Alone(tempfile::TempDir);

const ONE: &str = "services: { a: { image: 'x:1' } }\n";

impl Alone {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let alone = Self::new();
        files.iter().for_each(|(name, text)| alone.write(name, text));
        alone
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("HOME", self.0.path()).env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        command.env_remove("AICTL_ENV").env_remove("COMPOSE_PROJECT_NAME").env_remove("DOCKER_CONTEXT");
        command
    }

    fn aictl(&self, words: &str) -> Ran {
        let line = format!("exec '{}' {words}", env!("CARGO_BIN_EXE_aictl"));
        Ran::of(&self.shell(&line).output().unwrap())
    }

    #[track_caller]
    fn follow(&self, ran: &Ran, beginning: &str) -> Ran {
        self.follow_with(ran, beginning, &[])
    }

    #[track_caller]
    fn follow_with(&self, ran: &Ran, beginning: &str, places: &[(&str, &str)]) -> Ran {
        let command = command(ran, beginning, places);
        match command.strip_prefix("aictl ") {
            Some(words) => self.aictl(words),
            None => Ran::of(&self.shell(&command).output().unwrap()),
        }
    }
}

#[test]
fn a_folder_without_a_project() {
    let alone = Alone::with(&[("other.yaml", ONE)]);
    let refused = alone.aictl("start").code(78);
    alone.follow_with(&refused, "aictl --file", &[("PATH", "other.yaml")]).code(0);
    let nothing = alone.aictl("init").code(1);
    assert!(alone.follow(&nothing, "aictl init --list").code(0).stdout.contains("ai-assistant"));
    let unknown = alone.aictl("init --from nosuch").code(2);
    alone.follow(&unknown, "aictl init --list").code(0);
    let made = alone.follow(&refused, "aictl init --from ai-assistant").code(0);
    assert_ne!(alone.aictl("config --quiet").code, 0, "its secrets have no values yet");
    alone.follow(&made, "aictl secrets generate").code(0);
    alone.aictl("config --quiet").code(0);
    // There is no engine here.
    alone.follow(&made, "aictl start").code(9);
}

#[test]
fn a_system_where_other_files_are() {
    let alone = Alone::with(&[("aictl.yaml", "x")]);
    let refused = alone.aictl("init --from ai-assistant").code(1);
    alone.follow_with(&refused, "aictl --project-dir", &[("NEW", "new")]).code(0);
    assert!(alone.path("new/aictl.yaml").exists());
    let refused = alone.aictl("--project-dir . init --from ai-assistant").code(1);
    alone.follow_with(&refused, "aictl --project-dir", &[("NEW", "newer")]).code(0);
}

#[test]
fn words_that_are_no_command() {
    let alone = Alone::new();
    let unknown = alone.aictl("--output json nosuch").code(2);
    assert!(alone.follow(&unknown, "aictl --help").code(0).stdout.contains("Usage:"));
    let help = alone.aictl("--help").code(0);
    alone.follow_with(&help, "aictl COMMAND", &[("COMMAND", "start")]).code(0);
    let unknown = alone.aictl("man statsu").code(2);
    assert!(alone.follow(&unknown, "aictl man").code(0).stdout.contains("status"));
    alone.write("pages/aictl.1", "somebody's work");
    let refused = alone.aictl("man --to pages").code(1);
    alone.follow_with(&refused, "aictl man --to", &[("NEW", "others")]).code(0);
    assert!(alone.path("others/aictl.1").exists());
}

#[test]
fn a_project_file_that_is_wrong() {
    let alone = Alone::with(&[("aictl.yaml", "x\n"), ("compose.yaml", ONE)]);
    let refused = alone.aictl("start").code(78);
    assert!(alone.follow(&refused, "aictl schema").code(0).stdout.contains("environments"));
}

#[test]
fn a_variable_that_is_missing() {
    let alone = Alone::with(&[("compose.yaml", "services: { a: { image: '${TAG:?}' } }\n")]);
    let refused = alone.aictl("start").code(78);
    alone.follow(&refused, "aictl config --quiet").code(78);
    alone.write(".env", "TAG=x\n");
    alone.follow(&refused, "aictl config --quiet").code(0);
}

#[test]
fn a_template_that_is_not_there() {
    let alone = Alone::with(&[("compose.yaml", ONE)]);
    let nothing = alone.aictl("render").code(2);
    assert!(alone.follow(&nothing, "aictl config").code(0).stdout.contains("x:1"));
    alone.write("aictl.yaml", "environments: { dev: { compose: [app.yaml.tera] } }\n");
    alone.write("app.yaml.tera", ONE);
    let unknown = alone.aictl("render ap.yaml.tera").code(2);
    assert!(alone.follow(&unknown, "aictl render").code(0).stdout.contains("x:1"));
}

#[test]
fn a_stack_that_nothing_watches() {
    let alone = Alone::with(&[("compose.yaml", ONE)]);
    let refused = alone.aictl("monitoring start").code(10);
    assert_eq!(alone.follow(&refused, "aictl config --profiles").code(0).stdout, "");
    alone.write("compose.yaml", "services: { a: { image: x, profiles: [monitoring] } }\n");
    assert_eq!(alone.follow(&refused, "aictl config --profiles").code(0).stdout, "monitoring\n");
}

#[test]
fn a_recipe_that_nobody_named() {
    let alone = Alone::new();
    let refused = alone.aictl("images build").code(2);
    assert!(alone.follow(&refused, "aictl images build --list").code(0).stdout.contains("postgres"));
}

#[test]
fn an_engine_that_does_not_answer() {
    let alone = Alone::with(&[("compose.yaml", ONE)]);
    let refused = alone.aictl("status").code(9);
    assert!(alone.follow(&refused, "aictl doctor").code(4).stdout.contains("/nonexistent/docker.sock"));
    let remote = "aictl.yaml";
    alone.write(remote, "environments: { dev: { compose: compose.yaml, target: { docker: { context: nosuch } } } }\n");
    let refused = alone.aictl("status").code(78);
    assert!(alone.follow(&refused, "docker context ls").code(0).stdout.contains("default"));
    alone.write(
        remote,
        "environments: { dev: { compose: compose.yaml, target: { docker: { host: 'tcp://127.0.0.1:1' } } } }\n",
    );
    let refused = alone.aictl("status").code(9);
    alone.follow(&refused, "docker context ls").code(0);
}

#[test]
fn files_that_doctor_cannot_read() {
    let alone = Alone::with(&[("compose.yaml", "services: { a: { imag: x } }\n")]);
    let seen = alone.aictl("doctor").code(4);
    assert!(alone.follow(&seen, "aictl config").code(78).stderr.contains("imag"));
}

#[test]
fn a_place_where_no_file_can_be_written() {
    let alone = Alone::with(&[("compose.yaml", ONE), ("file", "x")]);
    let refused = alone.aictl("config -o none/made.yaml").code(1);
    alone.follow(&refused, "mkdir -p").code(0);
    alone.aictl("config -o none/made.yaml").code(0);
    let refused = alone.aictl("config -o none").code(1);
    assert!(alone.follow(&refused, "ls -ld").code(0).stdout.starts_with('d'));
    let refused = alone.aictl("config -o file/made.yaml").code(1);
    assert!(alone.follow(&refused, "ls -ld").code(0).stdout.starts_with('-'));
}

#[test]
fn a_pipe_that_nobody_reads() {
    let alone = Alone::with(&[("compose.yaml", ONE)]);
    assert!(alone.shell("mkfifo pipe").status().unwrap().success());
    let refused = alone.aictl("config -o pipe").code(1);
    let reader = alone.shell(&command(&refused, "cat ", &[])).stdout(Stdio::piped()).spawn().unwrap();
    // The reader may not have opened it yet.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while alone.aictl("config -o pipe").code != 0 {
        assert!(std::time::Instant::now() < deadline);
    }
    assert!(Ran::of(&reader.wait_with_output().unwrap()).stdout.contains("x:1"));
}

#[test]
fn an_env_file_in_a_folder_that_is_not_there() {
    let alone =
        Alone::with(&[("compose.yaml", "services: { a: { image: x, environment: { P: '${DB_PASSWORD}' } } }\n")]);
    alone.write(
        "aictl.yaml",
        "environments: { dev: { compose: compose.yaml, env_file: none/.env } }\nsecrets: { DB_PASSWORD: { generate: hex } }\n",
    );
    let refused = alone.aictl("secrets generate");
    assert_ne!(refused.code, 0, "{refused:?}");
    alone.follow(&refused, "mkdir -p").code(0);
    alone.aictl("secrets generate").code(0);
    // A link out of the project.
    let outside = tempfile::tempdir().unwrap();
    std::fs::remove_file(alone.path("none/.env")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("env"), alone.path("none/.env")).unwrap();
    let refused = alone.aictl("secrets generate").code(78);
    alone.follow(&refused, "aictl --env-file").code(0);
    assert!(outside.path().join("env").exists());
}

const ASKS: &str = "services: { a: { image: x, environment: { P: '${DB_PASSWORD}' } } }";

fn env_file(path: &str) -> String {
    format!(
        "environments: {{ dev: {{ compose: compose.yaml, env_file: {path} }} }}\nsecrets: {{ DB_PASSWORD: {{ generate: hex }} }}\n"
    )
}

#[test]
fn an_env_file_that_is_none() {
    let alone = Alone::with(&[("compose.yaml", ASKS), ("aictl.yaml", &env_file(".env")), (".env/x", "")]);
    let refused = alone.aictl("secrets generate").code(1);
    alone.follow(&refused, "mv .env").code(0);
    alone.follow(&refused, "aictl secrets generate").code(0);
    std::fs::write(alone.path(".env"), b"DB_PASSWORD=caf\xe9\n").unwrap();
    let refused = alone.aictl("secrets check").code(1);
    alone.follow(&refused, "iconv -f LATIN1").code(0);
    assert_eq!(std::fs::read_to_string(alone.path(".env.utf8")).unwrap(), "DB_PASSWORD=caf\u{e9}\n");
}

#[test]
fn a_repository_whose_index_is_damaged() {
    let alone = Alone::with(&[("compose.yaml", ASKS), (".env", "DB_PASSWORD=kV3_x9Qm-72LrTz0\n")]);
    assert!(alone.shell("git init -q && printf DIRC >.git/index").status().unwrap().success());
    let seen = alone.aictl("secrets check");
    let told = alone.follow(&seen, "git ls-files").code(128);
    assert!(told.stderr.contains("index"), "{told:?}");
}

/// A disk in memory, gone with this value.
struct Disk(PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_or_read_only() {
    let alone = Alone::with(&[("compose.yaml", ONE), ("disk/none", "")]);
    let asking = Alone::with(&[("compose.yaml", ASKS)]);
    let disk = alone.path("disk");
    asking.write("aictl.yaml", &env_file(".env"));
    let generate = format!("--env-file {} secrets generate", disk.join(".env").display());
    if !alone.shell("mount -t tmpfs -o size=4k tmpfs disk").status().unwrap().success() {
        return skip("hints of a full disk", "mounting a disk in memory is not allowed here");
    }
    let _disk = Disk(disk);
    assert!(alone.shell("head -c 4096 /dev/zero >disk/all").status().unwrap().success());
    let config = || alone.aictl("config -o disk/made.yaml").code(1);
    assert!(alone.follow(&config(), "df -h").code(0).stdout.contains("100%"));
    assert!(asking.follow(&asking.aictl(&generate).code(1), "df -h").code(0).stdout.contains("100%"));
    assert!(alone.shell("mount -o remount,ro disk").status().unwrap().success());
    assert!(alone.follow(&config(), "findmnt -T").code(0).stdout.contains("ro,"));
    assert!(asking.follow(&asking.aictl(&generate).code(1), "findmnt -T").code(0).stdout.contains("ro,"));
}
