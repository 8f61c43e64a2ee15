//! What a change of the files does, and what it does not.

use super::project::{TestProject, docker};

fn id(stage: &TestProject, container: &str) -> String {
    docker(&["inspect", "--format", "{{.Id}}", &format!("{}-{container}", stage.project)])
}

#[test]
fn only_the_changed_service_is_replaced_and_keeps_its_data() {
    let compose = |word: &str| {
        format!(
            "
services:
  a: {{image: 'aictl-lab/tool:1', command: [tool, serve], environment: {{WORD: {word}}}, volumes: [/anonymous]}}
  b: {{image: 'aictl-lab/tool:1', command: [tool, serve]}}
"
        )
    };
    let Some(stage) = TestProject::new("replace", &compose("one")) else { return };
    stage.aictl("start").code(0);
    let (a, b) = (id(&stage, "a-1"), id(&stage, "b-1"));
    docker(&["exec", &a, "sh", "-c", "echo kept > /anonymous/file"]);
    stage.write("compose.yaml", &compose("two"));
    stage.aictl("start").code(0);
    assert_ne!(id(&stage, "a-1"), a);
    assert_eq!(id(&stage, "b-1"), b);
    assert_eq!(docker(&["exec", &id(&stage, "a-1"), "cat", "/anonymous/file"]), "kept");
    assert_eq!(stage.containers(), ["a-1 running", "b-1 running"]);
}

#[test]
fn changed_content_of_configs_secrets_and_mounted_files_replaces_what_uses_it() {
    let compose = "
services:
  inline: {image: 'aictl-lab/tool:1', command: [tool, serve], configs: [{source: inline, target: /etc/inline}]}
  secret: {image: 'aictl-lab/tool:1', command: [tool, serve], secrets: [key]}
  mounted: {image: 'aictl-lab/tool:1', command: [tool, serve], volumes: ['./m.conf:/m.conf:ro', './src:/src']}
  other: {image: 'aictl-lab/tool:1', command: [tool, serve]}
configs: {inline: {content: \"${TEXT}\"}}
secrets: {key: {file: key.txt}}
";
    let Some(stage) = TestProject::new("content", compose) else { return };
    let write = |text: &str| {
        stage.write(".env", &format!("TEXT={text}\n"));
        stage.write("key.txt", text);
        stage.write("m.conf", text);
    };
    let ids = || ["inline-1", "secret-1", "mounted-1", "other-1"].map(|c| id(&stage, c));
    stage.write("src/main.py", "1");
    write("one");
    stage.aictl("start").code(0);
    let before = ids();
    let read = |file: &str, service: &str| docker(&["exec", &id(&stage, service), "cat", file]);
    assert_eq!(read("/etc/inline", "inline-1"), "one");
    stage.write("src/main.py", "2");
    stage.aictl("start").code(0);
    assert_eq!(ids(), before, "a mounted folder is not content");
    write("two");
    stage.aictl("start").code(0);
    let after = ids();
    assert!((0..3).all(|i| before[i] != after[i]), "{before:?} {after:?}");
    assert_eq!(before[3], after[3]);
    assert_eq!(read("/etc/inline", "inline-1"), "two");
    assert_eq!(read("/run/secrets/key", "secret-1"), "two");
    assert_eq!(read("/m.conf", "mounted-1"), "two");
}

#[test]
fn orphans_are_named_and_go_only_when_asked() {
    let both = "services: {a: {image: 'aictl-lab/tool:1'}, b: {image: 'aictl-lab/tool:1'}}";
    let Some(stage) = TestProject::new("orphans", both) else { return };
    stage.aictl("start").code(0);
    stage.write("compose.yaml", "services: {a: {image: 'aictl-lab/tool:1'}}");
    stage.aictl("start").code(0).says("-b-1");
    assert_eq!(stage.containers(), ["a-1 running", "b-1 running"]);
    stage.aictl("start --remove-orphans").code(0);
    assert_eq!(stage.containers(), ["a-1 running"]);
}

#[test]
fn hooks_run_after_the_start_and_before_the_stop() {
    let compose = "
services:
  a:
    image: aictl-lab/tool:1
    command: [tool, serve]
    volumes: [log:/log]
    post_start: [{command: [sh, -c, 'echo started >> /log/hooks']}]
    pre_stop: [{command: [sh, -c, 'echo stopping >> /log/hooks']}]
volumes: {log: {}}
";
    let Some(stage) = TestProject::new("hooks", compose) else { return };
    stage.aictl("start").code(0);
    stage.aictl("stop").code(0);
    let volume = format!("{}_log:/log", stage.project);
    assert_eq!(docker(&["run", "--rm", "-v", &volume, "aictl-lab/tool:1", "cat", "/log/hooks"]), "started\nstopping");
}
