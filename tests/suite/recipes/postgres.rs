//! PostgreSQL 15: the official image's variables, init scripts, readiness, data and end.
use std::io::Write as _;

use super::{ended, inside, logs, printed, stage, stopped, user};
use crate::support::project::{Outcome, TestProject};

const PASSWORD: &str = r#"p$a"w\x%2f@:/?#&'"#;

fn psql(stage: &TestProject, query: &str) -> String {
    printed(stage, "postgres", &["psql", "-qAtX", "-U", "owner", "-d", "assistant", "-c", query])
}

/// A client elsewhere on the network, where no trusted socket helps.
fn log_in(stage: &TestProject, password: &str) -> Outcome {
    let network = format!("{}_default", stage.name());
    let mut command = std::process::Command::new("docker");
    command.args(["run", "--rm", "--network", &network, "-e"]).arg(format!("PGPASSWORD={password}"));
    command.args([
        "aictl/postgres:15",
        "psql",
        "-qAtX",
        "-h",
        "postgres",
        "-U",
        "owner",
        "-d",
        "assistant",
        "-c",
        "SELECT 1",
    ]);
    command.output().unwrap().into()
}

/// Scripts of every kind, run in the order of their names: each adds its word.
fn write_scripts(stage: &TestProject) {
    let script =
        "psql -qX -v ON_ERROR_STOP=1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -c \"CREATE TABLE ran (kind text)\"\n";
    stage.write("init/1.sh", script);
    stage.write("init/2.sql", "INSERT INTO ran VALUES ('sql');\n");
    let file = std::fs::File::create(stage.path().join("init/3.sql.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(b"INSERT INTO ran VALUES ('gzip');\n").unwrap();
    packed.finish().unwrap();
}

#[test]
fn postgres_takes_the_official_variables_and_scripts_and_keeps_its_data() {
    let services = r#"
  postgres:
    <<: *hardened
    image: aictl/postgres:15
    user: postgres
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/password
      POSTGRES_USER: owner
      POSTGRES_DB_FILE: /run/secrets/database
      POSTGRES_INITDB_ARGS: --data-checksums
    secrets: [password, database]
    volumes: ["data:/var/lib/postgresql/data", "./init:/docker-entrypoint-initdb.d:ro"]
    tmpfs: [/tmp, /run/postgresql]
    healthcheck: { test: [CMD, pg_isready, -q, -h, 127.0.0.1], interval: 30s, start_period: 60s }
volumes: { data: {} }
secrets: { password: { file: ./password }, database: { file: ./database } }
"#;
    let Some(stage) = stage("recipes-postgres", services) else { return };
    stage.write("password", PASSWORD);
    stage.write("database", "assistant\n");
    write_scripts(&stage);
    stage.aictl(&["start"]).ended(0);
    assert_eq!(psql(&stage, "SELECT string_agg(kind, ' ' ORDER BY kind DESC) FROM ran"), "sql gzip");
    assert_eq!(psql(&stage, "SHOW data_checksums"), "on");
    assert!(psql(&stage, "SHOW server_version").starts_with("15."));
    assert_eq!(log_in(&stage, PASSWORD).ended(0).stdout, "1\n");
    let refused = log_in(&stage, "another").ended(2);
    assert!(refused.stderr.contains("password authentication failed"), "{}", refused.stderr);
    assert!(!printed(&stage, "postgres", &["cat", "/proc/1/environ"]).contains(PASSWORD), "the server keeps it");

    psql(&stage, "INSERT INTO ran VALUES ('kept')");
    stage.aictl(&["start", "--force-recreate"]).ended(0);
    assert_eq!(psql(&stage, "SELECT count(*) FROM ran"), "3", "rows stay, and no script runs again");

    assert_eq!(stopped(&stage, "postgres"), "0 false");
    assert!(logs(&stage, "postgres").contains("database system is shut down"));
    stage.aictl(&["start"]).ended(0);
    let log = logs(&stage, "postgres");
    assert!(!log.contains("not properly shut down"), "{log}");
}

#[test]
fn postgres_started_as_root_gives_its_rights_up_and_ends_well_by_sigterm_too() {
    let services = r#"
  postgres:
    <<: *hardened
    image: aictl/postgres:15
    cap_add: [CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID]
    restart: "no"
    stop_signal: SIGTERM
    environment: { POSTGRES_PASSWORD: x, PGDATA: /var/lib/postgresql/data/inner }
    volumes: ["data:/var/lib/postgresql/data"]
    tmpfs: [/tmp, /run/postgresql]
    healthcheck: { test: [CMD, pg_isready, -q, -h, 127.0.0.1], interval: 30s, start_period: 60s }
volumes: { data: {} }
"#;
    let Some(stage) = stage("recipes-postgres-root", services) else { return };
    stage.aictl(&["start"]).ended(0);
    assert_eq!(user(&stage, "postgres"), "postgres");
    let folder = printed(&stage, "postgres", &["stat", "-c", "%U %a", "/var/lib/postgresql/data/inner"]);
    assert_eq!(folder, "postgres 700");
    assert_eq!(stopped(&stage, "postgres"), "0 false");
    assert!(logs(&stage, "postgres").contains("database system is shut down"));
}

#[test]
fn a_sleeping_init_script_of_postgres_is_not_taken_for_readiness() {
    // One check asks over TCP, and aictl runs it early; the other, as most examples do, over the socket, and the engine does.
    let services = r#"
  tcp: &database
    <<: *hardened
    image: aictl/postgres:15
    environment: { POSTGRES_PASSWORD: x }
    user: postgres
    volumes: ["./init:/docker-entrypoint-initdb.d:ro"]
    tmpfs: [/tmp, /run/postgresql, "/var/lib/postgresql/data:uid=999,gid=999,mode=0700"]
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, postgres], interval: 30s, start_period: 60s }
  socket:
    <<: *database
    healthcheck: { test: [CMD-SHELL, pg_isready -U postgres], interval: 1s, start_period: 60s }
  after-tcp: &after
    <<: *hardened
    image: aictl/postgres:15
    user: postgres
    restart: "no"
    environment: { PGPASSWORD: x }
    tmpfs: [/tmp, /var/lib/postgresql/data]
    command: [psql, -h, tcp, -U, postgres, -qAtX, -c, SELECT word FROM finished]
    depends_on: { tcp: { condition: service_healthy } }
  after-socket:
    <<: *after
    command: [psql, -h, socket, -U, postgres, -qAtX, -c, SELECT word FROM finished]
    depends_on: { socket: { condition: service_healthy } }
"#;
    let Some(stage) = stage("recipes-sleeping", services) else { return };
    stage.write("init/1.sh", "sleep 4\n");
    stage.write("init/2.sql", "CREATE TABLE finished AS SELECT 'finished' AS word;\n");
    stage.aictl(&["start"]).ended(0);
    for service in ["tcp", "socket"] {
        let after = format!("after-{service}");
        assert_eq!(ended(&stage, &after), "0", "it began before the scripts had ended: {}", logs(&stage, &after));
        assert_eq!(logs(&stage, &after).trim(), "finished");
    }
}

