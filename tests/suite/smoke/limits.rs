//! What a check may take and may leave behind: no time beyond its limit, no process, no part of a secret.
//! Intent: whoever looks at a stack leaves it as it was, and what was found can be shown to anybody.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::small::{SERVICES, check, json, stage};
use crate::support::project::{Outcome, docker, eventually};

/// A value with everything that programs escape.
const SECRET: &str = "S3cr/et+va lue\"x&1";

/// Neither `--timeout` nor a check's own limit is overrun, nothing goes on running, and neither does it after Ctrl-C.
#[test]
fn a_check_ends_in_time_and_nothing_of_it_goes_on() {
    let checks = "  - { name: one, exec: { service: api, command: [sleep, '1003'] }, timeout: 15s }\n\
                  \x20 - { name: two, exec: { service: api, command: [sh, -c, 'sleep 1003; echo never'] }, timeout: 1s }\n";
    let Some(stage) = stage("probe-limit", SERVICES, checks) else { return };
    stage.aictl(&["start"]).ended(0);
    let top = || docker(&["top", &format!("{}-api-1", stage.name())]);
    let began = Instant::now();
    let report = json(&stage.aictl(&["smoke-test", "api", "--timeout", "2s", "--output", "json"]).ended(4));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    for name in ["one", "two"] {
        let found = check(&report, name);
        assert_eq!(found["verdict"], "failed", "{found}");
        assert!(found.to_string().contains("timed out after"), "{found}");
    }
    assert!(!top().contains("1003"), "{}", top());

    let mut command = stage.command(&["health", "--check", "one"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the check runs", Duration::from_secs(20), || top().contains("1003"));
    Outcome::from(Command::new("kill").args(["-INT", &child.id().to_string()]).output().unwrap()).ended(0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!top().contains("1003"), "{}", top());
}

/// An image of one program is asked as it is, with its own exit codes.
#[test]
fn an_image_without_a_shell_is_checked_all_the_same() {
    let services = "services: { api: { build: { context: . }, command: [sleep, '1000'], stop_grace_period: 0s } }\n";
    let checks = "  - { name: 'yes', exec: { service: api, command: ['true'] } }\n\
                  \x20 - { name: 'no', exec: { service: api, command: ['false'] } }\n\
                  \x20 - { name: none, exec: { service: api, command: [sh, -c, 'true'] } }\n\
                  \x20 - { name: late, exec: { service: api, command: [sleep, '5'] }, timeout: 1s }\n";
    let Some(stage) = stage("probe-bare", services, checks) else { return };
    // The same binary under the names it is called by, and no `sh`.
    let names = ["true", "false", "sleep"].map(|name| format!("COPY --from=lab /bin/busybox /bin/{name}\n")).concat();
    stage.write("Dockerfile", &format!("FROM aictl-lab/tool:1 AS lab\nFROM scratch\n{names}"));
    stage.aictl(&["start"]).ended(0);
    let report = json(&stage.aictl(&["health", "--output", "json"]).ended(4));
    let said = |name: &str| check(&report, name)["attempts"][0]["message"].as_str().unwrap().to_owned();
    assert_eq!(said("yes"), "exit code 0");
    assert!(said("no").contains("exited with code 1,"), "{}", said("no"));
    // 126 or 127, as the engine says that there is no such program.
    assert!(said("none").contains("exited with code 12"), "{}", said("none"));
    assert!(said("late").contains("timed out after 1"), "{}", said("late"));
}

/// Whatever is cut from an answer or a command, no beginning of a secret is left.
#[test]
fn no_part_of_a_secret_is_printed_where_text_is_cut() {
    let services =
        SERVICES.replace("    stop_grace_period", "    environment: { PW: '${WEB_PASSWORD}' }\n    stop_grace_period");
    let body = "head -c 390 /dev/zero | tr '\\\\0' x; echo \\\"$PW\\\"; exit 1";
    let told = ": yyyyyyyyyyyyyyyyS3cr/et+va lue\\\"x&1;exit 1";
    let checks = format!(
        "  - {{ name: body, exec: {{ service: api, command: [sh, -c, \"{body}\"] }} }}\n  \
         - {{ name: command, exec: {{ service: api, command: [sh, -c, \"{told}\"] }} }}\n"
    );
    let Some(stage) = stage("probe-cut", &services, &checks) else { return };
    stage.write(".env", &format!("WEB_PASSWORD='{SECRET}'\n"));
    stage.aictl(&["start"]).ended(0);
    for words in [&["health"][..], &["health", "--output", "json"], &["smoke-test", "--dry-run"]] {
        let outcome = stage.aictl(words);
        assert!(outcome.stdout.contains("[redacted]") || outcome.stdout.contains("x…"), "{outcome:?}");
        assert!(!outcome.stdout.contains("S3c") && !outcome.stderr.contains("S3c"), "{outcome:?}");
    }
}
