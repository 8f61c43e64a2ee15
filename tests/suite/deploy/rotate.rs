//! `secrets rotate` over the engine in memory: what serves, what the env file says and what a rollback restores, also
//! where any effect of it is refused, killed or interrupted.

use std::collections::BTreeMap;
use std::sync::Arc;

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::release::{LeaseVerdict, ReleaseCause, ReleaseStatus, history, releases};
use aictl::session::GlobalOptions;
use aictl::target::{Journal as _, Leases as _};

use super::load::Load;
use super::process::{Act, Ended, Folder, PROJECT, SECRET, observe, serving};
use super::walk::{ALL, Wrong, arm, recorded_as_planned};
use crate::support::project::docker;

const PROJECT_FILE: &str = "
name: shop
environments:
  prod:
    compose: compose.yaml
    env_file: .env
    proxy: { service: nginx, routes: [{ path: /, service: api, port: 80 }, { path: /w, service: web, port: 80 }] }
    deploy: { drain: 2s }
secrets:
  API_TOKEN: { generate: url-safe }
  DB_PASSWORD: { generate: url-safe }
  PARTNER_KEY: { required: true }
  UNUSED_KEY: { generate: hex }
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
    environment: { URL: 'http://api:${API_TOKEN}@web/', ROUND: ROUND-OF-API, PARTNER: '${PARTNER_KEY}' }
    healthcheck: { test: [CMD, 'true'], interval: 5s }
    depends_on: { db: { condition: service_healthy } }
  web:
    image: tool:1
    command: [serve]
    env_file: .env
  db:
    image: tool:1
    command: [serve]
    secrets: [db_password]
    healthcheck: { test: [CMD, 'true'], interval: 5s }
    volumes: ['data:/data']
secrets: { db_password: { environment: DB_PASSWORD } }
volumes: { aictl_proxy: {}, data: {} }
";

/// The first lines have a value that is shown nowhere.
fn env_file() -> String {
    format!("# kept\nAPI_TOKEN={SECRET}\nPARTNER_KEY=p-{SECRET}\nDB_PASSWORD=d-{SECRET}\nUNUSED_KEY=u-{SECRET}\n")
}

/// What the random source of tests makes of 32 bytes.
const NEW: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

struct Shop {
    world: MemoryEngine,
    folder: Arc<Folder>,
}

impl Shop {
    fn new() -> Self {
        let folder = Folder::new();
        folder.file("aictl.yaml", PROJECT_FILE);
        folder.file("compose.yaml", COMPOSE);
        folder.file(".env", &env_file());
        Self { world: MemoryEngine::new().with_image("tool:1"), folder: Arc::new(folder) }
    }

    async fn deployed() -> Self {
        let shop = Self::new();
        shop.deploy().await.report.unwrap();
        shop
    }

    async fn deploy(&self) -> Ended {
        self.folder.deploy_as_it_is(&self.world.another()).await
    }

    async fn rotate(&self, keys: &[&str]) -> Ended {
        self.folder.rotate(&self.world.another(), keys, GlobalOptions::default()).await
    }

    fn env(&self) -> String {
        std::fs::read_to_string(self.folder.path(".env")).unwrap()
    }

