//! Redis 7: arguments as the official image takes them, a password, data that stays, a clean end.
use super::{printed, stage, stopped, user};
use crate::support::project::TestProject;

fn ask(stage: &TestProject, service: &str, words: &[&str]) -> String {
    printed(stage, service, &[&["redis-cli", "-h", "127.0.0.1"], words].concat())
}

#[test]
fn redis_asks_for_its_password_keeps_its_data_and_ends_well() {
    let services = r#"
  redis:
    <<: *hardened
    image: aictl/redis:7
    user: redis
    command: [redis-server, --appendonly, "yes", --requirepass, secret word]
    volumes: ["data:/data"]
    healthcheck: { test: [CMD-SHELL, "redis-cli ping | grep -q NOAUTH"], interval: 30s, start_period: 30s }
  plain:
    <<: *hardened
    image: aictl/redis:7
    cap_add: [SETGID, SETUID]
    command: ["--maxmemory", 32mb]
    tmpfs: ["/data:uid=999,gid=999"]
    healthcheck: { test: [CMD-SHELL, "redis-cli -h plain ping | grep -q PONG"], interval: 30s, start_period: 30s }
volumes: { data: {} }
"#;
    let Some(stage) = stage("recipes-redis", services) else { return };
    stage.aictl(&["start"]).ended(0);
    assert!(ask(&stage, "redis", &["GET", "key"]).contains("NOAUTH"));
    let with_password =
        |words: &[&str]| ask(&stage, "redis", &[&["--no-auth-warning", "-a", "secret word"], words].concat());
    assert_eq!(with_password(&["SET", "key", "value"]), "OK");
    assert!(with_password(&["INFO", "server"]).contains("redis_version:7."));
    assert!(with_password(&["INFO", "persistence"]).contains("aof_enabled:1"));
    stage.aictl(&["start", "--force-recreate", "redis"]).ended(0);
    assert_eq!(with_password(&["GET", "key"]), "value");
    assert_eq!(stopped(&stage, "redis"), "0 false");
    assert!(super::logs(&stage, "redis").contains("Redis is now ready to exit"));

    // Started as root, with flags alone: it is not root, and it has them.
    assert_eq!(user(&stage, "plain"), "redis");
    assert!(ask(&stage, "plain", &["CONFIG", "GET", "maxmemory"]).ends_with("33554432"));
}
