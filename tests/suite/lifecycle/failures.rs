//! Everything that can be wrong: its exit code, a message that names it, a remedy, and nothing half done left.

use std::time::{Duration, Instant};

use aictl::release::{Record, RecordPhase};

use super::project::{Ran, TestProject, docker};

/// What the project's history is kept in, and all that a start leaves which failed before anything ran.
const HISTORY: &[&str] = &["P-aictl-state", "P_aictl"];

/// What a start leaves whose only container ran: it is the evidence, and may be mended and started again.
const WHAT_RAN: &[&str] = &["P-a-1", "P-aictl-state", "P_aictl", "P_default"];

/// How much address space refusing a file may take: far more than the program itself, far less than a bomb.
const KILOBYTES: u32 = 400_000;

/// A start that cannot go well.
struct Case<'a> {
    test: &'a str,
    compose: &'a str,
    code: i32,
    says: &'a [&'a str],
    hint: &'a str,
    /// Everything of the project that is there afterwards.
    leaves: &'a [&'a str],
}

/// A start that is refused before anything is done.
const INVALID: Case<'_> =
    Case { test: "", compose: "", code: 78, says: &[], hint: "aictl config --quiet", leaves: &[] };

impl Case<'_> {
    #[track_caller]
    fn is_refused(&self) {
        if let Some(stage) = TestProject::new(self.test, self.compose) {
            self.fails("start", &stage);
        }
    }

    /// Runs it and checks everything; the stage is there for what is tried next.
    #[track_caller]
    fn fails(&self, command: &str, stage: &TestProject) -> Ran {
        let ran = stage.aictl(command).code(self.code);
        said(&ran, self.says);
        hinted(&ran, self.hint);
        left(stage, self.leaves);
        ran
    }
}

#[track_caller]
fn said(ran: &Ran, words: &[&str]) {
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
    }
}

/// What can be done about it is on a line of its own.
#[track_caller]
fn hinted(ran: &Ran, remedy: &str) {
    let mut hints = ran.stderr.lines().filter(|line| line.starts_with("hint: "));
    assert!(hints.any(|line| line.contains(remedy)), "no hint has `{remedy}`:\n{}", ran.stderr);
}

/// Nothing but this is there of the project, nobody holds its lock, and whatever was begun is on record as failed.
#[track_caller]
fn left(stage: &TestProject, wanted: &[&str]) {
    let mut found = stage.leftovers();
    found.sort();
    assert_eq!(found, wanted);
    assert!(stage.lock().ends_with("not locked"), "{}", stage.lock());
    if wanted.contains(&"P_aictl") {
        failure(stage);
    }
}

/// The record of what failed last.
#[track_caller]
fn failure(stage: &TestProject) -> Record {
    let (name, last) =
        stage.records().into_iter().max_by_key(|(_, r)| (r.sequence, r.phase != RecordPhase::Pending)).unwrap();
    assert!(last.phase == RecordPhase::Failed && !last.error.is_empty(), "{name}: {last:#?}");
    last
}

/// The record of what failed last holds how service `a` ended and its last words.
#[track_caller]
fn evidence(stage: &TestProject, (service, code): (&str, Option<i64>), words: &str) {
    let record = failure(stage);
    let [kept] = &record.evidence[..] else { panic!("{record:#?}") };
    assert_eq!((kept.service.as_str(), kept.exit_code), (service, code), "{kept:?}");
    assert!(kept.container.ends_with(&format!("{}-{service}-1", stage.project)), "{kept:?}");
    assert!(kept.logs.iter().any(|line| line == words), "`{words}` is not in {kept:?}");
}

/// The files were mended: the next start goes on from what there is.
#[track_caller]
fn mended(stage: &TestProject, compose: &str) {
    stage.write("compose.yaml", compose);
    stage.aictl("start -t 1").code(0);
    assert_eq!(stage.containers(), ["a-1 running"]);
    let last = stage.records().into_iter().max_by_key(|(_, r)| (r.sequence, r.phase != RecordPhase::Pending)).unwrap();
    assert_eq!(last.1.phase, RecordPhase::Done);
}

fn service(body: &str) -> String {
    format!("services:\n  a:\n    image: aictl-lab/tool:1\n    {body}\n")
}

