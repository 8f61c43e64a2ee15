//! Requests to a service that is replaced in place: held until its new container answers, for a limited time, and by
//! nobody whom a killed aictl would have to end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::load::{Load, Mix};
use super::real::{COMPOSE, PROJECT_FILE, Shop};
use crate::support::project::docker;

/// Requests are held at most this long.
const HELD: Duration = Duration::from_secs(30);
/// A request that was held may take this much longer than the rest of the time.
const MARGIN: Duration = Duration::from_secs(8);

/// The app, replaced in place.
fn shop(name: &str) -> Option<Shop> {
    Shop::of(name, &PROJECT_FILE.replace("port: 8000", "port: 8000, strategy: recreate"), COMPOSE)
}

/// One POST: its status, its Retry-After, how long it took.
fn posted(port: u16) -> (u16, Option<String>, Duration) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(HELD * 2)).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    let retry = answer.lines().find_map(|line| line.strip_prefix("Retry-After: ")).map(str::to_owned);
    (status, retry, began.elapsed())
}

impl Shop {
    fn gates(&self) -> String {
        let project = format!("label=io.aictl.project={}", self.project.name());
        docker(&["ps", "-aq", "--filter", &project, "--filter", "label=io.aictl.role=gate"])
    }
}

#[test]
fn no_request_is_lost_while_a_service_is_replaced_in_place() {
    let Some(shop) = shop("deploy-hold") else { return };
    shop.deploy("0", 0);
    let load = Load::of(shop.port, &Mix { posts: 20, gets: 10, ..Mix::short(0, 0) });
    for round in ["1", "2", "3"] {
        let said = shop.deploy(round, 0);
        assert!(said.contains("Held requests to api") && said.contains("Released requests to api"), "{said}");
    }
    // The container before comes back behind a hold, too.
    let compose = std::fs::read_to_string(shop.project.path().join("compose.yaml")).unwrap();
    shop.project
        .write("compose.yaml", &compose.replace("[python3, /app/app.py]", "[python3, -c, raise SystemExit(3)]"));
    shop.deploy("4", 20);
    let seen = load.end();
    println!("{}", seen.line());
    assert_eq!(seen.failed, Vec::<String>::new());
    let rounds: Vec<&str> = seen.rounds.iter().map(String::as_str).collect();
    assert_eq!(rounds, ["0", "1", "2", "3"]);
    assert_eq!(shop.gates(), "");
}

#[test]
fn a_hold_ends_by_itself_when_aictl_was_killed_and_then_requests_fail_with_retry_after_where_nothing_answers() {
    let Some(shop) = shop("deploy-hold-kill") else { return };
    shop.deploy("0", 0);
    shop.killed(&["deploy"], "1", ("step-finished", "Held", "api", ""));
    let (status, _, took) = posted(shop.port);
    assert!(status == 200 && took > Duration::from_secs(5) && took < HELD + MARGIN, "{status} {took:?}");
    assert_eq!(shop.served().as_deref(), Some("0"));
    shop.killed(&["deploy"], "1", ("step-finished", "Stopped", "api", ""));
    let (status, retry, took) = posted(shop.port);
    assert_eq!((status, retry.as_deref()), (503, Some("5")), "{took:?}");
    assert!(took > Duration::from_secs(5) && took < HELD + MARGIN, "{took:?}");
    shop.deploy("1", 0);
    assert_eq!((shop.served().as_deref(), shop.gates().as_str()), (Some("1"), ""));
    let again = shop.deploy("1", 0);
    assert!(!again.contains("Released"), "{again}");
}

/// A database, and the backup of it.
const DATABASE: &str = "  db:
    image: aictl/postgres:15
    environment: { POSTGRES_PASSWORD: SECRET }
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, postgres], interval: 1s, retries: 30 }
volumes: {";
const BACKUP: &str = "
backup: { repository: sets, password: { env: BACKUP_PASSWORD }, include: { db: {} } }
";

#[test]
fn writing_requests_wait_until_the_dumps_of_a_backup_have_begun_and_none_is_lost() {
    let compose = COMPOSE.replace("\nvolumes: {", &format!("\n{DATABASE}"));
    let Some(shop) = Shop::of("deploy-hold-backup", &format!("{PROJECT_FILE}{BACKUP}"), &compose) else { return };
    shop.deploy("0", 0);
    let load = Load::of(shop.port, &Mix { posts: 10, gets: 10, ..Mix::short(0, 0) });
    let create = ["backup", "create", "--output", "json"];
    let mut create = shop.project.command(&create);
    let output = create.env("ROUND", "0").env("BACKUP_PASSWORD", "s3cret-of-the-repository").output().unwrap();
    let seen = load.end();
    println!("{}", seen.line());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["writes_held"], &report["complete"]), (&true.into(), &true.into()), "{report} {said}");
    assert_eq!((seen.failed.as_slice(), shop.gates().as_str()), (&[][..], ""));
    // Other files: the configuration in use is not theirs.
    shop.project.write("aictl.yaml", &format!("{}{BACKUP}", PROJECT_FILE.replace("path: /,", "path: /other,")));
    let dry = shop
        .project
        .command(&["backup", "create", "--dry-run"])
        .env("ROUND", "0")
        .env("BACKUP_PASSWORD", "s3cret-of-the-repository")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&dry.stderr);
    assert!(said.contains("writing requests are not held while the dumps begin"), "{said}");
}
