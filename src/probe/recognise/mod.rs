//! The checks of a stack without configuration: by the images of its services, and one of the state of each service.
//! Only images known by name are probed.

mod kind;
mod one_shot;

use std::collections::{BTreeMap, BTreeSet};

pub use kind::Kind;
pub use one_shot::may_complete;

use super::Planned;
use crate::compose::model::{Condition, Service, Stack};
use crate::plan::{InstanceState, Observed, ObservedInstance};
use crate::project::{
    Check, CommandLine, Expectation, ExpectedState, HttpCheck, PrometheusCheck, RedisCheck, RulesState, RulesWord,
    SqlCheck, StateCheck, TargetsState,
};
use crate::secret::Secret;

/// What is known about a service.
#[derive(Default)]
struct Facts<'a> {
    name: &'a str,
    service: Option<&'a Service>,
    kind: Option<Kind>,
    completes: bool,
    may_complete: bool,
}

/// The checks of a stack, and those of containers that are not in the files. A service in `probed` is expected to run.
fn recognised(stack: Option<&Stack>, observed: &Observed, probed: &BTreeSet<&str>) -> Vec<Planned> {
    let mut planned = Vec::new();
    for facts in services(stack, observed).values() {
        let is = if facts.completes { ExpectedState::Completed } else { ExpectedState::Running };
        let state = Some(StateCheck { service: facts.name.to_owned(), is });
        let words = if facts.completes { "has completed" } else { "runs" };
        let may_complete = facts.may_complete && !probed.contains(facts.name);
        planned.push(Planned { may_complete, ..plan(facts, words, Check { state, ..Check::default() }) });
        let runs = !(facts.completes || may_complete && has_completed(observed, facts.name));
        if let Some(kind) = facts.kind.filter(|_| runs) {
            planned.extend(of_kind(facts, kind));
        }
    }
    planned
}

/// Everything that is to be checked: what is recognised, then what the project says. A check of the project takes the
/// place of a recognised one that has its name, looks at the same URL, or at the state of the same service.
pub fn plan_checks<'c>(
    stack: Option<&Stack>,
    observed: &Observed,
    checks: impl Iterator<Item = &'c Check>,
) -> Vec<Planned> {
    let own: Vec<Planned> = checks.map(|check| of_project(check, stack, observed)).collect();
    let running = own.iter().filter(|planned| planned.check.needs_running());
    let probed = running.filter_map(|planned| planned.service.as_deref()).collect();
    let mut planned = recognised(stack, observed, &probed);
    planned.retain(|known| !own.iter().any(|other| replaces(&other.check, &known.check)));
    planned.extend(own);
    planned
}

fn of_project(check: &Check, stack: Option<&Stack>, observed: &Observed) -> Planned {
    let named = check.service().map(|(_, service)| service.to_owned());
    let service = named.or_else(|| check.prometheus.as_ref().and_then(|_| prometheus_service(stack, observed)));
    let model = service.as_ref().and_then(|name| stack?.services.get(name));
    let variables = if check.redis.is_some() { redis_password(model) } else { Vec::new() };
    Planned { check: check.clone(), service, variables, ..Planned::default() }
}

fn replaces(own: &Check, known: &Check) -> bool {
    let same_url = own.http.is_some() && own.http == known.http;
    let service = |check: &Check| check.state.as_ref().map(|state| state.service.clone());
    own.name == known.name || same_url || (own.state.is_some() && service(own) == service(known))
}

/// The service with a Prometheus image, when there is exactly one.
pub fn prometheus_service(stack: Option<&Stack>, observed: &Observed) -> Option<String> {
    let services = services(stack, observed);
    let mut found = services.values().filter(|facts| facts.kind == Some(Kind::Prometheus));
    let first = found.next()?;
    found.next().is_none().then(|| first.name.to_owned())
}

fn services<'a>(stack: Option<&'a Stack>, observed: &'a Observed) -> BTreeMap<&'a str, Facts<'a>> {
    let mut all = BTreeMap::new();
    // Beside the files' services only what runs: containers stopped with another profile are no fault.
    for container in observed.instances.iter().filter(|c| !c.one_off && (stack.is_none() || c.state.is_up())) {
        let name = container.service.as_str();
        all.insert(name, Facts { name, kind: Kind::of(&container.image), ..Facts::default() });
    }
    let Some(stack) = stack else { return all };
    for (name, service) in &stack.services {
        if service.scale() == 0 || service.provider.is_some() {
            continue;
        }
        let image = service.image_or_default(&stack.name, name);
        let (kind, may_complete) = (Kind::of(&image), may_complete(service, &image));
        let completes = is_awaited_to_complete(stack, name);
        all.insert(name, Facts { name, service: Some(service), kind, completes, may_complete });
    }
    all
}