#[test]
fn mistakes_in_the_file_are_78_with_place_key_and_nearest_name() {
    let wrong = |test, compose: &str, says: &[&str]| Case { test, compose, says, ..INVALID }.is_refused();
    let key = ["compose.yaml:4:5: services.a.comand: ", "did you mean `command`?"];
    wrong("unknown-key", &service("comand: x"), &key);
    wrong("wrong-type", &service("ports: 80"), &["compose.yaml:4:12: services.a.ports: ", "must be a list"]);
    wrong("bad-port", &service("ports: ['99999:80']"), &["services.a.ports[0]: ", "99999"]);
    let cycle = "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}";
    wrong("cycle", cycle, &["dependency cycle detected: a -> b -> a"]);
    let two = service("command: '${ONE:?set one} ${TWO:?set two}'");
    let words = ["required variable ONE ", "required variable TWO ", "set one", "set two"];
    Case { test: "variables", compose: &two, says: &words, hint: "set ONE, TWO in .env", ..INVALID }.is_refused();
}

#[test]
fn ten_megabytes_are_loaded_or_refused_quickly_and_in_little_memory() {
    let mut text = String::from("services: {a: {image: 'aictl-lab/tool:1'}}\nx-large: |\n");
    text.push_str(&format!("  {}\n", "some text ".repeat(100)).repeat(10_600));
    let Some(stage) = TestProject::new("large", &text) else { return };
    let mut nodes = String::from("services: {a: {image: 'aictl-lab/tool:1'}}\nx-large:\n");
    for n in 0..200_000 {
        nodes.push_str(&format!("  - {{key{n}: 'some text to make it long enough'}}\n"));
    }
    assert!(text.len() > 10_000_000 && nodes.len() > 10_000_000);
    let began = Instant::now();
    let planned = stage.within(KILOBYTES, "plan").code(0);
    assert!(planned.stdout.contains("create container"), "{}", planned.stdout);
    stage.write("compose.yaml", &nodes);
    let refused = stage.within(KILOBYTES, "start").code(78);
    said(&refused, &["compose.yaml:50000:16: ", "more than 100000 nodes in one document"]);
    hinted(&refused, "aictl config --quiet");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    left(&stage, &[]);
}

#[test]
fn an_alias_bomb_is_refused_at_once_and_in_little_memory() {
    let mut bomb = String::from("x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for n in 1..12 {
        let alias = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("x-{n}: &a{n} [{alias}]\n"));
    }
    bomb.push_str("services: {a: {image: 'aictl-lab/tool:1'}}\n");
    let Some(stage) = TestProject::new("bomb", &bomb) else { return };
    let began = Instant::now();
    let refused = stage.within(KILOBYTES, "start").code(78);
    said(&refused, &["compose.yaml:1:", "document contains excessive aliasing"]);
    hinted(&refused, "aictl config --quiet");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    left(&stage, &[]);
}

#[test]
fn a_missing_bind_source_is_named_before_anything_stays() {
    let compose = "services: {a: {image: 'aictl-lab/tool:1', command: [tool, serve], volumes: [{type: bind, source: ./nope, target: /x, bind: {create_host_path: false}}]}}";
    let Some(stage) = TestProject::new("bind", compose) else { return };
    let source = stage.path("nope").display().to_string();
    let says = ["service `a` mounts ", &source, "which does not exist"];
    let hint = format!("mkdir -p {source}");
    Case { says: &says, hint: &hint, leaves: HISTORY, ..INVALID }.fails("start", &stage);
    stage.write("nope/file", "");
    mended(&stage, compose);
}

#[test]
fn a_missing_image_is_named() {
    let compose = "services: {a: {image: 'localhost:1/nosuch:1'}}";
    let says = ["image localhost:1/nosuch:1 is not present and could not be pulled"];
    let case =
        Case { test: "image", compose, code: 1, says: &says, hint: "aictl start --bundle FILE", leaves: HISTORY };
    case.is_refused();
}

#[test]
fn a_taken_port_names_its_holder_and_what_ran_keeps_running() {
    let port = crate::support::project::free_port();
    let compose = format!(
        "
services:
  a: {{image: 'aictl-lab/tool:1', command: [tool, serve], ports: ['127.0.0.1:{port}:80']}}
  b: {{image: 'aictl-lab/tool:1', ports: ['127.0.0.1:{port}:80'], depends_on: [a]}}
"
    );
    let Some(stage) = TestProject::new("port", &compose) else { return };
    let holder = format!("port 127.0.0.1:{port} is already taken by container {}-a-1", stage.project);
    let hint = format!("docker stop {}-a-1", stage.project);
    Case { code: 1, says: &[&holder], hint: &hint, leaves: WHAT_RAN, ..INVALID }.fails("start", &stage);
    assert_eq!(stage.containers(), ["a-1 running"], "what could not start is undone");
    mended(&stage, &service("command: [tool, serve]"));
}

