//! Which services a backup takes, by aictl.yaml or by their images, and how each is reached.

use std::collections::BTreeSet;

use base64::Engine as _;

use super::questions::{check_questions, queries_of};
use crate::backup::queries::SqlQuery;
use crate::backup::{HttpApi, Inside, PartKind, elasticsearch, qdrant};
use crate::compose::model::{Service, Stack};
use crate::error::{Result, nearest};
use crate::plan::{Observed, ObservedInstance};
use crate::probe::Kind;
use crate::probe::clients::{POSTGRES_LOGIN, REDIS_LOGIN};
use crate::project::{BackupPolicy, DataKind, DataService};
use crate::secret::Secret;
use crate::session::WorkflowError;
use crate::session::select;
use crate::target::Target;

/// A service that is to be dumped.
#[derive(Debug, Clone)]
pub struct ServicePart {
    /// The service.
    pub service: String,
    /// The kind of its data.
    pub kind: PartKind,
    /// What aictl.yaml says of it.
    pub data: DataService,
    /// The queries whose results are recorded with its dump.
    pub queries: Vec<SqlQuery>,
    /// Its container, where there is one.
    pub container: Option<ObservedInstance>,
    /// A password that is only on the command line of the service, as a variable.
    pub environment: Vec<String>,
    /// The port of its API, and the header that logs in there.
    pub api: (u16, Option<(&'static str, Secret)>),
}

impl ServicePart {
    /// What is stored, in words.
    pub fn what(&self) -> &'static str {
        what(self.kind)
    }

    /// Named volumes of the container with the paths they are mounted at, without those that are excluded.
    pub fn volumes(&self, excluded: &[String]) -> Vec<(String, String)> {
        let mounts = self.container.iter().flat_map(|container| &container.docker.mounts);
        let named = mounts.filter(|mount| mount.kind == "volume" && !excluded.contains(&mount.source));
        named.map(|mount| (mount.source.clone(), mount.target.clone())).collect()
    }

    /// The container as adapters use it.
    pub fn inside<'t>(&self, target: &'t dyn Target, container: &str) -> Inside<'t> {
        let login = match self.kind {
            PartKind::Postgres => POSTGRES_LOGIN,
            PartKind::Redis => REDIS_LOGIN,
            PartKind::Qdrant | PartKind::Elasticsearch | PartKind::Volume | PartKind::Configuration => "",
        };
        let user = self.data.user.iter().map(|user| format!("PGUSER={user}"));
        let user = user.filter(|_| self.kind == PartKind::Postgres);
        Inside {
            target,
            service: self.service.clone(),
            container: container.to_owned(),
            environment: self.environment.iter().cloned().chain(user).collect(),
            login,
            user: None,
        }
    }

    /// Its HTTP API.
    pub fn http<'t>(&self, target: &'t dyn Target, container: &str) -> HttpApi<'t> {
        let (port, login) = self.api.clone();
        HttpApi { inside: self.inside(target, container), port, login }
    }
}

/// Port and login of the API of a service, by the variables of its image.
pub(super) fn api_of(service: &Service, kind: PartKind) -> (u16, Option<(&'static str, Secret)>) {
    let variable = |name: &str| service.environment.get(name).cloned().flatten().filter(|value| !value.is_empty());
    let port = |name: &str, usual| variable(name).and_then(|port| port.parse().ok()).unwrap_or(usual);
    match kind {
        PartKind::Qdrant => {
            let key = variable("QDRANT__SERVICE__API_KEY").map(|key| (qdrant::KEY, Secret::new(key)));
            (port("QDRANT__SERVICE__HTTP_PORT", qdrant::PORT), key)
        }
        PartKind::Elasticsearch => {
            let basic = |password: String| {
                let pair = format!("{}:{password}", elasticsearch::USER);
                let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
                ("authorization", Secret::new(value))
            };
            (port("http.port", elasticsearch::PORT), variable("ELASTIC_PASSWORD").map(basic))
        }
        PartKind::Postgres | PartKind::Redis | PartKind::Volume | PartKind::Configuration => (0, None),
    }
}

/// What is stored of a kind, in words.
pub const fn what(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Configuration => "project files and secrets",
        PartKind::Postgres => "postgres databases",
        PartKind::Redis => "redis database",
        PartKind::Qdrant => "qdrant collections",
        PartKind::Elasticsearch => "elasticsearch indices",
        PartKind::Volume => "volumes",
    }
}

/// The services that a backup takes.
pub fn service_parts(stack: &Stack, observed: &Observed, policy: &BackupPolicy) -> Result<Vec<ServicePart>> {
    check_names(stack, policy)?;
    let mut parts = Vec::new();
    for (service, data) in wanted(stack, policy) {
        let image = stack.services.get(&service).map(|found| found.image_or_default(&stack.name, &service));
        let kind = kind_of(&service, &data, &image.unwrap_or_default())?;
        check_keys(&service, &data, kind)?;
        let container = select::one(Some(stack), observed, &service, None).ok().cloned();
        let environment = redis_password(stack, &service).filter(|_| kind == PartKind::Redis).into_iter().collect();
        let api = stack.services.get(&service).map(|found| api_of(found, kind)).unwrap_or_default();
        let queries = queries_of(policy, &service);
        parts.push(ServicePart { service, kind, data, queries, container, environment, api });
    }
    let kinds = parts.iter().map(|part| (part.service.clone(), part.kind)).collect();
    check_questions(policy, (stack, &kinds))?;
    Ok(parts)
}