    async fn hashes(&self) -> BTreeMap<&'static str, Option<String>> {
        let observed = observe(&self.world).await;
        let content = |service| {
            let found = serving(&observed, service)?;
            let content = found.labels.get(aictl::plan::labels::CONTENT).cloned().unwrap_or_default();
            Some(format!("{} {content}", found.docker.config_hash.clone().unwrap_or_default()))
        };
        ["api", "web", "db"].map(|service| (service, content(service))).into()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_reaches_the_containers_that_use_it_and_the_env_file_and_nothing_else() {
    let shop = Shop::deployed().await;
    let before = shop.hashes().await;
    let ended = shop.rotate(&["API_TOKEN"]).await;
    let report = ended.report.as_ref().unwrap();
    assert_eq!((report["revision"].as_u64(), report["rotated"][0].as_str()), (Some(2), Some("API_TOKEN")));
    assert!(!format!("{ended:?}").contains(NEW) && !format!("{ended:?}").contains(SECRET), "{ended:?}");
    assert_eq!(shop.env(), env_file().replacen(SECRET, NEW, 1));
    let after = shop.hashes().await;
    // `web` reads the whole env file.
    assert!(before["api"] != after["api"] && before["web"] != after["web"] && before["db"] == after["db"]);
    let records = shop.world.load_records(PROJECT).await.unwrap();
    let past = releases(&history(&records, None));
    let versions =
        |at: usize| past[at].release.secrets.iter().map(|(key, s)| (key.as_str(), s.version)).collect::<Vec<_>>();
    assert_eq!(versions(0), [("API_TOKEN", 1), ("DB_PASSWORD", 1), ("PARTNER_KEY", 1), ("UNUSED_KEY", 1)]);
    assert_eq!(versions(1)[0], ("API_TOKEN", 2));
    assert_eq!(past[1].release.cause, ReleaseCause::Rotate);
    // The files render what runs.
    let deployed = shop.deploy().await.report.unwrap();
    assert_eq!(deployed["changed"], false, "{deployed:#}");
    // The content of a file is a secret as well.
    shop.rotate(&["DB_PASSWORD"]).await.report.unwrap();
    assert_ne!(shop.hashes().await["db"], after["db"]);
    let deployed = shop.deploy().await.report.unwrap();
    assert_eq!(deployed["changed"], false, "{deployed:#}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_keeps_what_was_rotated_since_and_restores_the_rest() {
    let shop = Shop::deployed().await;
    shop.folder.edit("compose.yaml", "ROUND-OF-API", "second");
    shop.deploy().await.report.unwrap();
    shop.rotate(&["API_TOKEN"]).await.report.unwrap();
    // What is undone is the deploy before it.
    let back = shop.folder.run(&shop.world.another(), Act::Rollback(None)).await;
    let report = back.report.as_ref().unwrap();
    assert_eq!((report["restored"].as_u64(), report["revision"].as_u64()), (Some(1), Some(4)), "{report:#}");
    assert_eq!(report["skipped"][0], serde_json::json!([3, "it only rotated secrets"]));
    assert!(back.warnings.contains(&"`API_TOKEN` keeps its value of release 3, rotated since".to_owned()), "{back:?}");
    // As if the first files were deployed with the env file of now.
    shop.folder.edit("compose.yaml", "second", "ROUND-OF-API");
    let deployed = shop.deploy().await.report.unwrap();
    assert_eq!(deployed["changed"], false, "{deployed:#}");
    let records = shop.world.load_records(PROJECT).await.unwrap();
    let statuses: Vec<_> = releases(&history(&records, None)).into_iter().map(|past| past.status).collect();
    use ReleaseStatus::{Deployed, RolledBack, Superseded};
    assert_eq!(statuses, [Superseded, RolledBack, RolledBack, Deployed]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_rotation_changes_nothing() {
    let shop = Shop::deployed().await;
    let process = shop.world.another();
    let options = GlobalOptions { dry_run: true, ..Default::default() };
    let ended = shop.folder.rotate(&process, &["API_TOKEN"], options).await;
    let report = ended.report.as_ref().unwrap();
    assert!(report["steps"].as_array().unwrap().iter().any(|step| step.as_str().unwrap().contains("shop-api-2")));
    assert!(!format!("{ended:?}").contains(NEW), "{ended:?}");
    assert_eq!((process.effects(), shop.env()), (0, env_file()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_rotated_is_refused_before_anything_changes() {
    let shop = Shop::new();
    let refused = async |keys: &[&str], kind: ErrorKind, said: &str| {
        let process = shop.world.another();
        let (found, message) = shop.folder.rotate(&process, keys, GlobalOptions::default()).await.report.unwrap_err();
        assert_eq!((found, message.as_str()), (kind, said));
        assert_eq!((process.effects(), shop.env()), (0, env_file()));
    };
    refused(&["API_TOKEN"], ErrorKind::Failed, "shop has no release").await;
    shop.deploy().await.report.unwrap();
    refused(&["NO_TOKEN"], ErrorKind::NotFound, "unknown secret `NO_TOKEN` (did you mean `API_TOKEN`?)").await;
    let issued = "`PARTNER_KEY` is issued by a third party and cannot be generated";
    refused(&["API_TOKEN", "PARTNER_KEY"], ErrorKind::Usage, issued).await;
    // Data services have passwords of their own.
    let probe = "checks: [{ name: db is ready, exec: { service: db, command: ['true'] } }]\nsecrets:\n";
    shop.folder.edit("aictl.yaml", "secrets:\n", probe);
    shop.folder.edit("compose.yaml", "  db:\n    image: tool:1", "  db:\n    image: qdrant/qdrant:1");
    let world = MemoryEngine::new().with_image("tool:1").with_image("qdrant/qdrant:1");
    let shop = Shop { world, ..shop };
    shop.deploy().await.report.unwrap();
    let ended = shop.rotate(&["DB_PASSWORD"]).await.report.unwrap_err();
    let said = "not supported yet: `DB_PASSWORD` is a password of `db`, which keeps it: rotating it";
    assert_eq!((ended.0, ended.1.as_str()), (ErrorKind::Config, said));
    assert_eq!(shop.env(), env_file());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_issued_gets_the_value_from_standard_input() {
    let shop = Shop::deployed().await;
    let process = shop.world.another();
    let weak = shop.folder.rotate_to(&process, "PARTNER_KEY", || Ok("changeme\n".to_owned())).await;
    assert_eq!((weak.report.unwrap_err().0, process.effects(), shop.env()), (ErrorKind::Failed, 0, env_file()));
    let same = || Ok(format!("p-{SECRET}\n"));
    let (_, said) = shop.folder.rotate_to(&process, "PARTNER_KEY", same).await.report.unwrap_err();
    assert_eq!((said.as_str(), process.effects()), ("`PARTNER_KEY` has this value already", 0));
    let issued = || Ok("sk-9fK2 $x'7Qw8Zr3Lp5Vb\n".to_owned());
    let ended = shop.folder.rotate_to(&shop.world.another(), "PARTNER_KEY", issued).await;
    assert!(ended.report.is_ok() && !format!("{ended:?}").contains("9fK2"), "{ended:?}");
    assert!(shop.env().contains("9fK2") && shop.env().starts_with(&env_file()[..40]), "{}", shop.env());
    let deployed = shop.deploy().await.report.unwrap();
    assert_eq!(deployed["changed"], false, "{deployed:#}");
}

/// Nothing of the values is in what is said or recorded.
async fn no_value(world: &MemoryEngine, ended: &Ended, place: &str) {
    for value in [SECRET, NEW] {
        assert!(!format!("{ended:?}").contains(value), "{place}");
        for record in world.load_records(PROJECT).await.unwrap() {
            assert!(!String::from_utf8(record.encode().unwrap()).unwrap().contains(value), "{place}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_fails_or_dies_at_any_effect_leaves_a_side_serving_and_is_finished_or_undone_by_the_next_deploy()
 {
    let ready = Shop::deployed().await;
    let keys = ["API_TOKEN", "DB_PASSWORD"];
    let effects = {
        let process = ready.world.copied().another();
        ready.folder.rotate(&process, &keys, GlobalOptions::default()).await.report.unwrap();
        process.effect_names()
    };
    assert!(effects.len() >= 18, "only {} effects: {effects:#?}", effects.len());
    let (mut finished, mut undone) = (0, 0);
    for at in 1..=effects.len() + 1 {
        for wrong in ALL {
            ready.folder.file(".env", &env_file());
            let shop = Shop { world: ready.world.copied(), folder: ready.folder.clone() };
            let before = observe(&shop.world).await;
            let process = arm(shop.world.another(), at, wrong);
            let ended = shop.folder.rotate(&process, &keys, GlobalOptions::default()).await;
            let name = effects.get(at - 1).map_or("past the end", String::as_str);
            let place = format!("{wrong:?} at {at}, {name}: {ended:#?}\n{:#?}", process.effect_names());
            let after = observe(&shop.world).await;
            for service in ["api", "web"] {
                assert!(serving(&after, service).is_some(), "nothing serves {service}: {after:#?}\n{place}");
            }
            let lease = shop.world.observe_lease(PROJECT).await.unwrap();
            assert!(lease.is_none_or(|lease| lease.verdict == LeaseVerdict::Dead), "the lock is held: {place}");
            no_value(&shop.world, &ended, &place).await;
            recorded_as_planned(&shop.world, &place).await;
            let is_old = shop.env() == env_file();
            if matches!(ended.report, Err((ErrorKind::DeployFailed, _))) {
                let same = ["api", "web"]
                    .iter()
                    .all(|s| serving(&before, s).map(|c| &c.id) == serving(&after, s).map(|c| &c.id));
                assert!(same && is_old, "the old values do not serve: {place}");
            }
            assert!(ended.report.is_err() || !is_old, "the env file has the old value: {place}");
            recovers(&shop, (wrong, &place)).await;
            *(if is_old { &mut undone } else { &mut finished }) += 1;
        }
    }
    assert!(finished > 20 && undone > 20, "{finished} {undone}");
}

/// The next deploy makes containers, release and env file agree; the one after changes nothing.
async fn recovers(shop: &Shop, (wrong, place): (Wrong, &str)) {
    let env = shop.env();
    let next = shop.deploy().await;
    assert!(next.report.is_ok(), "the next deploy failed: {next:#?}\nafter {place}");
    assert_eq!(shop.env(), env, "a deploy changed the env file, after {place}");
    assert_eq!(shop.world.observe_lease(PROJECT).await.unwrap(), None, "after {place}");
    let second = shop.world.another();
    let report = shop.folder.deploy_as_it_is(&second).await.report.unwrap();
    assert_eq!(
        (second.effects(), &report["changed"]),
        (0, &false.into()),
        "{:#?}\nafter {place}",
        second.effect_names()
    );
    let observed = observe(&shop.world).await;
    for service in ["api", "web", "db"] {
        let count = observed.instances.iter().filter(|c| !c.one_off && c.service == service).count();
        assert_eq!(count, 1, "{observed:#?}\nafter {place}");
    }
    // A finished rotation is not undone by a rollback, whoever finished it.
    let records = shop.world.load_records(PROJECT).await.unwrap();
    let recorded = releases(&history(&records, None)).iter().any(|past| past.release.cause == ReleaseCause::Rotate);
    if env == env_file() || !recorded {
        return;
    }
    let back = shop.folder.run(&shop.world.another(), Act::Rollback(Some(1))).await;
    assert!(back.report.is_ok(), "{wrong:?}: {back:#?}\nafter {place}");
    let third = shop.world.another();
    let report = shop.folder.deploy_as_it_is(&third).await.report.unwrap();
    assert_eq!(report["changed"], false, "a rollback undid the rotation: {:#?}\nafter {place}", third.effect_names());
}

/// Three rotations of a routed service on the real engine.
#[test]
fn a_rotation_under_load_loses_no_request_and_shows_no_value() {
    let compose = super::real::COMPOSE.replace("PASSWORD: SECRET", "TOKEN: \"${API_TOKEN}\"");
    let project = format!("{}secrets: {{ API_TOKEN: {{ generate: hex }} }}\n", super::real::PROJECT_FILE);
    let Some(shop) = super::real::Shop::of("rotate-load", &project, &compose) else { return };
    let old = "0ld-c4nary-0f-the-r0tation";
    shop.project.write(".env", &format!("ROUND=one\nAPI_TOKEN={old}\n"));
    shop.project.aictl(&["deploy"]).ended(0);
    let load = Load::start(shop.port, 8, 4);
    let mut said = Vec::new();
    for _ in 0..3 {
        let output = shop.project.command(&["--verbose", "secrets", "rotate", "API_TOKEN"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        said.extend([output.stdout, output.stderr]);
    }
    let seen = load.end();
    println!("{}", seen.line());
    assert_eq!(seen.failed, Vec::<String>::new());
    let env = std::fs::read_to_string(shop.project.path().join(".env")).unwrap();
    let new = env.lines().find_map(|line| line.strip_prefix("API_TOKEN=")).unwrap().to_owned();
    let running = shop.project.containers().into_keys().find(|name| name.contains("-api-")).unwrap();
    let inside = docker(&["inspect", "--format", "{{.Config.Env}}", &running]);
    assert!(new != old && inside.contains(&format!("TOKEN={new}")), "{inside}");
    for words in [&["history", "--output", "json"][..], &["show", "2"], &["explain", "3"], &["plan"], &["logs"]] {
        let outcome = shop.project.aictl(words).ended(0);
        said.extend([outcome.stdout.into_bytes(), outcome.stderr.into_bytes()]);
    }
    let said = String::from_utf8_lossy(&said.concat()).into_owned();
    assert!(!said.contains(old) && !said.contains(&new), "{said}");
    let again = shop.project.aictl(&["deploy"]).ended(0);
    assert!(again.stdout.contains("up to date"), "{again:?}");
}
