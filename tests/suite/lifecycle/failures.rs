//! Everything that can be wrong: its exit code, a message that names it, and nothing half done left.

use super::stage::{Ran, Stage, docker};

/// Starts, checks code and words, and that a first start that failed left no container behind.
#[track_caller]
fn refused(test: &str, compose: &str, code: i32, words: &[&str]) {
    let Some(stage) = Stage::new(test, compose) else { return };
    let ran = stage.aictl("start").code(code);
    said(&ran, words);
    assert_eq!(stage.containers(), Vec::<String>::new());
    assert!(!stage.resources().contains(&"P_default".to_owned()), "{:?}", stage.resources());
}

#[track_caller]
fn said(ran: &Ran, words: &[&str]) {
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in:\n{}", ran.stderr);
    }
}

#[test]
fn mistakes_in_the_file_are_78_with_place_key_and_nearest_name() {
    let service = |body: &str| format!("services:\n  a:\n    image: aictl-lab/tool:1\n    {body}\n");
    refused("unknown-key", &service("comand: x"), 78, &["compose.yaml:4:5", "services.a.comand", "`command`"]);
    refused("wrong-type", &service("ports: 80"), 78, &["compose.yaml:4", "services.a.ports"]);
    refused("bad-port", &service("ports: ['99999:80']"), 78, &["services.a.ports", "99999"]);
    refused(
        "cycle",
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
        78,
        &["a", "b", "cycle"],
    );
    let two = service("command: '${ONE:?set one} ${TWO:?set two}'");
    refused("variables", &two, 78, &["ONE", "TWO", "set one", "set two"]);
}

#[test]
fn a_large_document_is_loaded_or_refused_quickly_and_an_alias_bomb_is_refused() {
    let mut large = String::from("services: {a: {image: 'aictl-lab/tool:1'}}\nx-large:\n");
    for n in 0..200_000 {
        large.push_str(&format!("  - {{key{n}: 'some text to make it long enough'}}\n"));
    }
    assert!(large.len() > 10_000_000);
    let Some(stage) = Stage::new("large", &large) else { return };
    let began = std::time::Instant::now();
    let ran = stage.aictl("plan");
    assert!([0, 78].contains(&ran.code) && began.elapsed().as_secs() < 60, "{} {}", ran.code, ran.stderr);
    let mut bomb = String::from("x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for n in 1..12 {
        let alias = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("x-{n}: &a{n} [{alias}]\n"));
    }
    refused("bomb", &format!("{bomb}services: {{a: {{image: 'aictl-lab/tool:1'}}}}\n"), 78, &["compose.yaml"]);
}

#[test]
fn a_missing_bind_source_is_named_before_anything_stays() {
    let compose = "services: {a: {image: 'aictl-lab/tool:1', volumes: [{type: bind, source: ./nope, target: /x, bind: {create_host_path: false}}]}}";
    refused("bind", compose, 78, &["nope", "does not exist"]);
}

#[test]
fn a_missing_image_is_named() {
    refused("image", "services: {a: {image: 'localhost:1/nosuch:1'}}", 1, &["localhost:1/nosuch:1"]);
}

#[test]
fn a_taken_port_names_its_holder_and_what_ran_keeps_running() {
    let compose = "
services:
  a: {image: 'aictl-lab/tool:1', ports: ['127.0.0.1:38671:80']}
  b: {image: 'aictl-lab/tool:1', ports: ['127.0.0.1:38671:80'], depends_on: [a]}
";
    let Some(stage) = Stage::new("port", compose) else { return };
    let ran = stage.aictl("start").code(1);
    said(&ran, &["38671", "already taken", &format!("{}-a-1", stage.project)]);
    assert_eq!(stage.containers(), ["a-1 running"], "what could not start is taken back");
}

#[test]
fn a_port_held_by_a_process_names_the_process() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let compose = format!("services: {{a: {{image: 'aictl-lab/tool:1', ports: ['127.0.0.1:{port}:80']}}}}");
    refused("port-process", &compose, 1, &[&port.to_string(), &std::process::id().to_string()]);
}

#[test]
fn a_failing_build_shows_its_last_lines() {
    let compose = "services: {a: {build: {context: ., dockerfile_inline: \"FROM aictl-lab/tool:1\\nRUN echo before; sh -c 'echo the reason; exit 3'\\n\"}}}";
    refused("build", compose, 1, &["build of service `a` failed", "the reason"]);
}

#[test]
fn a_crash_loop_fails_at_once_with_its_last_words() {
    let compose = "services: {a: {image: 'aictl-lab/tool:1', command: [tool, crash], restart: always}}";
    let Some(stage) = Stage::new("crash", compose) else { return };
    let began = std::time::Instant::now();
    said(&stage.aictl("start").code(1), &["crash loop", "crashing", "aictl logs a"]);
    assert!(began.elapsed().as_secs() < 30);
}

#[test]
fn an_unhealthy_service_is_3_with_the_words_of_its_check() {
    let compose = "services: {a: {image: 'aictl-lab/tool:1', command: [tool, serve], healthcheck: {test: 'echo too cold; exit 1', interval: 300ms, retries: 2}}}";
    let Some(stage) = Stage::new("unhealthy", compose) else { return };
    said(&stage.aictl("start").code(3), &["`a` is unhealthy", "too cold"]);
}

#[test]
fn a_service_that_is_never_ready_is_3_at_the_deadline() {
    let compose = "services: {a: {image: 'aictl-lab/tool:1', command: [tool, serve], healthcheck: {test: 'exit 1', interval: 300s, retries: 9}}}";
    let Some(stage) = Stage::new("deadline", compose) else { return };
    said(&stage.aictl("start --timeout 3s").code(3), &["did not become ready within 3s"]);
}

#[test]
fn one_shots_are_fine_at_0_and_fail_the_start_at_3() {
    let job = |code: u8| format!("services: {{job: {{image: 'aictl-lab/tool:1', command: [tool, exit, '{code}']}}}}");
    let Some(stage) = Stage::new("oneshot", &job(0)) else { return };
    stage.aictl("start").code(0);
    stage.write("compose.yaml", &job(3));
    said(&stage.aictl("start").code(1), &["exited with code 3", "ending with 3"]);
}

#[test]
fn no_engine_and_a_too_old_one_are_9() {
    let Some(stage) = Stage::new("engine", "services: {a: {image: 'aictl-lab/tool:1'}}") else { return };
    let at = |host: &str| {
        let output = stage.aictl_command("start").env("DOCKER_HOST", host).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = at("unix:///nonexistent/docker.sock");
    assert!(code == Some(9) && said.contains("unix:///nonexistent/docker.sock"), "{said}");
    let (code, said) = at(&format!("tcp://{}", old_engine()));
    assert!(code == Some(9) && said.contains("1.24"), "{code:?} {said}");
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
    let Some(stage) = Stage::new("secret", compose) else { return };
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
