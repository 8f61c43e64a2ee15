//! `aictl secrets generate` and `check` as a person or a script uses them, on files alone: no engine is asked.
//! Reads exit codes, the files and JSON; a value must be in no output whatever happens.
//! Every kind of finding is provoked by breaking a project in which all is well.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::project::Outcome;

const PROJECT: &str = r#"
name: demo
default_environment: dev
environments:
  dev: { compose: [compose.yaml] }
  prod: { compose: [compose.yaml], env_file: .env.prod }
secrets:
  SESSION_SECRET: { generate: password, bytes: 24, min_length: 16, description: signs cookies }
  OPENAI_API_KEY: { required: true, description: from the console of the provider }
"#;
const COMPOSE: &str =
    "services:\n  web:\n    image: x\n    environment:\n      DB: ${POSTGRES_PASSWORD:?}\n      PORT: ${API_PORT}\n";
const TEMPLATE: &str = "# Settings of demo\nAPI_PORT=8000 # http\nPOSTGRES_PASSWORD=CHANGE_ME\nDATABASE_URL=postgresql://app:CHANGE_ME@db:5432/app\nSMTP_PASSWORD=published-in-the-template-1\n";
/// Values of a project in which all is well.
const GOOD: &str = "API_PORT=8000\nPOSTGRES_PASSWORD=kV3_x9Qm-72LrTz0\nDATABASE_URL=postgresql://app:${POSTGRES_PASSWORD}@db:5432/app\nSMTP_PASSWORD='h4 $w\"Lk#9zQ'\nSESSION_SECRET=Zx81-kkPq_27ahTTw\nOPENAI_API_KEY=sk-proj-9fA3b27Qx\n";

