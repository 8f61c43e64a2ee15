//! Steps on a machine that does what a test tells it to: each failure is reported with its remedy, and the next run continues.
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::error::Hint;
use crate::event::Silent;
use crate::host::facts::KernelFacts;
use crate::host::install::{EngineState, SetupFacts, plan_setup};
use crate::host::{OsRelease, Presence};

/// What a command says when it fails.
type Said = Result<(i32, &'static str), io::ErrorKind>;

#[derive(Default)]
struct Scripted {
    /// Commands that contain the words end like this; all others end well.
    ends: Vec<(&'static str, Said)>,
    /// The engine answers after this many looks; never when none.
    answers_after: Option<usize>,
    looks: AtomicUsize,
    done: Mutex<Vec<String>>,
    read_only: bool,
    /// Every file already has its content.
    written: bool,
    /// The engine ends right after its start.
    ends_at_once: bool,
}

impl Scripted {
    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }
}

#[async_trait]
impl Machine for Scripted {
    async fn run(&self, command: &[String], told: Told<'_>) -> io::Result<CommandEnd> {
        let line = command.join(" ");
        self.done.lock().unwrap().push(line.clone());
        let end = self.ends.iter().find(|(words, _)| line.contains(words)).map(|(_, end)| *end);
        match end.unwrap_or(Ok((0, ""))) {
            Ok((code, words)) => {
                words.lines().for_each(told);
                Ok(CommandEnd { code: Some(code), tail: words.lines().map(str::to_owned).collect() })
            }
            Err(kind) => Err(kind.into()),
        }
    }

    async fn write(&self, path: &str, _text: &str) -> io::Result<bool> {
        self.done.lock().unwrap().push(format!("write {path}"));
        if self.read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(!self.written) }
    }

    async fn launch(&self, command: &[String], _log: &str) -> io::Result<()> {
        self.done.lock().unwrap().push(format!("launch {}", command.join(" ")));
        Ok(())
    }

    async fn engine_answers(&self) -> Result<(), String> {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        match self.answers_after {
            Some(after) if looks >= after => Ok(()),
            _ => Err("connection refused".into()),
        }
    }

    fn launched_ended(&self) -> Option<String> {
        self.ends_at_once.then(|| "exit status: 1".to_owned())
    }

    async fn tail_of(&self, _log: &str) -> Vec<String> {
        vec!["failed to start daemon: Devices cgroup isn't mounted".into()]
    }
}

fn steps() -> Vec<SetupStep> {
    let os = OsRelease { id: "debian".into(), name: "Debian 12".into(), ..Default::default() };
    let facts = SetupFacts {
        os: Some(os),
        presence: Presence { systemd: true, cgroups: true, ..Default::default() },
        engine: EngineState::Silent,
        ..Default::default()
    };
    plan_setup(&facts).unwrap()
}

fn kernel_steps() -> Vec<SetupStep> {
    let kernel = KernelFacts { max_map_count: Some(65_530), overcommit_memory: Some(1) };
    plan_setup(&SetupFacts {
        engine: EngineState::Answers,
        kernel,
        map_count_for: Some("search".into()),
        ..Default::default()
    })
    .unwrap()
}

async fn perform_on(machine: &Scripted, steps: &[SetupStep]) -> Result<Vec<SetupStepDone>, SetupError> {
    let (_sender, interrupt) = watch::channel(false);
    perform_setup(steps, machine, &Silent, &interrupt).await
}

#[tokio::test]
async fn everything_is_done_in_order_and_timed() {
    let machine = Scripted { answers_after: Some(2), ..Default::default() };
    let done = perform_on(&machine, &steps()).await.unwrap();
    let named: Vec<&str> = done.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(named, ["refresh package lists", "install docker.io", "start the engine", "await the engine"]);
    assert!(done.last().unwrap().seconds.unwrap() >= 0.5, "two looks apart: {done:?}");
}

const UNKNOWN: Said = Ok((100, "E: Unable to locate package docker.io"));