#[test]
fn a_port_held_by_a_process_names_the_process() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let compose = service(&format!("ports: ['127.0.0.1:{port}:80']"));
    let (taken, pid) = (format!("127.0.0.1:{port} is already taken by "), format!("(pid {})", std::process::id()));
    let (says, hint) = ([&taken[..], &pid], format!("'sport = :{port}'"));
    Case { test: "port-process", compose: &compose, code: 1, says: &says, hint: &hint, leaves: HISTORY }.is_refused();
}

#[test]
fn a_failing_build_shows_its_last_lines_and_leaves_no_image() {
    let compose = |run: &str| {
        let recipe = format!("FROM aictl-lab/tool:1\\nRUN echo before; {run}\\n");
        format!("services: {{a: {{command: [tool, serve], build: {{context: ., dockerfile_inline: \"{recipe}\"}}}}}}")
    };
    let Some(stage) = TestProject::new("build", &compose("sh -c 'echo the reason; exit 3'")) else { return };
    let containers = docker(&["ps", "-aq", "--filter", "ancestor=aictl-lab/tool:1", "--filter", "status=exited"]);
    let says = ["build of service `a` failed", "| before", "| the reason"];
    let case = Case { code: 1, says: &says, hint: "aictl build a --verbose", leaves: HISTORY, ..INVALID };
    case.fails("start", &stage);
    let images = || docker(&["image", "ls", "-q", &format!("{}-a", stage.project)]);
    assert_eq!(images(), "");
    let mine = |line: &&str| docker(&["inspect", "--format", "{{.Config.Cmd}}", line]).contains("the reason");
    let after = docker(&["ps", "-aq", "--filter", "ancestor=aictl-lab/tool:1", "--filter", "status=exited"]);
    let kept: Vec<&str> = after.lines().filter(|id| !containers.contains(id)).filter(mine).collect();
    assert!(kept.is_empty(), "the build's own container stayed: {kept:?}");
    mended(&stage, &compose("true"));
    assert_ne!(images(), "");
}

#[test]
fn a_crash_loop_fails_at_once_with_its_last_words() {
    let Some(stage) = TestProject::new("crash", &service("command: [tool, crash]\n    restart: always")) else {
        return;
    };
    let began = Instant::now();
    let says = ["service `a` is in a crash loop", "last exit code 1", "| crashing"];
    Case { code: 1, says: &says, hint: "aictl logs a", leaves: WHAT_RAN, ..INVALID }.fails("start", &stage);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    evidence(&stage, ("a", Some(1)), "crashing");
    mended(&stage, &service("command: [tool, serve]"));
}

#[test]
fn an_unhealthy_service_is_3_with_the_words_of_its_check() {
    let compose = service(
        "command: [tool, serve]\n    healthcheck: {test: 'echo too cold; exit 1', interval: 300ms, retries: 2}",
    );
    let Some(stage) = TestProject::new("unhealthy", &compose) else { return };
    let says = ["service `a` is unhealthy: too cold"];
    Case { code: 3, says: &says, hint: "aictl logs a", leaves: WHAT_RAN, ..INVALID }.fails("start", &stage);
    assert_eq!(stage.containers(), ["a-1 running"]);
    evidence(&stage, ("a", None), "ready");
    mended(&stage, &service("command: [tool, serve]"));
}

