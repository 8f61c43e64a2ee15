//! One run of deploy, rollback or start over the engine in memory, as a process of its own, in a project folder.

use std::path::PathBuf;
use std::sync::Arc;

use aictl::engine::memory::MemoryEngine;
use aictl::error::ErrorKind;
use aictl::plan::{InstanceState, Observed, ObservedInstance, Scope};
use aictl::release::Side;
use aictl::session::report::Report;
use aictl::session::{Context, GlobalOptions};
use aictl::target::Observe as _;
use aictl::workflow::begin::secrets::{self, RotateArgs, SecretsAction, SecretsArgs};
use aictl::workflow::run::start::{self, StartArgs};
use aictl::workflow::run::status::{self, StatusArgs};
use aictl::workflow::ship::deploy::{self, DeployArgs};
use aictl::workflow::ship::plan::{self, PlanArgs};
use aictl::workflow::ship::rollback::{self, RollbackArgs};
use tempfile::TempDir;

use crate::support::memory::{Warned, context};

pub const PROJECT: &str = "shop";

/// A value that must be shown nowhere.
pub const SECRET: &str = "v4lue-that-nobody-may-see";

const PROJECT_FILE: &str = "
name: shop
environments:
  prod:
    compose: compose.yaml
    proxy: { service: nginx, routes: [ROUTES] }
    deploy: { migrate: true, drain: 2sBAKE }
tasks:
  migrate: { service: api, command: ['true'], database: none }
checks:
  - { name: api works, exec: { service: api, command: [sh, -c, 'exit $ROUND'] }, retries: 1 }
  - { name: db works, exec: { service: db, command: [sh, -c, 'exit $ROUND'] }, retries: 1 }
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
    environment: { ROUND: API, PASSWORD: SECRET }
    healthcheck: { test: [CMD, 'true'], interval: 5s }
    depends_on: { db: { condition: service_healthy } }
  web:
    image: tool:1
    command: [serve]
    environment: { ROUND: WEB }
  db:
    image: tool:1
    command: [serve]
    environment: { ROUND: DB }
    healthcheck: { test: [CMD, 'true'], interval: 5s }
    volumes: ['data:/data']
volumes: { aictl_proxy: {}, data: {} }
";

/// A state of the files: what each service says, and whether there is a second route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    pub api: &'static str,
    pub db: &'static str,
    pub two_routes: bool,
    /// Whether a release bakes.
    pub bake: bool,
    /// Whether a route leads to the database, which is replaced in place.
    pub db_route: bool,
}

pub const FIRST: Files = Files { api: "one", db: "one", two_routes: true, bake: false, db_route: false };
pub const SECOND: Files = Files { api: "two", db: "two", two_routes: true, bake: false, db_route: false };

/// What a process is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Deploy(Files),
    Rollback(Option<u32>),
    Start(Files),
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    pub report: Result<serde_json::Value, (ErrorKind, String)>,
    pub warnings: Vec<String>,
}

/// A project folder.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, files: Files) {
        let mut second = if files.two_routes { ", { path: /w, service: web, port: 80 }" } else { "" }.to_owned();
        if files.db_route {
            second += ", { path: /db, service: db, port: 80 }";
        }
        let bake = if files.bake { ", bake: 1ms" } else { "" };
        let routes = format!("{{ path: /, service: api, port: 80 }}{second}");
        let compose = COMPOSE.replace("API", files.api).replace("DB", files.db).replace("SECRET", SECRET);
        self.file("aictl.yaml", &PROJECT_FILE.replace("ROUTES", &routes).replace("BAKE", bake));
        self.file("compose.yaml", &compose);
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Runs a verb to its end; the process is gone afterwards, with whatever it still holds.
    pub async fn run(&self, engine: &MemoryEngine, act: Act) -> Ended {
        self.run_with(engine, act, GlobalOptions::default()).await
    }

    pub async fn run_with(&self, engine: &MemoryEngine, act: Act, options: GlobalOptions) -> Ended {
        let warned = Arc::new(Warned::default());
        let context = context(&[("memory", engine)], (options, self.0.path().to_owned()), &warned);
        let report = match act {
            Act::Deploy(files) => {
                self.write(files);
                deploy::run(&context, DeployArgs::default()).await.map(|report| report.json())
            }
            Act::Rollback(to) => {
                rollback::run(&context, RollbackArgs { to, ..Default::default() }).await.map(|report| report.json())
            }
            Act::Start(files) => {
                self.write(files);
                start::run(&context, StartArgs::default()).await.map(|report| report.json())
            }
        };
        engine.end();
        let report = report.map_err(|e| (e.kind(), e.messages().join(": ")));
        Ended { report, warnings: warned.all() }
    }
}