/// Whether every container of the service exited with 0; it then gets no further checks.
fn has_completed(observed: &Observed, name: &str) -> bool {
    let mut containers = observed.instances.iter().filter(|c| !c.one_off && c.service == name).peekable();
    let ended = |c: &ObservedInstance| c.state == InstanceState::Exited && c.exit_code == Some(0);
    containers.peek().is_some() && containers.all(ended)
}

fn is_awaited_to_complete(stack: &Stack, name: &str) -> bool {
    let waits = |other: &Service| {
        other.depends_on.get(name).is_some_and(|d| d.condition == Condition::ServiceCompletedSuccessfully)
    };
    stack.services.values().any(waits)
}

fn plan(facts: &Facts<'_>, words: &str, check: Check) -> Planned {
    let check = Check { name: format!("{} {words}", facts.name), ..check };
    Planned { check, service: Some(facts.name.to_owned()), recognised: true, ..Planned::default() }
}

fn of_kind(facts: &Facts<'_>, kind: Kind) -> Vec<Planned> {
    match kind {
        Kind::Postgres => vec![postgres(facts)],
        Kind::Redis => vec![redis(facts)],
        Kind::Prometheus => prometheus(facts),
        Kind::Elasticsearch | Kind::Kibana => vec![Planned { login: login(facts), ..page(facts, kind) }],
        Kind::Nginx | Kind::Registry => vec![Planned { any_answer: true, ..page(facts, kind) }],
        _ => vec![page(facts, kind)],
    }
}

