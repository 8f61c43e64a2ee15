//! What services print of the secrets they were given: shown nowhere by aictl, and kept in no record.

use super::project::{TestProject, docker};

const SECRET: &str = "kept+to/ourselves=7";
/// What `base64` and a URL make of it.
const FORMS: [&str; 3] = [SECRET, "a2VwdCt0by9vdXJzZWx2ZXM9Nw", "kept%2Bto%2Fourselves%3D7"];

const COMPOSE: &str = r#"
services:
  a:
    image: aictl/base:bookworm
    stop_grace_period: 1s
    environment: {API_PASSWORD: "${API_PASSWORD}"}
    command:
      - sh
      - -c
      - |
        echo "it is $$API_PASSWORD"
        printf %s "$$API_PASSWORD" | base64
        echo kept%2Bto%2Fourselves%3D7
        exit 7
"#;

/// Everything in the records of the project.
fn records(stage: &TestProject) -> String {
    let files = std::process::Command::new("sh")
        .args(["-c", &format!("docker cp {}-aictl-state:/state/releases - | tar -xO", stage.project)])
        .output()
        .unwrap();
    String::from_utf8_lossy(&files.stdout).into_owned()
}

#[test]
fn the_last_words_of_a_service_are_kept_and_shown_without_its_secrets() {
    let Some(stage) = TestProject::new("privacy", COMPOSE) else { return };
    stage.write(".env", &format!("API_PASSWORD={SECRET}\n"));
    let mut shown = String::new();
    for args in ["start --verbose", "start --output json --progress json", "logs", "logs --output json"] {
        let ran = stage.aictl(args);
        shown.push_str(&ran.stdout);
        shown.push_str(&ran.stderr);
    }
    let kept = records(&stage);
    for (what, text) in [("shown", &shown), ("kept", &kept)] {
        assert!(text.contains("it is [redacted]"), "the last log lines are not {what}:\n{text}");
        for form in FORMS {
            assert!(!text.contains(form), "{form} is {what}:\n{text}");
        }
    }
}

#[test]
fn a_task_tells_no_secret_and_a_command_prints_what_was_asked_for() {
    let Some(stage) = TestProject::new("private-task", COMPOSE) else { return };
    stage.write(".env", &format!("API_PASSWORD={SECRET}\n"));
    let task = "[sh, -c, 'printf kept+to/our; sleep 0.3; echo selves=7; printenv API_PASSWORD >&2']";
    stage.write("aictl.yaml", &format!("name: {}\ntasks:\n  tell: {{ service: a, command: {task} }}\n", stage.project));
    let told = stage.aictl("run tell").code(0);
    assert_eq!(told.stdout, "[redacted]\n", "{}", told.stderr);
    assert!(told.stderr.contains("[redacted]") && !told.stderr.contains(SECRET), "{}", told.stderr);
    // Data that somebody asked for is not altered: a dump may hold the same bytes.
    assert_eq!(stage.aictl("run a printenv API_PASSWORD").code(0).stdout, format!("{SECRET}\n"));
    assert_eq!(docker(&["ps", "-aq", "--filter", &format!("name={}-a-run", stage.project)]), "");
}

/// The same for a secret file, and for the last log lines of a service that reads it.
#[test]
fn the_content_of_a_secrets_file_is_shown_nowhere_and_names_are_shown_although_a_password_equals_them() {
    let compose = r#"
services:
  letters:
    image: aictl/base:bookworm
    stop_grace_period: 1s
    environment: {API_PASSWORD: letters}
    secrets: [token]
    command: [sh, -c, 'echo "it is $$(cat /run/secrets/token)"; base64 /run/secrets/token; exit 7']
secrets: {token: {file: ./token.txt}}
"#;
    let Some(stage) = TestProject::new("private-file", compose) else { return };
    stage.write("token.txt", &format!("{SECRET}\n"));
    let mut shown = String::new();
    for args in ["start --verbose", "start --output json --progress json", "logs", "logs --output json", "status"] {
        let ran = stage.aictl(args);
        shown.push_str(&ran.stdout);
        shown.push_str(&ran.stderr);
    }
    let kept = records(&stage);
    for (what, text) in [("shown", &shown), ("kept", &kept)] {
        assert!(text.contains("it is [redacted]"), "the last log lines are not {what}:\n{text}");
        assert!(text.contains("letters"), "the service's name is not {what}:\n{text}");
        for form in FORMS {
            assert!(!text.contains(form), "{form} is {what}:\n{text}");
        }
    }
    assert!(!shown.contains("service `[redacted]`") && !shown.contains("[redacted]-1"), "{shown}");
}
