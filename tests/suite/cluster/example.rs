//! The example project on a real cluster: installed, migrated, checked, upgraded, removed and installed again.
//! Skips where there is no lab. Never leaves its namespace behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::load::Load;
use crate::support::engine_api::clean_up;
use crate::support::project::{Outcome, eventually, skip};

/// Users were promised five minutes.
const PROMISED: Duration = Duration::from_secs(150);

/// What `aictl init` writes, for a namespace of the lab's cluster.
struct Example {
    folder: TempDir,
    namespace: String,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

impl Example {
    fn new(name: &str) -> Option<Self> {
        if std::env::var_os("AICTL_LAB").is_none() {
            skip(name, "AICTL_LAB is not set: tests/run prepares an engine and its images");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/cluster-example");
        let started: Outcome = Command::new(script).stdin(Stdio::null()).output().unwrap().into();
        let started = started.ended(0);
        let mut paths = started.stdout.lines().map(PathBuf::from);
        let example = Self {
            folder: tempfile::tempdir().unwrap(),
            namespace: format!("{name}-{}", std::process::id()),
            kubeconfig: paths.next().unwrap(),
            kubectl: paths.next().unwrap(),
        };
        example.aictl(&["init", "--from", "ai-assistant"]).ended(0);
        example.replace("context: ai-assistant }", "context: lab }");
        example.replace("namespace: ai-assistant", &format!("namespace: {}", example.namespace));
        Some(example)
    }

    /// Changes the project file.
    #[track_caller]
    fn replace(&self, from: &str, to: &str) {
        let path = self.folder.path().join("aictl.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn aictl(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).env("KUBECONFIG", &self.kubeconfig);
        command.args(words).output().unwrap().into()
    }

    fn on_cluster(&self, words: &[&str]) -> Outcome {
        self.aictl(&[&["--env", "cluster"], words].concat())
    }

    #[track_caller]
    fn kubectl(&self, words: &[&str]) -> String {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--context", "lab", "--namespace", &self.namespace]);
        let outcome: Outcome = command.args(words).stdin(Stdio::null()).output().unwrap().into();
        outcome.ended(0).stdout
    }

    #[track_caller]
    fn names(&self, kind: &str) -> Vec<String> {
        self.kubectl(&["get", kind, "-o", "name"]).lines().map(str::to_owned).collect()
    }

    /// The values of the Secret that the chart makes.
    #[track_caller]
    fn secret(&self) -> Value {
        let found = self.kubectl(&["get", "secret", "ai-assistant-secrets", "-o", "json"]);
        serde_json::from_str::<Value>(&found).unwrap()["data"].take()
    }

    #[track_caller]
    fn sql(&self, statement: &str) -> String {
        let words = ["exec", "postgres", "psql", "-U", "assistant", "-d", "ai_assistant", "-tAc", statement];
        self.on_cluster(&words).ended(0).stdout.trim().to_owned()
    }

    /// Every check of the project passes, over port-forwards.
    #[track_caller]
    fn passes_its_checks(&self) {
        let found = self.on_cluster(&["--output", "json", "smoke-test"]).ended(0);
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        let passed = |check: &Value| check["verdict"] == "passed";
        let checks = found["checks"].as_array().unwrap();
        assert!(checks.len() >= 12 && checks.iter().all(passed), "{found:#}");
        for wanted in ["api reaches what it needs", "page passes requests on", "database is migrated"] {
            assert!(checks.iter().any(|check| check["name"] == wanted), "{wanted} was not checked");
        }
    }

    /// Where a Service listens; the machine is the node.
    #[track_caller]
    fn service(&self, name: &str) -> String {
        self.kubectl(&["get", "service", name, "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}"])
    }

    /// Waits until only as many pods are left as there should be.
    #[track_caller]
    fn has_pods(&self, count: usize) {
        eventually("the former pods are gone", Duration::from_secs(60), || self.names("pods").len() == count);
    }

    /// Deploys until everything is ready.
    #[track_caller]
    fn deploys(&self) -> Duration {
        let began = Instant::now();
        self.on_cluster(&["deploy"]).ended(0);
        began.elapsed()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        clean_up(|| {
            self.kubectl(&["delete", "namespace", &self.namespace, "--ignore-not-found", "--wait=false"]);
        });
    }
}

#[test]
fn the_example_is_installed_upgraded_and_removed_without_losing_its_data() {
    let Some(example) = Example::new("example-stack") else { return };
    let took = example.deploys();
    println!("installed, migrated and ready after {:.1} s", took.as_secs_f32());
    assert!(took < PROMISED, "{took:?}");
    example.passes_its_checks();
    let secret = example.secret();
    assert_eq!(secret.as_object().unwrap().len(), 8);

    let version = ["get", "deployment", "ai-assistant-api", "-o", "jsonpath={.metadata.resourceVersion}"];
    let before = example.kubectl(&version);
    example.on_cluster(&["plan", "--exit-code"]).ended(0);
    let again = example.on_cluster(&["deploy"]).ended(0).stdout;
    assert!(again.contains("up to date: release 1"), "{again}");
    assert_eq!((example.kubectl(&version), example.secret()), (before, secret.clone()), "nothing has changed");

    // The hook ran as the owner; the API may only use the tables.
    assert_eq!(example.sql("SELECT count(*) FROM alembic_version"), "1");
    let owner = "SELECT has_table_privilege('assistant_app', 'users', 'TRUNCATE')";
    assert_eq!(example.sql(owner), "f");
    example.sql("CREATE TABLE kept (note text); INSERT INTO kept VALUES ('before the upgrade')");

    example.replace("api: { replicas: 2, ", "api: { replicas: 2, cache_ttl: 7, ");
    let plan = example.on_cluster(&["plan"]).ended(0).stdout;
    assert!(!plan.contains("Secret") && !plan.contains("StatefulSet"), "{plan}");
    // The API refuses who is not logged in.
    let refused = ("/api/documents", 401);
    let loads = [example.service("ai-assistant-api"), example.service("ai-assistant-frontend")]
        .map(|address| Load::start(&address, 8, refused));
    example.deploys();
    example.kubectl(&["rollout", "restart", "deployment/ai-assistant-frontend"]);
    example.kubectl(&["rollout", "status", "deployment/ai-assistant-frontend", "--timeout=60s"]);
    // Pods that leave answer until they have drained.
    example.has_pods(6);
    for seen in loads.map(Load::end) {
        println!("{} POSTs answered, {} connections closed", seen.answered, seen.closed);
        assert!(seen.failed.is_empty(), "{} of {} failed: {:?}", seen.failed.len(), seen.answered, seen.failed);
        assert!(seen.answered > 200, "{seen:?}");
    }
    let ttl = ["exec", "deploy/ai-assistant-api", "--", "printenv", "CACHE_TTL"];
    assert_eq!((example.kubectl(&ttl).trim(), example.secret()), ("7", secret.clone()));
    example.passes_its_checks();

    let claims = example.names("persistentvolumeclaims");
    assert_eq!(claims.len(), 2, "{claims:?}");
    example.on_cluster(&["--yes", "stop", "--remove"]).ended(0);
    assert_eq!(example.names("deployments,statefulsets,services,jobs,networkpolicies"), Vec::<String>::new());
    assert_eq!((example.names("persistentvolumeclaims"), example.secret()), (claims, secret.clone()));

    // The passwords still open the database that was left.
    example.deploys();
    assert_eq!((example.sql("SELECT note FROM kept"), example.secret()), ("before the upgrade".to_owned(), secret));
    example.passes_its_checks();
}
