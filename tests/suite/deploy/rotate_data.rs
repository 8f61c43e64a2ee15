//! `secrets rotate` of passwords that PostgreSQL and Redis keep, over the engine in memory: what they accept, what the env
//! file says and what the containers log in with, also where any effect of it is refused, killed or interrupted.

use std::sync::Arc;

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::secret::{SCRAM_SALT, Secret, scram_verifier};
use aictl::session::GlobalOptions;

use super::process::{Ended, Folder, SECRET, observe, serving};
use super::walk::{ALL, arm, recorded_as_planned};

const PROJECT_FILE: &str = "
name: shop
environments:
  prod:
    compose: compose.yaml
    env_file: .env
    proxy: { service: nginx, routes: [{ path: /, service: api, port: 80 }] }
    deploy: { drain: 2s }
secrets: { DB_PASSWORD: { generate: url-safe }, CACHE_PASSWORD: { generate: url-safe } }
checks:
  - { name: db answers a query over TCP, exec: { service: db, command: ['true'] } }
  - { name: cache answers PING, exec: { service: cache, command: ['true'] } }
";

const COMPOSE: &str = "
services:
  nginx:
    image: tool:1
    command: [serve]
    ports: ['8080:80']
    volumes: ['aictl_proxy:/etc/nginx/conf.d']
    depends_on: [api]
  api:
    image: tool:1
    command: [serve]
    environment:
      DATABASE_URL: 'postgres://app:${DB_PASSWORD}@db:5432/shop'
      CACHE_URL: 'redis://:${CACHE_PASSWORD}@cache/0'
      ROUND: ROUND-OF-API
    healthcheck: { test: [CMD, 'true'], interval: 5s }
    depends_on: { db: { condition: service_healthy }, cache: { condition: service_healthy } }
  db:
    image: postgres:15
    environment: { POSTGRES_USER: shop, POSTGRES_PASSWORD: '${DB_PASSWORD}' }
    healthcheck: { test: [CMD, 'true'], interval: 5s }
    volumes: ['data:/data']
  cache:
    image: redis:7
    command: [redis-server, --requirepass, '${CACHE_PASSWORD}']
    healthcheck: { test: [CMD, 'true'], interval: 5s }
volumes: { aictl_proxy: {}, data: {} }
";

const KEYS: [&str; 2] = ["CACHE_PASSWORD", "DB_PASSWORD"];

fn env_file() -> String {
    format!("DB_PASSWORD=d-{SECRET}\nCACHE_PASSWORD=c-{SECRET}\n")
}

struct Shop {
    world: MemoryEngine,
    folder: Arc<Folder>,
}

impl Shop {
    async fn deployed() -> Self {
        let folder = Folder::new();
        folder.file("aictl.yaml", PROJECT_FILE);
        folder.file("compose.yaml", COMPOSE);
        folder.file(".env", &env_file());
        let world = MemoryEngine::new().with_image("tool:1").with_image("postgres:15").with_image("redis:7");
        let shop = Self { world, folder: Arc::new(folder) };
        shop.deploy().await.report.unwrap();
        shop
    }

    async fn deploy(&self) -> Ended {
        self.folder.deploy_as_it_is(&self.world.another()).await
    }

    async fn rotate(&self, process: &MemoryEngine) -> Ended {
        self.folder.rotate(process, &KEYS, GlobalOptions::default()).await
    }

    fn value(&self, key: &str) -> String {
        let env = std::fs::read_to_string(self.folder.path(".env")).unwrap();
        env.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap().to_owned()
    }

    /// The id of the only container of a service.
    async fn id(&self, service: &str) -> String {
        let observed = observe(&self.world).await;
        let found: Vec<_> = observed.instances.iter().filter(|c| !c.one_off && c.service == service).collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].id.clone()
    }

    /// Whether both roles have this password, as the last statements say; without one they have that of the beginning.
    fn database_accepts(&self, db: &str, value: &str) -> bool {
        let verifier = scram_verifier(&Secret::new(value), [0; SCRAM_SALT]);
        let sent = self.world.sent(db);
        ["app", "shop"].iter().all(|role| {
            let of_role = format!("ALTER ROLE \"{role}\" PASSWORD '");
            match sent.iter().rev().find_map(|text| text.strip_prefix(&of_role)) {
                Some(set) => set == format!("{verifier}';\n"),
                None => value == format!("d-{SECRET}"),
            }
        })
    }

    /// The database, the cache and what logs in to them have the values of the env file, and no others.
    async fn agrees(&self, place: &str) {
        let (db, cache) = (self.id("db").await, self.id("cache").await);
        assert!(self.database_accepts(&db, &self.value("DB_PASSWORD")), "{:#?}\n{place}", self.world.sent(&db));
        let sent = self.world.sent(&cache);
        if let Some(last) = sent.last() {
            assert_eq!(*last, only(&self.value("CACHE_PASSWORD")), "{sent:#?}\n{place}");
        }
        let next = self.world.another();
        let report = self.folder.deploy_as_it_is(&next).await.report.unwrap();
        assert_eq!((next.effects(), &report["changed"]), (0, &false.into()), "{:#?}\n{place}", next.effect_names());
    }
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>())
}

fn only(value: &str) -> String {
    format!("ACL SETUSER {} resetpass {}\n", quoted("default"), quoted(&format!(">{value}")))
}

