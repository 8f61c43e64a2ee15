//! Compose keys that are accepted without effect are warned about by name.

use std::process::Command;

#[test]
fn each_key_without_effect_is_named_in_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let of_service = [
        ("provider", "provider: { type: model }"),
        ("pre_start", "image: x, pre_start: [{ command: [a] }]"),
        ("models", "image: x, models: [llm]"),
        ("deploy.restart_policy.delay", "image: x, deploy: { restart_policy: { delay: 5s } }"),
        ("deploy.restart_policy.window", "image: x, deploy: { restart_policy: { window: 5s } }"),
        ("deploy.placement", "image: x, deploy: { placement: { constraints: [node.role==manager] } }"),
        ("isolation", "image: x, isolation: hyperv"),
    ];
    for (key, service) in of_service {
        let compose = format!("services: {{ a: {{ {service} }} }}\nmodels: {{ llm: {{ model: ai/m }} }}\n");
        std::fs::write(folder.path().join("compose.yaml"), compose).unwrap();
        let mut config = Command::new(env!("CARGO_BIN_EXE_aictl"));
        let output = config.args(["config", "--quiet"]).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(&format!("services.a.{key}")), "{key}: {said}");
    }
}
