//! `secrets rotate` of the passwords of PostgreSQL and Redis on the real engine, under load.

use super::load::Load;
use super::real::Shop;
use crate::support::project::docker;

const PROJECT: &str = "
name: shop
environments:
  prod:
    compose: compose.yaml
    env_file: .env
    proxy: { service: nginx, routes: [{ path: /, service: api, port: 8000 }] }
    deploy: { drain: 10s }
secrets: { DB_PASSWORD: { generate: url-safe }, CACHE_PASSWORD: { generate: hex } }
";

const COMPOSE: &str = r#"
services:
  nginx:
    image: aictl/nginx:1
    ports: ["127.0.0.1:PORT:80"]
    volumes: ["aictl_proxy:/etc/nginx/conf.d"]
  api:
    image: aictl/python-fastapi:3.11
    command: [python3, /app/data_app.py]
    environment:
      DATABASE_URL: "postgres://shop:${DB_PASSWORD}@db:5432/shop"
      CACHE_URL: "redis://:${CACHE_PASSWORD}@cache:6379/0"
    volumes: ["./app:/app:ro"]
    healthcheck: { test: [CMD, bash, -c, "</dev/tcp/127.0.0.1/8000"], interval: 5s }
    depends_on: { db: { condition: service_healthy }, cache: { condition: service_healthy } }
  db:
    image: aictl/postgres:15
    command: [postgres, -c, log_statement=all]
    environment: { POSTGRES_USER: shop, POSTGRES_DB: shop, POSTGRES_PASSWORD: "${DB_PASSWORD}" }
    volumes: ["data:/var/lib/postgresql/data", "./init.sql:/docker-entrypoint-initdb.d/init.sql:ro"]
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, shop], interval: 2s, retries: 60 }
  cache:
    image: aictl/redis:7
    command: [redis-server, --requirepass, "${CACHE_PASSWORD}", --appendonly, "yes"]
    volumes: ["cached:/data"]
    healthcheck: { test: [CMD-SHELL, "redis-cli ping | grep -q -e PONG -e NOAUTH"], interval: 2s }
volumes: { aictl_proxy: {}, data: {}, cached: {} }
"#;

const OLD: [&str; 2] = ["d4tabase-c4nary-0f-the-r0tation", "c4che-c4nary-0f-the-r0tation"];

struct Data {
    shop: Shop,
}

impl Data {
    fn container(&self, service: &str) -> String {
        let filter = format!("label=com.docker.compose.project={}", self.shop.project.name());
        let of = format!("label=com.docker.compose.service={service}");
        docker(&["ps", "-q", "--no-trunc", "--filter", &filter, "--filter", &of]).trim().to_owned()
    }

    fn values(&self) -> [String; 2] {
        let env = std::fs::read_to_string(self.shop.project.path().join(".env")).unwrap();
        ["DB_PASSWORD=", "CACHE_PASSWORD="]
            .map(|key| env.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned())
    }

    /// Whether the database takes a password over the network.
    fn database_takes(&self, password: &str) -> bool {
        let login = format!("PGPASSWORD={password}");
        let words = ["exec", "-e", &login, &self.container("db"), "psql", "-wh", "db", "-U", "shop", "-c", "SELECT 1"];
        std::process::Command::new("docker").args(words).output().unwrap().status.success()
    }

    fn cache_takes(&self, password: &str) -> bool {
        let login = format!("REDISCLI_AUTH={password}");
        let words =
            ["exec", "-e", &login, &self.container("cache"), "redis-cli", "--no-auth-warning", "GET", "requests"];
        let said = std::process::Command::new("docker").args(words).output().unwrap().stdout;
        !String::from_utf8_lossy(&said).contains("NOAUTH")
    }
}

#[test]
fn passwords_of_the_database_and_the_cache_are_rotated_under_load() {
    let Some(shop) = Shop::of("rotate-data", PROJECT, COMPOSE) else { return };
    let data = Data { shop };
    let project = &data.shop.project;
    project.write("app/data_app.py", include_str!("data_app.py"));
    project.write("init.sql", "CREATE TABLE words (word text); INSERT INTO words VALUES ('one');");
    project.write(".env", &format!("DB_PASSWORD={}\nCACHE_PASSWORD={}\n", OLD[0], OLD[1]));
    project.aictl(&["deploy"]).ended(0);
    let db = data.container("db");
    let load = Load::start(data.shop.port, 8, 0);
    let output =
        project.command(&["--verbose", "secrets", "rotate", "DB_PASSWORD", "CACHE_PASSWORD"]).output().unwrap();
    let seen = load.end();
    let mut said = vec![output.stdout, output.stderr];
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said.concat()));
    println!("{}, longest gap {:?}", seen.line(), seen.gap());
    assert_eq!(seen.failed, Vec::<String>::new());

    let new = data.values();
    assert!(new[0] != OLD[0] && new[1] != OLD[1]);
    assert_eq!(data.container("db"), db, "the database was made again");
    assert!(data.database_takes(&new[0]) && !data.database_takes(OLD[0]));
    assert!(data.cache_takes(&new[1]) && !data.cache_takes(OLD[1]));
    // What a restart reads are the new values.
    docker(&["restart", &data.container("cache"), &db]);
    crate::support::project::eventually("both answer", std::time::Duration::from_secs(30), || {
        data.database_takes(&new[0]) && data.cache_takes(&new[1])
    });
    assert!(!data.database_takes(OLD[0]) && !data.cache_takes(OLD[1]));
    let plan = project.aictl(&["plan", "--exit-code"]).ended(0);
    assert!(plan.stdout.contains("no changes"), "{plan:?}");
    assert!(project.aictl(&["deploy"]).ended(0).stdout.contains("up to date"));

    for words in [&["history", "--output", "json"][..], &["show", "2"], &["explain", "2"], &["plan"], &["logs"]] {
        let outcome = project.aictl(words).ended(0);
        said.extend([outcome.stdout.into_bytes(), outcome.stderr.into_bytes()]);
    }
    let log = std::process::Command::new("docker").args(["logs", &db]).output().unwrap();
    assert!(String::from_utf8_lossy(&log.stderr).contains("ALTER ROLE"), "the server logs no statements");
    said.extend([log.stdout, log.stderr]);
    let said = String::from_utf8_lossy(&said.concat()).into_owned();
    for value in OLD.iter().copied().chain(new.iter().map(String::as_str)) {
        assert!(!said.contains(value), "{said}");
    }
    // A checkout with the old values.
    project.write(".env", &format!("DB_PASSWORD={}\nCACHE_PASSWORD={}\n", OLD[0], OLD[1]));
    let said = "`DB_PASSWORD` has an older value here: release 2 rotated it";
    let plan = project.aictl(&["plan"]).ended(0);
    assert!(plan.stdout.contains(said), "{plan:?}");
    let refused = project.aictl(&["deploy", "--yes"]).ended(1);
    assert!(refused.stderr.contains(said), "{refused:?}");
    assert!(data.database_takes(&new[0]) && data.cache_takes(&new[1]));
}