struct Folder {
    directory: TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { directory: tempfile::tempdir().unwrap() };
        folder.write("aictl.yaml", PROJECT);
        folder.write("compose.yaml", COMPOSE);
        folder.write(".env.example", TEMPLATE);
        folder
    }

    /// With an env file that only its owner reads.
    fn with(text: &str) -> Self {
        let folder = Self::new();
        folder.private(".env", text);
        folder
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn private(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program runs with no variable of ours; none of the values of the env files may be in its output.
    fn aictl(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command
            .args(words)
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        let before = self.values();
        let outcome: Outcome = command.output().unwrap().into();
        for value in before.into_iter().chain(self.values()) {
            for text in [&outcome.stdout, &outcome.stderr] {
                assert!(!text.contains(&value), "a value is shown by {words:?}:\n{text}");
            }
        }
        outcome
    }

    /// Values long enough to be told from other text.
    fn values(&self) -> Vec<String> {
        let texts = [".env", ".env.prod"].map(|name| fs::read_to_string(self.path(name)).unwrap_or_default());
        let values = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_once('='));
        values
            .map(|(_, value)| value.trim_matches('\'').to_owned())
            .filter(|value| value.len() >= 5 && !value.contains('#'))
            .collect()
    }

    fn findings(&self, words: &[&str]) -> Vec<(String, String, u64)> {
        let all = [words, &["secrets", "check", "--output", "json"]].concat();
        let outcome = self.aictl(&all);
        let report: Value =
            serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {}", outcome.stderr));
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(outcome.code, if findings.is_empty() { 0 } else { 4 }, "{report:#}");
        for finding in findings {
            assert!(!finding["reason"].as_str().unwrap().is_empty() && !finding["remedy"].as_str().unwrap().is_empty());
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        findings.iter().map(|f| (text(&f["problem"]), text(&f["key"]), f["line"].as_u64().unwrap_or(0))).collect()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn generate_makes_a_private_file_from_the_template_once() {
    let folder = Folder::new();
    folder.aictl(&["secrets", "generate", "--dry-run"]).ended(0);
    assert!(!folder.path(".env").exists(), "a dry run wrote");
    let said = folder.aictl(&["secrets", "generate", "--output", "json"]).ended(0).stdout;
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["created"], true);
    assert_eq!(report["to_give"], serde_json::json!(["OPENAI_API_KEY"]));
    assert_eq!(mode(&folder.path(".env")), 0o600);
    let text = folder.read(".env");
    assert!(text.starts_with("# Settings of demo\nAPI_PORT=8000 # http\nPOSTGRES_PASSWORD="), "{text}");
    assert!(text.contains("DATABASE_URL=postgresql://app:${POSTGRES_PASSWORD}@db:5432/app\n"), "{text}");
    assert!(text.contains("# signs cookies (generated by aictl secrets generate)\nSESSION_SECRET="), "{text}");
    assert!(
        !text.contains("CHANGE_ME") && text.contains("\nSMTP_PASSWORD=\n") && text.contains("OPENAI_API_KEY=\n"),
        "{text}"
    );
    let again = folder.aictl(&["secrets", "generate"]).ended(0).stdout;
    assert!(again.contains("up to date"), "{again}");
    assert_eq!(folder.read(".env"), text);
    assert_eq!(folder.findings(&[]), [("missing".into(), "OPENAI_API_KEY".into(), 9)] as [(String, String, u64); 1]);
}

#[test]
fn generate_keeps_every_byte_that_is_there() {
    let mine = "\u{feff}# mine\r\n  export SESSION_SECRET = 'a $b'  \r\nPOSTGRES_PASSWORD=\"x\ny\"\nODD='";
    let folder = Folder::with(&format!("{mine}z'"));
    folder.aictl(&["secrets", "generate"]).ended(0);
    let text = folder.read(".env");
    let head = format!("{mine}z'\n# from the console of the provider (set a value)\nOPENAI_API_KEY=\n");
    assert!(text.starts_with(&head), "{text}");
    assert!(text.contains("DATABASE_URL=postgresql://app:${POSTGRES_PASSWORD}@db:5432/app\n"), "{text}");
    let broken = Folder::with(mine);
    let refused = broken.aictl(&["secrets", "generate"]).ended(78);
    assert!(
        refused.stderr.contains(".env:") && refused.stderr.contains("unterminated quoted value"),
        "{}",
        refused.stderr
    );
    assert_eq!(broken.read(".env"), mine);
}

#[test]
fn generate_replaces_only_what_is_named_and_asks_first() {
    let folder = Folder::with(GOOD);
    folder.aictl(&["secrets", "generate", "--replace"]).ended(2);
    folder.aictl(&["secrets", "generate", "--replace", "SESSION_SECRET"]).ended(5);
    assert_eq!(folder.read(".env"), GOOD);
    folder.aictl(&["secrets", "generate", "--replace", "--yes", "SESSION_SECRET"]).ended(0);
    let text = folder.read(".env");
    let differing: Vec<&str> =
        text.lines().zip(GOOD.lines()).filter(|(new, old)| new != old).map(|(new, _)| new).collect();
    assert!(matches!(differing[..], [line] if line.starts_with("SESSION_SECRET=")), "{text}");
    let unknown = folder.aictl(&["secrets", "generate", "SESION_SECRET"]).ended(10);
    assert!(unknown.stderr.contains("did you mean `SESSION_SECRET`?"), "{}", unknown.stderr);
    folder.aictl(&["secrets", "generate", "OPENAI_API_KEY"]).ended(2);
}

#[test]
fn check_is_silent_where_all_is_well() {
    assert_eq!(Folder::with(GOOD).findings(&[]), []);
}

#[test]
fn check_sees_exactly_the_secret_that_was_broken() {
    for (from, to, problem, key, line) in [
        ("POSTGRES_PASSWORD=kV3_x9Qm-72LrTz0", "POSTGRES_PASSWORD=", "missing", "POSTGRES_PASSWORD", 2),
        ("POSTGRES_PASSWORD=kV3_x9Qm-72LrTz0", "POSTGRES_PASSWORD=CHANGE_ME", "placeholder", "POSTGRES_PASSWORD", 2),
        ("POSTGRES_PASSWORD=kV3_x9Qm-72LrTz0", "POSTGRES_PASSWORD=abcabcabcabc", "weak", "POSTGRES_PASSWORD", 2),
        ("SESSION_SECRET=Zx81-kkPq_27ahTTw", "SESSION_SECRET=Zx81-kkPq_27a", "weak", "SESSION_SECRET", 5),
        ("OPENAI_API_KEY=sk-proj-9fA3b27Qx", "OPENAI_API_KEY=your-api-key-here", "placeholder", "OPENAI_API_KEY", 6),
        ("'h4 $w\"Lk#9zQ'", "published-in-the-template-1", "default", "SMTP_PASSWORD", 4),
        ("@db:5432", "@db:54x2", "malformed-url", "DATABASE_URL", 3),
        ("${POSTGRES_PASSWORD}@db", "s3/cr3t-Kq@db", "malformed-url", "DATABASE_URL", 3),
        ("${POSTGRES_PASSWORD}@db", "postgres@db", "weak", "DATABASE_URL", 3),
        ("${POSTGRES_PASSWORD}@db", "kV3_x9Qm$NOWHERE@db", "unset-reference", "DATABASE_URL", 3),
        ("kV3_x9Qm-72LrTz0", "kV3_x9Qm-72LrTz0$NOWHERE", "unset-reference", "POSTGRES_PASSWORD", 2),
        ("kV3_x9Qm-72LrTz0", "$kV3_x9Qm", "unset-reference", "POSTGRES_PASSWORD", 2),
        ("Zx81-kkPq_27ahTTw", "   # signs cookies", "placeholder", "SESSION_SECRET", 5),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is not in the project");
        let mut found = Folder::with(&text).findings(&[]);
        // The URL is filled in from the password: it breaks with it, where it does.
        found.retain(|(_, found_key, _)| key == "DATABASE_URL" || found_key != "DATABASE_URL");
        assert_eq!(found, [(problem.to_owned(), key.to_owned(), line)], "{from} -> {to}");
    }
    let without: String =
        GOOD.lines().filter(|line| !line.starts_with("OPENAI")).map(|line| format!("{line}\n")).collect();
    assert_eq!(Folder::with(&without).findings(&[]), [("missing".to_owned(), "OPENAI_API_KEY".to_owned(), 0)]);
}

/// Compose reads them as one: what the first file gives, the second may refer to.
#[test]
fn a_reference_to_another_file_or_to_the_process_is_no_loss() {
    let text = GOOD.replace("POSTGRES_PASSWORD=kV3_x9Qm-72LrTz0", "POSTGRES_PASSWORD=kV3_x9Qm-72LrTz0$MORE");
    let folder = Folder::with(&text);
    folder.private("more.env", "MORE=x\n");
    assert_eq!(folder.findings(&["--env-file", "more.env", "--env-file", ".env"]), []);
    assert_eq!(folder.findings(&[]).len(), 1);
}

#[test]
fn check_sees_values_two_environments_share() {
    let folder = Folder::with(GOOD);
    let other = GOOD
        .replace("kV3_x9Qm", "Tt4-19Lw")
        .replace("Zx81", "b7Qk")
        .replace("h4 ", "8Kd")
        .replace("sk-proj-9fA3", "sk-proj-77Qe");
    folder.private(".env.prod", &other);
    assert_eq!(folder.findings(&["--env", "prod"]), []);
    folder.private(".env.prod", &other.replace("b7Qk-kkPq_27ahTTw", "Zx81-kkPq_27ahTTw"));
    let shared = [("shared".to_owned(), "SESSION_SECRET".to_owned(), 5)];
    assert_eq!(folder.findings(&["--env", "prod"]), shared);
    assert_eq!(folder.findings(&["--env", "dev"]), shared);
}

#[test]
fn check_sees_files_others_can_read_and_files_git_keeps() {
    let folder = Folder::with(GOOD);
    fs::set_permissions(folder.path(".env"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(folder.findings(&[]), [("open-mode".to_owned(), String::new(), 0)]);
    fs::set_permissions(folder.path(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    let git = |words: &[&str]| {
        let outcome: Outcome =
            Command::new("git").args(words).current_dir(folder.directory.path()).output().unwrap().into();
        outcome.ended(0);
    };
    git(&["init", "-q"]);
    git(&["add", "aictl.yaml"]);
    assert_eq!(folder.findings(&[]), []);
    git(&["add", "-f", ".env"]);
    assert_eq!(folder.findings(&[]), [("tracked-by-git".to_owned(), String::new(), 0)]);
}

#[test]
fn remedies_of_check_are_commands_that_mend() {
    let text = GOOD.replace("kV3_x9Qm-72LrTz0", "CHANGE_ME").replace("SESSION_SECRET=Zx81-kkPq_27ahTTw\n", "");
    let folder = Folder::with(&text);
    fs::set_permissions(folder.path(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    let report = folder.aictl(&["secrets", "check", "--output", "json"]).ended(4).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_aictl")).parent().unwrap().display().to_string();
    for finding in report["findings"].as_array().unwrap() {
        let remedy = finding["remedy"].as_str().unwrap().replace("--replace", "--replace --yes");
        let path = format!("{program}:{}", std::env::var("PATH").unwrap());
        let outcome: Outcome = Command::new("sh")
            .args(["-c", &remedy])
            .env("PATH", path)
            .current_dir(folder.directory.path())
            .output()
            .unwrap()
            .into();
        outcome.ended(0);
    }
    assert_eq!(folder.findings(&[]), []);
}

#[test]
fn what_is_no_file_is_refused_at_once_with_a_way_out() {
    for (reason, make) in [("it is a directory, not a file", "mkdir"), ("not a regular file", "mkfifo")] {
        for verb in ["check", "generate"] {
            let folder = Folder::new();
            assert!(Command::new(make).arg(folder.path(".env")).status().unwrap().success());
            // A pipe nobody writes to must not be waited for.
            let mut command = Command::new("timeout");
            command.args(["--signal", "KILL", "20", env!("CARGO_BIN_EXE_aictl"), "secrets", verb]);
            let refused: Outcome = command.current_dir(folder.directory.path()).output().unwrap().into();
            let refused = refused.ended(1);
            assert!(refused.stderr.contains(&format!("error: .env: {reason}")), "{}", refused.stderr);
            assert!(refused.stderr.contains("hint: move it away with `mv .env .env.away`"), "{}", refused.stderr);
            fs::rename(folder.path(".env"), folder.path(".env.away")).unwrap();
            folder.aictl(&["secrets", "generate"]).ended(0);
        }
    }
}

#[test]
fn a_link_to_a_file_that_is_not_there_yet_is_where_the_file_is_made() {
    let folder = Folder::new();
    let link = |to: &str| {
        let _ = fs::remove_file(folder.path(".env"));
        std::os::unix::fs::symlink(to, folder.path(".env")).unwrap();
    };
    link("none/real.env");
    let refused = folder.aictl(&["secrets", "generate"]).ended(1);
    let said = "`.env` is a link to `none/real.env`, which cannot be created";
    assert!(
        refused.stderr.contains(said) && refused.stderr.contains("hint: create its directory with `mkdir -p none`"),
        "{}",
        refused.stderr
    );
    link("real.env");
    folder.aictl(&["secrets", "generate"]).ended(0);
    assert!(folder.path(".env").is_symlink() && mode(&folder.path("real.env")) == 0o600);
    let written = folder.read("real.env");
    assert!(written.contains("SESSION_SECRET="), "{written}");
    folder.aictl(&["secrets", "generate"]).ended(0);
    assert_eq!(folder.read("real.env"), written);
}

#[test]
fn a_link_out_of_the_project_is_not_written_through() {
    let folder = Folder::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path().join("profile");
    let untouched = |text: &str| {
        assert_eq!((fs::read_to_string(&outside).unwrap().as_str(), mode(&outside)), (text, 0o644));
    };
    fs::write(&outside, "A=1\n").unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = |words: &[&str], target: &Path| {
        let ran = folder.aictl(words).ended(78);
        let hint = format!("hint: to write there, name that file: `aictl --env-file {} secrets", target.display());
        let places =
            [format!("leads to `{}`, outside ", target.display()), format!("`{}` is outside ", target.display())];
        assert!(places.iter().any(|place| ran.stderr.contains(place)), "{}", ran.stderr);
        assert!(ran.stderr.replace("--env prod ", "").contains(&hint), "{}", ran.stderr);
        untouched("A=1\n");
    };
    std::os::unix::fs::symlink(&outside, folder.path(".env")).unwrap();
    refused(&["secrets", "generate"], &outside);
    refused(&["secrets", "generate", "--dry-run"], &outside);
    refused(&["--env-file", ".env", "secrets", "generate"], &outside);
    // To a file that is not there, by a folder, and by what the project file says.
    let absent = elsewhere.path().join("absent");
    fs::remove_file(folder.path(".env")).unwrap();
    std::os::unix::fs::symlink(&absent, folder.path(".env")).unwrap();
    refused(&["secrets", "generate"], &absent);
    std::os::unix::fs::symlink(elsewhere.path(), folder.path("linked")).unwrap();
    let other = |file: &Path| {
        folder.write("aictl.yaml", &PROJECT.replace(".env.prod", &file.display().to_string()));
    };
    other(Path::new("linked/profile"));
    refused(&["--env", "prod", "secrets", "generate"], &outside);
    other(&outside);
    refused(&["--env", "prod", "secrets", "generate"], &outside);
    assert!(!absent.exists());
    // What the command line names is written.
    folder.aictl(&["--env-file", outside.to_str().unwrap(), "secrets", "generate"]).ended(0);
    assert!(fs::read_to_string(&outside).unwrap().starts_with("A=1\n") && mode(&outside) == 0o600);
}

#[test]
fn no_configuration_error_shows_a_value_of_an_env_file() {
    let folder = Folder::with("SESSION_SECRET=kV3_x9Qm+72LrTz0\nNAMED=Zx81+kkPq_27ahTTw\n");
    folder.write(
        "aictl.yaml",
        "secrets: { NAMED: { required: true } }\nenvironments: { dev: { compose: compose.yaml } }\n",
    );
    let places = [
        "ports: ['$V:80']",
        "image: '$V:$V'",
        "mem_limit: '$V'",
        "healthcheck: { interval: '$V' }",
        "stop_grace_period: '$V'",
        "cpus: '$V'",
        "network_mode: 'service:$V'",
        "volumes: ['$V']",
        "depends_on: ['$V']",
        "ulimits: { nofile: '$V' }",
        "env_file: ['$V']",
        "extends: { service: '$V' }",
        "restart: '$V'",
    ];
    let mut shown = 0;
    for (place, name) in places.iter().flat_map(|place| [(place, "SESSION_SECRET"), (place, "NAMED")]) {
        let service = place.replace("$V", &format!("${{{name}}}"));
        let image = if service.starts_with("image") { "" } else { "image: x, " };
        folder.write("compose.yaml", &format!("services: {{ web: {{ {image}{service} }} }}\n"));
        // The name of an image is public, whatever it is made of.
        let most = if service.starts_with("image") { 1 } else { 2 };
        for words in [&["config", "--quiet"][..], &["start", "--dry-run"]].into_iter().take(most) {
            shown += usize::from(folder.aictl(words).stderr.contains("[redacted]"));
        }
    }
    assert!(shown >= places.len(), "{shown}");
}