#[tokio::test(start_paused = true)]
async fn the_database_stays_and_gets_the_new_password_and_the_cache_takes_both_until_the_old_side_is_gone() {
    let shop = Shop::deployed().await;
    let (db, cache) = (shop.id("db").await, shop.id("cache").await);
    let ended = shop.rotate(&shop.world.another()).await;
    let report = ended.report.as_ref().unwrap();
    assert_eq!(report["revision"], 2, "{report:#}");
    assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
    let gap = "`DB_PASSWORD` is the password of role shop in db: containers with the old one cannot open new \
               connections from its change until the switch; open connections stay";
    assert!(ended.warnings.contains(&gap.to_owned()), "{:#?}", ended.warnings);
    assert_eq!(shop.id("db").await, db);
    let now = shop.id("cache").await;
    assert_ne!(now, cache);
    let also = format!("ACL SETUSER \"default\" \">c-{SECRET}\"\n");
    let both = [also.replace("\"default\"", &quoted("default")), only(&shop.value("CACHE_PASSWORD"))];
    let both = [both[0].replace(&format!("\">c-{SECRET}\""), &quoted(&format!(">c-{SECRET}"))), both[1].clone()];
    assert_eq!(shop.world.sent(&now), both);
    shop.agrees("").await;
    // Another change of the database makes it again, with the value of now.
    shop.folder.edit("compose.yaml", "POSTGRES_USER: shop,", "POSTGRES_USER: shop, MORE: 'yes',");
    shop.deploy().await.report.unwrap();
    assert_ne!(shop.id("db").await, db);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_a_release_before_keeps_the_database_and_its_password() {
    let shop = Shop::deployed().await;
    shop.folder.edit("compose.yaml", "ROUND-OF-API", "second");
    shop.deploy().await.report.unwrap();
    let db = shop.id("db").await;
    shop.rotate(&shop.world.another()).await.report.unwrap();
    let back = shop.folder.run(&shop.world.another(), super::process::Act::Rollback(Some(1))).await;
    back.report.unwrap();
    assert_eq!(shop.id("db").await, db);
    shop.folder.edit("compose.yaml", "second", "ROUND-OF-API");
    shop.agrees("").await;
}

#[tokio::test(start_paused = true)]
async fn an_older_value_of_a_rotated_secret_is_not_deployed() {
    let shop = Shop::deployed().await;
    shop.rotate(&shop.world.another()).await.report.unwrap();
    let rotated = std::fs::read_to_string(shop.folder.path(".env")).unwrap();
    shop.folder.file(".env", &env_file());
    let process = shop.world.another();
    let ended = shop.folder.deploy_as_it_is(&process).await;
    let (kind, message) = ended.report.unwrap_err();
    assert_eq!((kind, process.effects()), (ErrorKind::Failed, 0), "{message}");
    let said = ["CACHE_PASSWORD", "DB_PASSWORD"]
        .map(|key| format!("`{key}` has an older value here: release 2 rotated it"))
        .join("; ");
    assert_eq!(message, said);
    shop.folder.file(".env", &rotated);
    shop.agrees("with the present values").await;
    // What is rotated in such a checkout gets a value that is newer than both.
    shop.folder.file(".env", &env_file());
    shop.rotate(&shop.world.another()).await.report.unwrap();
    shop.agrees("rotated with the older values in the env file").await;
}

#[tokio::test(start_paused = true)]
async fn a_rotation_of_passwords_that_fails_or_dies_at_any_effect_leaves_what_the_next_deploy_makes_agree() {
    let ready = Shop::deployed().await;
    let db = ready.id("db").await;
    let effects = {
        let shop = Shop { world: ready.world.copied(), folder: ready.folder.clone() };
        let process = shop.world.another();
        shop.rotate(&process).await.report.unwrap();
        process.effect_names()
    };
    let sent = effects.iter().filter(|name| name.starts_with("send a statement")).count();
    assert_eq!(sent, 6, "{effects:#?}");
    let (mut finished, mut undone) = (0, 0);
    for at in 1..=effects.len() + 1 {
        for wrong in ALL {
            ready.folder.file(".env", &env_file());
            let shop = Shop { world: ready.world.copied(), folder: ready.folder.clone() };
            let process = arm(shop.world.another(), at, wrong);
            let ended = shop.rotate(&process).await;
            let name = effects.get(at - 1).map_or("past the end", String::as_str);
            let place = format!("{wrong:?} at {at}, {name}: {ended:#?}\n{:#?}", process.effect_names());
            assert!(!format!("{ended:?}").contains(SECRET), "{place}");
            let observed = observe(&shop.world).await;
            assert!(serving(&observed, "api").is_some(), "nothing serves: {observed:#?}\n{place}");
            recorded_as_planned(&shop.world, &place).await;
            let is_old = shop.value("DB_PASSWORD") == format!("d-{SECRET}");
            *(if is_old { &mut undone } else { &mut finished }) += 1;
            let next = shop.deploy().await;
            assert!(next.report.is_ok(), "the next deploy failed: {next:#?}\nafter {place}");
            assert_eq!(shop.id("db").await, db, "{place}");
            shop.agrees(&place).await;
        }
    }
    assert!(finished > 20 && undone > 20, "{finished} {undone}");
}