/// Names on the engine of what `exclude` says.
pub fn excluded(stack: &Stack, policy: &BackupPolicy) -> Vec<String> {
    let named = |key: &String| stack.volumes.get(key).map(|volume| volume.name.clone());
    policy.exclude.iter().flat_map(|name| named(name).into_iter().chain([name.clone()])).collect()
}

/// Volumes that no part takes: a backup without them is said to be one.
pub fn left_out(parts: &[ServicePart], observed: &Observed, excluded: &[String]) -> Vec<String> {
    let taken: BTreeSet<&str> = parts.iter().map(|part| part.service.as_str()).collect();
    let others = observed.instances.iter().filter(|c| !c.one_off && !taken.contains(c.service.as_str()));
    let mounts = others.filter(|c| !excluded.contains(&c.service)).flat_map(|c| {
        let named = c.docker.mounts.iter().filter(|mount| mount.kind == "volume");
        named.map(|mount| (mount.source.clone(), c.service.clone()))
    });
    // Anonymous volumes are named by their digest.
    let is_named = |volume: &str| !(volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let taken_volumes: BTreeSet<String> = parts.iter().flat_map(|p| p.volumes(&[])).map(|(volume, _)| volume).collect();
    let found: BTreeSet<(String, String)> = mounts
        .filter(|(volume, _)| is_named(volume) && !excluded.contains(volume) && !taken_volumes.contains(volume))
        .collect();
    found.into_iter().map(|(volume, service)| format!("volume {volume} of {service}")).collect()
}

/// The services named by `include`, else all whose image is known.
fn wanted(stack: &Stack, policy: &BackupPolicy) -> Vec<(String, DataService)> {
    let excluded = |service: &String| policy.exclude.contains(service);
    if !policy.include.is_empty() {
        let named = policy.include.iter().filter(|(service, _)| !excluded(service));
        return named.map(|(service, data)| (service.clone(), data.clone())).collect();
    }
    let services = stack.services.iter().filter(|(name, _)| !excluded(name));
    let known = services.filter(|(name, service)| {
        let kind = Kind::of(&service.image_or_default(&stack.name, name));
        matches!(kind, Some(Kind::Postgres | Kind::Redis | Kind::Qdrant | Kind::Elasticsearch))
    });
    known.map(|(name, _)| (name.clone(), DataService::default())).collect()
}

fn kind_of(service: &str, data: &DataService, image: &str) -> Result<PartKind> {
    match (data.kind, Kind::of(image)) {
        (Some(DataKind::Postgres), _) | (None, Some(Kind::Postgres)) => Ok(PartKind::Postgres),
        (Some(DataKind::Redis), _) | (None, Some(Kind::Redis)) => Ok(PartKind::Redis),
        (Some(DataKind::Volume), _) => Ok(PartKind::Volume),
        (Some(DataKind::Qdrant), _) | (None, Some(Kind::Qdrant)) => Ok(PartKind::Qdrant),
        (Some(DataKind::Elasticsearch), _) | (None, Some(Kind::Elasticsearch)) => Ok(PartKind::Elasticsearch),
        (None, _) => {
            let message = format!("backup.include.{service}: the kind of data cannot be recognized from its image");
            let hint = Some("write `kind: volume` to store its volumes as files".to_owned());
            Err(WorkflowError::Configuration { message, hint }.into())
        }
    }
}

/// A key that would do nothing for the kind is refused.
fn check_keys(service: &str, data: &DataService, kind: PartKind) -> Result<()> {
    let idle = [
        ("databases", !data.databases.is_empty() && kind != PartKind::Postgres),
        ("collections", !data.collections.is_empty() && !matches!(kind, PartKind::Qdrant | PartKind::Elasticsearch)),
        ("user", data.user.is_some() && kind != PartKind::Postgres),
        ("stop", data.stop && kind != PartKind::Volume),
        ("physical", data.physical && kind != PartKind::Postgres),
    ];
    match idle.iter().find(|(_, is_idle)| *is_idle) {
        Some((key, _)) => {
            let message = format!("backup.include.{service}.{key} has no effect with `kind: {}`", kind.word());
            Err(WorkflowError::Configuration { message, hint: None }.into())
        }
        None => Ok(()),
    }
}

/// A name in `exclude` that nothing has would silently exclude nothing.
fn check_names(stack: &Stack, policy: &BackupPolicy) -> Result<()> {
    let services = stack.all_services().map(|(name, _)| name.clone());
    let volumes = stack.volumes.iter().flat_map(|(key, volume)| [key.clone(), volume.name.clone()]);
    let known: Vec<String> = services.chain(volumes).collect();
    let Some(unknown) = policy.exclude.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let near = nearest(unknown, known.iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let message = format!("backup.exclude: `{unknown}` is neither a service nor a volume{near}");
    Err(WorkflowError::Configuration { message, hint: None }.into())
}

/// A password that is only in the service's command line: `redis-server --requirepass WORD`.
fn redis_password(stack: &Stack, service: &str) -> Option<String> {
    let command = stack.services.get(service)?.command.as_slice()?;
    let flag = command.iter().position(|word| word == "--requirepass")?;
    command.get(flag + 1).map(|password| format!("REDISCLI_AUTH={password}"))
}