#[test]
fn the_verdict_of_the_engine_is_not_delayed_by_a_probe_that_hangs() {
    let check = "{test: 'echo stuck; sleep 60', interval: 600ms, timeout: 1s, retries: 1}";
    let compose = service(&format!("command: [tool, serve]\n    healthcheck: {check}"));
    let Some(stage) = TestProject::new("unhealthy-hangs", &compose) else { return };
    let began = Instant::now();
    said(&stage.aictl("start").code(3), &["service `a` is unhealthy"]);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let began = Instant::now();
    stage.write("compose.yaml", &compose.replace("timeout: 1s", "timeout: 60s"));
    said(&stage.aictl("start --timeout 2s").code(3), &["did not become ready within 2s"]);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[test]
fn a_service_that_is_never_ready_is_3_at_the_deadline() {
    let compose = service("command: [tool, serve]\n    healthcheck: {test: 'exit 1', interval: 300s, retries: 9}");
    let Some(stage) = TestProject::new("deadline", &compose) else { return };
    let says = ["service `a` did not become ready within 3s"];
    let case = Case { code: 3, says: &says, hint: "`--timeout` sets how long to wait", leaves: WHAT_RAN, ..INVALID };
    case.fails("start --timeout 3s", &stage);
    assert_eq!(stage.containers(), ["a-1 running"]);
    evidence(&stage, ("a", None), "ready");
    mended(&stage, &service("command: [tool, serve]"));
}

#[test]
fn one_shots_are_fine_at_0_and_fail_the_start_at_3() {
    let Some(stage) = TestProject::new("oneshot", &service("command: [tool, exit, '3']")) else { return };
    let says = ["service `a` exited with code 3", "| ending with 3"];
    let case = Case { code: 1, says: &says, hint: "aictl logs a", leaves: WHAT_RAN, ..INVALID };
    case.fails("start", &stage);
    assert_eq!(stage.containers(), ["a-1 exited"], "it is kept, with its log");
    evidence(&stage, ("a", Some(3)), "ending with 3");
    case.fails("start", &stage);
    stage.write("compose.yaml", &service("command: [tool, exit, '0']"));
    stage.aictl("start").code(0);
    assert_eq!(stage.containers(), ["a-1 exited"]);
}

#[test]
fn a_one_shot_that_succeeded_and_fails_after_a_change_is_a_failure() {
    let Some(stage) = TestProject::new("oneshot-changed", &service("command: [tool, exit, '0']")) else { return };
    stage.aictl("start").code(0);
    stage.write("compose.yaml", &service("command: [tool, exit, '3']"));
    let ran = stage.aictl("start").code(1);
    said(&ran, &["service `a` exited with code 3", "| ending with 3"]);
    hinted(&ran, "aictl logs a");
    evidence(&stage, ("a", Some(3)), "ending with 3");
    mended(&stage, &service("command: [tool, serve]"));
    left_nothing_beside(&stage);
}

/// One container, no leftover of a replacement.
#[track_caller]
fn left_nothing_beside(stage: &TestProject) {
    let mut found = stage.leftovers();
    found.sort();
    assert_eq!(found, WHAT_RAN);
}

#[test]
fn no_engine_and_a_too_old_one_are_9() {
    let Some(stage) = TestProject::new("engine", &service("command: [tool, serve]")) else { return };
    let at = |host: &str, says: &[&str], remedy: &str| {
        let ran = Ran::of(&stage.aictl_command("start").env("DOCKER_HOST", host).output().unwrap()).code(9);
        said(&ran, says);
        hinted(&ran, remedy);
        assert_eq!(stage.leftovers(), Vec::<String>::new());
    };
    let nowhere = "unix:///nonexistent/docker.sock";
    at(
        nowhere,
        &[&format!("cannot connect to the engine at {nowhere}")],
        "install or start an engine with `aictl setup`",
    );
    at("tcp://127.0.0.1:1", &["cannot connect to the engine at tcp://127.0.0.1:1"], "check DOCKER_HOST");
    let old = format!("tcp://{}", old_engine());
    at(&old, &[&format!("the engine at {old} has API 1.24"), "is required"], "upgrade the engine");
}

/// A stand-in that speaks like an engine of 2016.
fn old_engine() -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(20).flatten() {
            let mut stream = stream;
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let body = r#"{"Version":"1.12.6","ApiVersion":"1.24","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.24\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

#[test]
fn a_secret_with_every_awkward_character_arrives_whole_and_is_shown_nowhere() {
    let secret = "p$a'ss\"wo\\rd\nsecond-line";
    let compose = "
services:
  a:
    image: aictl-lab/tool:1
    command: [tool, crash]
    environment: {API_PASSWORD: \"${API_PASSWORD}\"}
    secrets: [token]
secrets: {token: {environment: API_PASSWORD}}
";
    let Some(stage) = TestProject::new("secret", compose) else { return };
    let run = |args: &str| {
        let output = stage.aictl_command(args).env("API_PASSWORD", secret).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let mut shown = run("start --verbose --progress plain");
    for args in ["status --output json", "plan", "lock status --output json", "start --output json --progress json"] {
        shown.push_str(&run(args));
    }
    for part in [secret, "second-line", "p$a'ss", &secret.replace('\n', "\\n")] {
        assert!(!shown.contains(part), "{part:?} is shown in:\n{shown}");
    }
    let container = format!("{}-a-1", stage.project);
    let environment = docker(&["inspect", "--format", "{{json .Config.Env}}", &container]);
    let environment: Vec<String> = serde_json::from_str(&environment).unwrap();
    assert!(environment.contains(&format!("API_PASSWORD={secret}")), "{environment:?}");
    let file = std::process::Command::new("sh")
        .args(["-c", &format!("docker cp {container}:/run/secrets/token - | tar -xO")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&file.stdout), secret);
}