#[test]
fn postgres_without_a_password_says_so_and_leaves_no_half_made_database() {
    let services = r#"
  empty:
    <<: *hardened
    image: aictl/postgres:15
    user: postgres
    restart: "no"
    tmpfs: [/tmp, /run/postgresql]
  failing:
    <<: *hardened
    image: aictl/postgres:15
    user: postgres
    restart: "no"
    environment: { POSTGRES_PASSWORD: x }
    volumes: ["data:/var/lib/postgresql/data", "./init:/docker-entrypoint-initdb.d:ro"]
    tmpfs: [/tmp, /run/postgresql]
  look:
    <<: *hardened
    image: aictl/postgres:15
    user: postgres
    command: [sleep, infinity]
    init: true
    volumes: ["data:/data"]
    depends_on: { failing: { condition: service_started } }
volumes: { data: {} }
"#;
    let Some(stage) = stage("recipes-postgres-empty", services) else { return };
    stage.write("init/1.sql", "SELECT nonsense;\n");
    assert_ne!(stage.aictl(&["start"]).code, 0);
    assert_ne!(ended(&stage, "empty"), "0");
    assert!(logs(&stage, "empty").contains("POSTGRES_PASSWORD"), "{}", logs(&stage, "empty"));
    assert_ne!(ended(&stage, "failing"), "0");
    stage.aictl(&["start", "--no-deps", "look"]).ended(0);
    assert_eq!(inside(&stage, "look", &["ls", "-A", "/data"]).ended(0).stdout, "", "the next start begins anew");
}
