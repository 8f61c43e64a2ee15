//! A hundred projects whose passwords equal their names: all output equals that of the same project with random
//! passwords. Verbs run on the in-memory engine.
//! For `config`, which shows values, the values are substituted before the comparison.
use std::fs;
use std::path::Path;
use std::sync::Arc;

use aictl::engine::memory::MemoryEngine;
use aictl::error::Error;
use aictl::session::report::Report;
use aictl::session::{Context, GlobalOptions};
use aictl::ui::{Look, draw, error_json};
use aictl::workflow::run::diagram::{self, DiagramArgs};
use aictl::workflow::run::restart::{self, RestartArgs};
use aictl::workflow::run::start::{self, StartArgs};
use aictl::workflow::run::status::{self, StatusArgs};
use aictl::workflow::ship::config::{self, ConfigArgs};
use aictl::workflow::ship::plan::{self, PlanArgs};

use crate::support::memory::{Warned, context};

const PROJECTS: usize = 100;

/// Realistic names; each is used as project, service, volume and so on in turn.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "shop", "billing", "wordpress", "nextcloud", "data", "cache", "queue-worker", "my_app", "api2", "registry", "status",
    "running", "postgres", "odoo", "gitea", "frontend", "web", "db", "letmein", "service", "password", "secret",
    "super-long-service-name-of-a-real-project", "plausible", "n8n", "dify", "metrics", "healthy", "volumes", "name",
];

/// What a project is called, and which of its names its passwords equal.
struct Names {
    project: String,
    service: String,
    other: String,
    image: String,
    volume: String,
    network: String,
    user: String,
}

impl Names {
    fn of(number: usize) -> Self {
        let word = |step: usize| WORDS[(number * 7 + step * 11) % WORDS.len()].to_owned();
        let [project, mut service, mut other, mut image, volume, network, user] = [0, 1, 2, 3, 4, 5, 6].map(word);
        // Some share a name, as projects do.
        match number % 5 {
            0 => service.clone_from(&project),
            1 => image.clone_from(&service),
            2 => other = format!("{service}-{other}"),
            _ => {}
        }
        if other == service {
            other = format!("{other}2");
        }
        Self { project, service, other, image, volume, network, user }
    }

    /// The password of each variable.
    fn passwords(&self, number: usize) -> [String; 3] {
        let all = [&self.project, &self.service, &self.other, &self.image, &self.volume, &self.network, &self.user];
        [0, 1, 2].map(|step| match (number + step) % 11 {
            7 => format!("{}-{}-1", self.project, self.service),
            8 => format!("{}_{}", self.project, self.volume),
            9 => format!("{}-1", self.service),
            10 => format!("registry.local/team/{}", self.image),
            index => all[index].clone(),
        })
    }

    fn compose(&self) -> String {
        let Self { project, service, other, image, volume, network, user } = self;
        format!(
            "name: {project}\nservices:\n  {service}:\n    image: registry.local/team/{image}:1\n    restart: always\n    \
             environment:\n      POSTGRES_PASSWORD: ${{DB_PASSWORD}}\n      POSTGRES_USER: {user}\n      \
             DATABASE_URL: postgresql://{user}:${{DB_PASSWORD}}@{other}/{user}\n    volumes: ['{volume}:/var/lib/{volume}']\n    \
             networks: [{network}]\n    secrets: [token]\n  {other}:\n    image: registry.local/team/{image}:1\n    \
             environment: {{API_SECRET: '${{API_SECRET}}'}}\n    depends_on: [{service}]\n    networks: [{network}]\n\
             volumes: {{{volume}: {{}}}}\nnetworks: {{{network}: {{}}}}\nsecrets: {{token: {{file: ./token.txt}}}}\n"
        )
    }
}

/// A command typed in this folder.
fn context_in(engine: &MemoryEngine, folder: &Path) -> Context {
    context(&[("memory", engine)], (GlobalOptions::default(), folder.to_owned()), &Arc::new(Warned::default()))
}

/// The output for a report or an error.
fn said<R: Report>(context: &Context, result: Result<R, Error>) -> String {
    let look = Look { format: aictl::ui::OutputFormat::Json, ..Look::default() };
    let text = |report: &dyn Report| {
        format!("{}{}", draw(report, &look, &context.redactor), draw(report, &Look::default(), &context.redactor))
    };
    // The uptime differs between runs.
    let timeless = regex::Regex::new(r"\d{5,}(d +\d+h)?").unwrap();
    let shown = match result {
        Ok(report) => text(&report),
        Err(error) => error_json(&error, &context.redactor).to_string(),
    };
    timeless.replace_all(&shown, "N").into_owned()
}

/// The output of each verb for the project in this folder.
async fn all_said(folder: &Path, names: &Names, values: &[String; 3]) -> Vec<(&'static str, String)> {
    fs::write(folder.join(".env"), format!("DB_PASSWORD='{}'\nAPI_SECRET='{}'\n", values[0], values[1])).unwrap();
    fs::write(folder.join("token.txt"), format!("{}\n", values[2])).unwrap();
    let engine = MemoryEngine::new().with_image(&format!("registry.local/team/{}:1", names.image));
    let mut all = Vec::new();
    let context = context_in(&engine, folder);
    let args = || StartArgs { no_wait: true, ..Default::default() };
    all.push(("plan", said(&context, plan::run(&context, PlanArgs::default()).await)));
    let empty = MemoryEngine::new();
    let without_images = context_in(&empty, folder);
    all.push(("start without images", said(&without_images, start::run(&without_images, args()).await)));
    all.push(("start", said(&context, start::run(&context, args()).await)));
    // A new context for each verb, as in separate processes.
    let context = context_in(&engine, folder);
    all.push(("status", said(&context, status::run(&context, StatusArgs::default()).await)));
    let context = context_in(&engine, folder);
    all.push(("diagram", said(&context, diagram::run(&context, DiagramArgs::default()).await)));
    let unknown = RestartArgs { services: vec![format!("{}x", names.service)], ..Default::default() };
    all.push(("restart of an unknown service", said(&context, restart::run(&context, unknown).await)));
    let context = context_in(&engine, folder);
    let config = ConfigArgs { format: Some("json".to_owned()), ..Default::default() };
    all.push(("config", said(&context, config::run(&context, config).await)));
    all
}

#[tokio::test(start_paused = true)]
async fn passwords_that_equal_names_change_nothing_that_is_said() {
    let mut differing = Vec::new();
    for number in 0..PROJECTS {
        let names = Names::of(number);
        let values = names.passwords(number);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("compose.yaml"), names.compose()).unwrap();
        let random = [0, 1, 2].map(|index| format!("Zq{index}kV3x9Qm72LrTz0wB{number:03}"));
        let meant = all_said(folder.path(), &names, &random).await;
        let found = all_said(folder.path(), &names, &values).await;
        for ((verb, mut meant), (_, found)) in meant.into_iter().zip(found) {
            if verb == "config" {
                random.iter().zip(&values).for_each(|(random, value)| meant = meant.replace(random, value));
            }
            assert!(verb == "config" || !random.iter().any(|value| meant.contains(value)), "{verb} shows a password");
            if meant != found {
                differing.push(format!("{number} {verb} with {values:?}:\n--- random\n{meant}\n--- names\n{found}"));
            }
        }
    }
    assert!(differing.is_empty(), "{} differ, the first:\n{}", differing.len(), differing[0]);
}
