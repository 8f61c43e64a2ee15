//! nginx: templates and scripts of the official image's folders, with root and without, and answers that are finished.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{container, logs, printed, stage, stopped};
use crate::support::project::eventually;

const SITE: &str = "server {\n  listen ${PORT};\n  location / { return 200 \"${GREETING} from $uri\\n\"; }\n\
                    location /slow { limit_rate 20k; root /usr/share/nginx/html; }\n}\n";

#[test]
fn nginx_fills_templates_runs_scripts_and_finishes_answers_that_have_begun() {
    let services = r#"
  nginx:
    <<: *hardened
    image: aictl/nginx:1
    user: "101:101"
    environment: { PORT: "8080", GREETING: hello }
    volumes: ["./site.conf.template:/etc/nginx/templates/site.conf.template:ro", "./early.sh:/docker-entrypoint.d/10-early.sh:ro", "./slow:/usr/share/nginx/html/slow:ro"]
    tmpfs: [/tmp, "/run:uid=101,gid=101", "/var/cache/nginx:uid=101,gid=101", "/etc/nginx/conf.d:uid=101,gid=101"]
    healthcheck: { test: [CMD, curl, -fsS, "http://127.0.0.1:8080/"], interval: 30s, start_period: 30s }
  root:
    <<: *hardened
    image: aictl/nginx:1
    cap_add: [CHOWN, NET_BIND_SERVICE, SETGID, SETUID]
    tmpfs: [/tmp, /run, /var/cache/nginx]
    healthcheck: { test: [CMD-SHELL, "curl -s -o /dev/null http://127.0.0.1:80/"], interval: 30s, start_period: 30s }
"#;
    let Some(stage) = stage("recipes-nginx", services) else { return };
    stage.write("site.conf.template", SITE);
    stage.write("early.sh", "#!/bin/sh\necho this script ran for $GREETING\n");
    stage.write("slow", &"x".repeat(60_000));
    fs::set_permissions(stage.path().join("early.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    stage.aictl(&["start"]).ended(0);
    // nginx's own variables are none of the environment's.
    assert_eq!(printed(&stage, "nginx", &["curl", "-fsS", "http://127.0.0.1:8080/there"]), "hello from /there");
    assert!(logs(&stage, "nginx").contains("this script ran for hello"));
    let workers = "for pid in /proc/[0-9]*; do stat -c %U $pid; done | sort -u | tr '\\n' ' '";
    assert_eq!(printed(&stage, "root", &["sh", "-c", workers]), "nginx root");

    // From another container: what runs in this one ends with it.
    let download = ["exec", &container(&stage, "root"), "curl", "-fsS", "http://nginx:8080/slow"];
    let child = Command::new("docker").args(download).stdout(Stdio::piped()).spawn().unwrap();
    let connections = "grep -c ' 01 ' /proc/net/tcp || true";
    let begun = || printed(&stage, "nginx", &["sh", "-c", connections]) != "0";
    eventually("the slow answer has begun", Duration::from_secs(10), begun);
    assert_eq!(stopped(&stage, "nginx"), "0 false");
    assert_eq!(child.wait_with_output().unwrap().stdout.len(), 60_000, "the answer was cut");
    assert_eq!(stopped(&stage, "root"), "0 false");
}