/// Without lists no package is known: why the lists could not be fetched is reported.
#[tokio::test]
async fn lists_that_cannot_be_had_are_the_trouble_told_when_the_package_is_unknown() {
    let ignored = "W: Some index files failed to download. They have been ignored";
    let cases: [(i32, &'static str, Trouble); 3] = [
        (100, "E: Temporary failure resolving 'packages.example.org'", Trouble::NoDns),
        (0, "W: Unable to connect to mirror:80\nW: Some index files failed to download.", Trouble::MirrorDown),
        (100, "E: Could not open lock file /x/lock - open (13: Permission denied)", Trouble::NotPermitted),
    ];
    for (code, words, expected) in cases {
        let machine =
            Scripted { ends: vec![("update", Ok((code, words))), ("install", UNKNOWN)], ..Default::default() };
        let error = perform_on(&machine, &steps()).await.unwrap_err();
        let SetupError::Step { trouble, step, .. } = &error else { panic!("{words}: {error:?}") };
        assert_eq!((*trouble, step.as_str()), (expected, "refresh package lists"), "{words}");
        assert_eq!(machine.done().len(), 2, "nothing follows: {:?}", machine.done());
    }
    // One broken source among others does not prevent the installation.
    let machine = Scripted { ends: vec![("update", Ok((0, ignored)))], answers_after: Some(0), ..Default::default() };
    let done = perform_on(&machine, &steps()).await.unwrap();
    assert!(done[0].skipped.is_some() && done.len() == 4, "{done:?}");
}

#[tokio::test]
async fn each_trouble_is_told_with_a_remedy_and_nothing_is_done_after_it() {
    let cases: [(&str, Said, Trouble); 7] = [
        (
            "install",
            Ok((100, "E: Failed to fetch http://mirror/x  Unable to connect to mirror:80:")),
            Trouble::MirrorDown,
        ),
        ("install", Ok((100, "E: You don't have enough free space in /var/cache/apt/archives/.")), Trouble::DiskFull),
        ("install", UNKNOWN, Trouble::NoSuchPackage),
        ("install", Ok((100, "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'")), Trouble::CutOff),
        ("install", Ok((100, "E: Could not get lock /var/lib/dpkg/lock-frontend")), Trouble::Busy),
        ("install", Err(io::ErrorKind::NotFound), Trouble::NoProgram),
        ("systemctl", Ok((1, "Job for docker.service failed")), Trouble::Unit),
    ];
    for (words, said, expected) in cases {
        let machine = Scripted { ends: vec![(words, said)], answers_after: Some(0), ..Default::default() };
        let error = perform_on(&machine, &steps()).await.unwrap_err();
        let SetupError::Step { trouble, .. } = &error else { panic!("{words}: {error:?}") };
        assert_eq!(*trouble, expected, "{words}");
        assert!(machine.done().last().unwrap().contains(words), "nothing follows: {:?}", machine.done());
        assert!(error.hints().iter().any(|hint| hint.contains("aictl setup")), "{:?}", error.hints());
    }
}

#[tokio::test]
async fn the_second_command_is_tried_where_the_first_cannot_work() {
    let mut step = steps().remove(1);
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let commands = vec![words("dnf install -y moby-engine"), words("dnf install -y docker")];
    step.action = Action::Run { commands, limit: Duration::from_secs(5) };
    let missing = Ok((1, "No match for argument: moby-engine"));
    let machine = Scripted { ends: vec![("moby-engine", missing)], ..Default::default() };
    perform_on(&machine, std::slice::from_ref(&step)).await.unwrap();
    assert_eq!(machine.done().len(), 2);
    let neither = Scripted { ends: vec![("dnf", missing)], ..Default::default() };
    assert!(perform_on(&neither, &[step]).await.is_err());
}

#[tokio::test]
async fn an_engine_that_never_answers_is_told_with_the_end_of_its_log() {
    let limit = Duration::from_millis(300);
    let wait = SetupStep { action: Action::AwaitEngine { limit, log: Some("/x".into()) }, ..steps().remove(3) };
    let error = perform_on(&Scripted::default(), &[wait]).await.unwrap_err();
    assert!(error.details().iter().any(|line| line.contains("Devices cgroup")), "{:?}", error.details());
    assert_eq!(error.kind(), crate::error::ErrorKind::Unreachable);
}

#[tokio::test]
async fn an_engine_that_ends_right_after_its_start_is_not_waited_for() {
    let limit = Duration::from_secs(60);
    let wait = SetupStep { action: Action::AwaitEngine { limit, log: Some("/x".into()) }, ..steps().remove(3) };
    let started = Instant::now();
    let machine = Scripted { ends_at_once: true, ..Default::default() };
    let error = perform_on(&machine, &[wait]).await.unwrap_err();
    assert!(matches!(&error, SetupError::Ended { status, .. } if status == "exit status: 1"), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_engine_that_came_up_by_itself_is_not_started_twice() {
    let command = vec!["dockerd".to_owned()];
    let action = Action::Launch { command, log: "/x".into(), grace: Duration::from_secs(5) };
    let launch = SetupStep { action, ..steps().remove(2) };
    let up = Scripted { answers_after: Some(1), ..Default::default() };
    perform_on(&up, std::slice::from_ref(&launch)).await.unwrap();
    assert_eq!(up.done(), [""; 0]);
}

#[tokio::test]
async fn an_optional_step_that_fails_is_skipped_and_says_why() {
    let machine = Scripted { read_only: true, ..Default::default() };
    let done = perform_on(&machine, &kernel_steps()).await.unwrap();
    assert!(
        done.iter().all(|step| step.skipped.as_deref().is_some_and(|why| why.contains("permission denied"))),
        "{done:?}"
    );
}

#[tokio::test]
async fn what_is_set_already_is_no_change() {
    let machine = Scripted { written: true, ..Default::default() };
    let done = perform_on(&machine, &kernel_steps()).await.unwrap();
    assert!(done.iter().all(|step| step.skipped.as_deref() == Some("already set")), "{done:?}");
}

#[tokio::test]
async fn ctrl_c_ends_the_run_between_two_steps() {
    let (sender, interrupt) = watch::channel(false);
    sender.send_replace(true);
    let machine = Scripted::default();
    let error = perform_setup(&steps(), &machine, &Silent, &interrupt).await.unwrap_err();
    assert_eq!(error, SetupError::Interrupted { next: "refresh package lists".into() });
    assert_eq!(machine.done(), [""; 0]);
}

#[tokio::test]
async fn the_real_machine_runs_commands_and_keeps_their_last_words() {
    let machine = crate::host::install::LocalMachine::default();
    let words = |line: &str| vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()];
    let told = Mutex::new(Vec::new());
    let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
    let end = machine.run(&words("seq 1 30; echo wrong >&2; exit 7"), &tell).await.unwrap();
    assert_eq!((end.code, end.tail.len(), told.lock().unwrap().len()), (Some(7), 20, 31));
    // A daemon that keeps the pipe open does not keep us.
    let started = Instant::now();
    let end = machine.run(&words("sleep 30 & echo started $!"), &tell).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10) && end.code == Some(0));
    let pid = end.tail[0].split(' ').nth(1).unwrap().to_owned();
    std::process::Command::new("kill").arg(pid).status().unwrap();
    let missing = machine.run(&["no-such-program-here".to_owned()], &tell).await.unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}