impl Folder {
    /// Changes a file in place.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.0.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Deploys the files as they are.
    pub async fn deploy_as_it_is(&self, engine: &MemoryEngine) -> Ended {
        self.deploy_with(engine, (DeployArgs::default(), GlobalOptions::default())).await
    }

    pub async fn deploy_with(&self, engine: &MemoryEngine, (args, options): (DeployArgs, GlobalOptions)) -> Ended {
        let (context, warned) = self.context(engine, options);
        ended(engine, deploy::run(&context, args).await, &warned)
    }

    /// Rotates secrets.
    pub async fn rotate(&self, engine: &MemoryEngine, keys: &[&str], options: GlobalOptions) -> Ended {
        let (context, warned) = self.context(engine, options);
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let action = SecretsAction::Rotate(RotateArgs { keys, ..Default::default() });
        ended(engine, secrets::run(&context, SecretsArgs { action }).await, &warned)
    }

    /// Gives a secret the value that standard input has.
    pub async fn rotate_to(&self, engine: &MemoryEngine, key: &str, stdin: fn() -> std::io::Result<String>) -> Ended {
        let (mut context, warned) = self.context(engine, GlobalOptions::default());
        context.read_stdin = stdin;
        let args = RotateArgs { keys: vec![key.to_owned()], from_stdin: true, ..Default::default() };
        let action = SecretsAction::Rotate(args);
        ended(engine, secrets::run(&context, SecretsArgs { action }).await, &warned)
    }

    /// Starts the files as they are.
    pub async fn start_as_it_is(&self, engine: &MemoryEngine) -> Ended {
        let (context, warned) = self.context(engine, GlobalOptions::default());
        ended(engine, start::run(&context, StartArgs::default()).await, &warned)
    }

    pub async fn plan(&self, engine: &MemoryEngine, args: PlanArgs) -> Ended {
        let (context, warned) = self.context(engine, GlobalOptions::default());
        ended(engine, plan::run(&context, args).await, &warned)
    }

    pub async fn status(&self, engine: &MemoryEngine) -> Ended {
        let (context, warned) = self.context(engine, GlobalOptions::default());
        ended(engine, status::run(&context, StatusArgs::default()).await, &warned)
    }

    fn context(&self, engine: &MemoryEngine, options: GlobalOptions) -> (Context, Arc<Warned>) {
        let warned = Arc::new(Warned::default());
        (context(&[("memory", engine)], (options, self.0.path().to_owned()), &warned), warned)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The report as JSON, with the exit code as `code` and what is printed as `text`.
fn ended<R: Report>(engine: &MemoryEngine, report: aictl::error::Result<R>, warned: &Warned) -> Ended {
    engine.end();
    let report = report.map(|report| {
        let mut json = report.json();
        json["code"] = report.exit_code().into();
        json["text"] = format!("{:?}", report.blocks()).into();
        json
    });
    Ended { report: report.map_err(|e| (e.kind(), e.messages().join(": "))), warnings: warned.all() }
}

pub async fn observe(world: &MemoryEngine) -> Observed {
    let proxy = Some("nginx".to_owned());
    world.observe(&Scope { project: PROJECT.to_owned(), proxy, ..Scope::default() }).await.unwrap()
}

/// The running container that requests for a service reach through the proxy.
pub fn serving<'o>(observed: &'o Observed, service: &str) -> Option<&'o ObservedInstance> {
    let runs = |name: &str| {
        let found = observed.instances.iter().filter(|c| c.service == name && c.state == InstanceState::Running);
        found.filter(|c| !c.one_off).collect::<Vec<_>>()
    };
    runs("nginx").first()?;
    let side = if observed.proxy.as_ref()?.green.contains(service) { Side::Green } else { Side::Blue };
    runs(service).into_iter().find(|c| Side::of_number(c.number) == side)
}