/// The page a service of a kind answers: what is true then, port, path, and a pattern of the answer.
fn page(facts: &Facts<'_>, kind: Kind) -> Planned {
    let (words, port, path, pattern) = match kind {
        Kind::Elasticsearch => {
            ("cluster is not red", 9200, "/_cluster/health", Some(r#""status"\s*:\s*"(green|yellow)""#))
        }
        Kind::Qdrant => ("is ready", 6333, "/readyz", None),
        Kind::Prometheus => ("is ready", super::prometheus::PORT, "/-/ready", None),
        Kind::Alertmanager => ("is ready", 9093, "/-/ready", None),
        Kind::Grafana => ("is healthy", 3000, "/api/health", Some(r#""database"\s*:\s*"ok""#)),
        Kind::PostgresExporter => ("reaches its database", 9187, "/metrics", Some(r"(?m)^pg_up(\{.*\})? 1$")),
        Kind::RedisExporter => ("reaches its Redis", 9121, "/metrics", Some(r"(?m)^redis_up(\{.*\})? 1$")),
        Kind::NodeExporter => ("measures", 9100, "/metrics", Some("(?m)^node_")),
        Kind::Cadvisor => ("is healthy", 8080, "/healthz", None),
        Kind::Kibana => ("is available", 5601, "/api/status", None),
        Kind::Logstash => ("answers", 9600, "/", None),
        Kind::Ollama => ("lists its models", 11434, "/api/tags", None),
        Kind::Registry => ("answers", 5000, "/v2/", None),
        Kind::Nginx | Kind::Postgres | Kind::Redis => ("answers", web_port(facts.service), "/", None),
    };
    let http = Some(HttpCheck { url: format!("http://{}:{port}{path}", facts.name) });
    let expect = Expectation { matches: pattern.map(str::to_owned), ..Expectation::default() };
    plan(facts, words, Check { http, expect, ..Check::default() })
}

fn postgres(facts: &Facts<'_>) -> Planned {
    let sql = Some(SqlCheck { service: facts.name.to_owned(), database: None, query: "select 1".to_owned() });
    let expect = Expectation { equals: Some("1".to_owned()), ..Expectation::default() };
    plan(facts, "answers a query over TCP", Check { sql, expect, ..Check::default() })
}

fn redis(facts: &Facts<'_>) -> Planned {
    let redis = Some(RedisCheck { service: facts.name.to_owned(), command: CommandLine::default() });
    let check = plan(facts, "answers PING", Check { redis, ..Check::default() });
    Planned { variables: redis_password(facts.service), ..check }
}

/// The password on the command line of a Redis server.
fn redis_password(service: Option<&Service>) -> Vec<(String, Secret)> {
    let words = service.and_then(|service| service.command.as_slice()).unwrap_or_default();
    let flag = words.iter().position(|word| word == "--requirepass");
    let password = flag.and_then(|at| words.get(at + 1));
    password.map(|word| ("REDISCLI_AUTH".to_owned(), Secret::new(word.as_str()))).into_iter().collect()
}

fn prometheus(facts: &Facts<'_>) -> Vec<Planned> {
    let ask = |words: &str, asked: PrometheusCheck| {
        let prometheus = Some(PrometheusCheck { service: Some(facts.name.to_owned()), ..asked });
        plan(facts, words, Check { prometheus, ..Check::default() })
    };
    let targets = PrometheusCheck { targets: Some(TargetsState::Up), ..PrometheusCheck::default() };
    let rules = PrometheusCheck { rules: Some(RulesState::All(RulesWord::Loaded)), ..PrometheusCheck::default() };
    let ready = page(facts, Kind::Prometheus);
    vec![ready, ask("targets are up", targets), ask("rules are loaded", rules)]
}

/// The superuser of Elasticsearch's image.
fn login(facts: &Facts<'_>) -> Option<(String, Secret)> {
    let variable = |name: &str| facts.service?.environment.get(name).cloned().flatten().filter(|v| !v.is_empty());
    let elastic = variable("ELASTIC_PASSWORD").map(|password| ("elastic".to_owned(), Secret::new(password)));
    let user = variable("ELASTICSEARCH_USERNAME");
    elastic.or_else(|| Some((user?, Secret::new(variable("ELASTICSEARCH_PASSWORD")?))))
}

/// The port a web server answers on in the clear: the first it declares that is not one of TLS.
fn web_port(service: Option<&Service>) -> u16 {
    let Some(service) = service else { return 80 };
    let published = service.ports.iter().filter(|p| p.protocol != "udp").filter_map(|p| u16::try_from(p.target).ok());
    let exposed = service.expose.iter().filter_map(|port| port.split(['/', '-']).next()?.parse().ok());
    published.chain(exposed).find(|port| !matches!(port, 443 | 8443)).unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(services: &str) -> Stack {
        let services: BTreeMap<String, Service> = serde_yaml_ng::from_str(services).unwrap();
        Stack { name: "p".into(), services, ..Stack::default() }
    }

    fn names(stack: &Stack) -> Vec<String> {
        recognised(Some(stack), &Observed::default(), &BTreeSet::new())
            .iter()
            .map(|p| format!("{} ({})", p.check.name, p.check.way()))
            .collect()
    }

    #[test]
    fn every_service_is_looked_at_and_known_images_are_asked() {
        let stack = stack(
            "db: { image: 'postgres:15' }\nqueue: { image: 'redis:7-alpine' }\napi: { image: 'me/api' }\n\
             metrics: { image: 'prom/prometheus' }\nweb: { image: 'nginx:1', expose: ['443', '8080'] }",
        );
        assert_eq!(
            names(&stack).join("\n"),
            "api runs (state)\ndb runs (state)\ndb answers a query over TCP (sql)\nmetrics runs (state)\n\
             metrics is ready (http)\nmetrics targets are up (prometheus)\nmetrics rules are loaded (prometheus)\n\
             queue runs (state)\nqueue answers PING (redis)\nweb runs (state)\nweb answers (http)"
        );
        let planned = recognised(Some(&stack), &Observed::default(), &BTreeSet::new());
        let web = planned.iter().find(|p| p.check.name == "web answers").unwrap();
        assert_eq!(web.check.http.as_ref().unwrap().url, "http://web:8080/");
        assert!(web.any_answer);
        assert_eq!(prometheus_service(Some(&stack), &Observed::default()).as_deref(), Some("metrics"));
    }

    #[test]
    fn a_one_shot_that_is_waited_for_must_have_completed_and_is_asked_nothing() {
        let stack = stack(
            "seed: { image: 'postgres:15' }\n\
             api: { image: a, depends_on: { seed: { condition: service_completed_successfully, required: true } } }",
        );
        assert_eq!(names(&stack), ["api runs (state)", "seed has completed (state)"]);
    }

    #[test]
    fn a_one_shot_without_dependents_may_have_completed_and_then_gets_no_further_checks() {
        let stack = stack(
            "seed: { image: 'postgres:15', command: [psql, -l] }\nweb: { image: me/web, restart: unless-stopped }\n\
             app: { image: me/app, healthcheck: { test: [CMD, 'true'] } }",
        );
        let ended = |service: &str, code| ObservedInstance {
            service: service.to_owned(),
            state: InstanceState::Exited,
            exit_code: Some(code),
            ..Default::default()
        };
        let planned = |code| {
            let observed = Observed { instances: vec![ended("seed", code), ended("web", 0)], ..Observed::default() };
            let all = recognised(Some(&stack), &observed, &BTreeSet::new());
            all.iter().map(|p| format!("{} {}", p.check.name, p.may_complete)).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(planned(0), "app runs false\nseed runs true\nweb runs false");
        assert_eq!(planned(3).lines().count(), 4, "a failed one is checked: {}", planned(3));
    }

    #[test]
    fn passwords_are_taken_from_where_the_service_has_them() {
        let stack = stack(
            "es: { image: 'elasticsearch:8', environment: { ELASTIC_PASSWORD: s3cret-word } }\n\
             redis: { image: redis, command: [redis-server, --requirepass, other-word] }",
        );
        let planned = recognised(Some(&stack), &Observed::default(), &BTreeSet::new());
        let of = |name: &str| planned.iter().find(|p| p.check.name == name).unwrap();
        assert_eq!(of("es cluster is not red").login.as_ref().unwrap().0, "elastic");
        assert_eq!(of("redis answers PING").variables[0].1.expose(), "other-word");
        assert!(!format!("{planned:?}").contains("s3cret-word"));
    }
}
