//! What the cluster says never shows a secret of the chart, in no text of the API server and in no log that is kept.

use super::project::ClusterProject;
use crate::support::project::Outcome;

const WORD: &str = "S3cr3t-Eleven";

/// Nothing of the secret is in what was printed.
#[track_caller]
fn is_hidden(outcome: &Outcome, secret: &str) {
    let both = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert!(!both.contains(secret), "{both}");
}

#[test]
fn a_refused_secret_is_not_quoted() {
    let Some(project) = ClusterProject::new("quoted") else { return };
    project.values(
        "extra:\n- { apiVersion: v1, kind: Secret, metadata: { name: s }, stringData: { pin: 73519264 } }\n\
         - { apiVersion: v1, kind: Secret, metadata: { name: t }, stringData: { list: [Sev3nteen] } }\n",
    );
    project.kubectl(&["create", "namespace", project.namespace()]);
    for words in [&["plan"][..], &["--output", "json", "plan"], &["deploy"]] {
        let outcome = project.aictl(words);
        assert_ne!(outcome.code, 0);
        assert!(outcome.stderr.contains("stringData.pin"), "{}", outcome.stderr);
        is_hidden(&outcome, "73519264");
        is_hidden(&outcome, "Sev3nteen");
    }
}

#[test]
fn a_field_that_cannot_be_changed_is_named_without_its_value() {
    let Some(project) = ClusterProject::new("unchangeable") else { return };
    let job = |word: &str| {
        project.values(&format!(
            "extra:\n- apiVersion: batch/v1\n  kind: Job\n  metadata: {{ name: once }}\n  spec:\n    template:\n      spec:\n        \
             restartPolicy: Never\n        containers: [ {{ name: once, image: 'aictl-lab/tool:1', imagePullPolicy: \
             IfNotPresent, command: [sh, -c, 'echo {word}'], env: [ {{ name: PASSWORD, value: {WORD}-{word} }} ] }} ]\n"
        ));
    };
    job("one");
    project.aictl(&["deploy"]).ended(0);
    job("two");
    let outcome = project.aictl(&["plan"]);
    assert_ne!(outcome.code, 0);
    assert!(outcome.stderr.contains("field is immutable"), "{}", outcome.stderr);
    assert!(outcome.stderr.len() < 1500, "{}", outcome.stderr);
    is_hidden(&outcome, WORD);
}

#[test]
fn logs_and_kept_evidence_show_no_value_of_a_secret_of_the_chart() {
    let Some(project) = ClusterProject::new("evidence") else { return };
    let secret =
        format!("extra:\n- {{ apiVersion: v1, kind: Secret, metadata: {{ name: s }}, stringData: {{ a: {WORD} }} }}\n");
    let says = |after: &str| format!("{secret}probe: null\ncommand: [sh, -c, \"echo with {WORD}; {after}\"]\n");
    project.values(&says("exec tool serve --port 8080 --text one"));
    project.aictl(&["deploy"]).ended(0);
    let logs = project.aictl(&["logs"]).ended(0);
    assert!(logs.stdout.contains("with [redacted]"), "{}", logs.stdout);
    project.values(&says("exit 3"));
    let failed = project.aictl(&["deploy"]).ended(20);
    assert!(failed.stderr.contains("with [redacted]"), "{}", failed.stderr);
    for words in [&["show"][..], &["explain"], &["--output", "json", "show"], &["--output", "json", "history"]] {
        is_hidden(&project.aictl(words), WORD);
    }
    let kept =
        project.kubectl(&["get", "secrets", "-l", "aictl.io/release=shop", "-o", "jsonpath={.items[*].data.record}"]);
    for record in kept.split_whitespace() {
        use base64::Engine as _;
        let record = base64::engine::general_purpose::STANDARD.decode(record).unwrap();
        assert!(!String::from_utf8_lossy(&record).contains(WORD), "a record keeps it");
    }
}
