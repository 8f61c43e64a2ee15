//! What of a service goes into a drill or the trial of a migration: nothing of production that can be written to.

use super::parts::{ServicePart, api_of};
use super::scratch::WAIT;
use crate::backup::PartKind;
use crate::compose::model::{ByteSize, Service, ServiceVolume, ShellCommand};
use crate::secret::Secret;

/// The passwords of a server that only its own clients need.
const PASSWORDS: [&str; 5] =
    ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "PGPASSWORD", "QDRANT__SERVICE__API_KEY", "ELASTIC_PASSWORD"];

/// What a container of a trial may use where its service has no limit.
const MEMORY: i64 = 1 << 30;

/// A service of a drill or a trial as it is created.
pub(super) struct Isolated {
    pub(super) service: Service,
    pub(super) environment: Vec<String>,
    pub(super) api: (u16, Option<(&'static str, Secret)>),
}

/// Bounds the memory of a container where its service does not.
pub(super) fn limit(service: &mut Service) {
    if service.mem_limit.0 == 0 {
        service.mem_limit = ByteSize(MEMORY);
    }
}

/// What the process of a service is, without anything around it.
fn process_of(of: &Service) -> Service {
    Service {
        command: of.command.clone(),
        entrypoint: of.entrypoint.clone(),
        environment: of.environment.clone(),
        mem_limit: of.mem_limit,
        shm_size: of.shm_size,
        stop_grace_period: of.stop_grace_period,
        stop_signal: of.stop_signal.clone(),
        tmpfs: of.tmpfs.clone(),
        ulimits: of.ulimits.clone(),
        user: of.user.clone(),
        working_dir: of.working_dir.clone(),
        ..Service::default()
    }
}

/// The service with what its data needs and nothing else: what is not listed here is left out.
pub(super) fn isolated(of: &Service, part: &ServicePart, password: Option<&str>) -> Isolated {
    let volumes = of.volumes.iter().filter_map(isolated_volume).collect();
    let mut service = Service { volumes, ..process_of(of) };
    let mut environment = part.environment.clone();
    let Some(password) = password else {
        let api = api_of(&service, part.kind);
        return Isolated { service, environment, api };
    };
    match part.kind {
        PartKind::Postgres | PartKind::Qdrant | PartKind::Elasticsearch => {
            let known = service.environment.iter_mut().filter(|(name, _)| PASSWORDS.contains(&name.as_str()));
            known.filter(|(_, value)| value.is_some()).for_each(|(_, value)| *value = Some(password.to_owned()));
        }
        PartKind::Redis => replace_argument(&mut service, &mut environment, password),
        PartKind::Volume | PartKind::Configuration => {
            let words = ["sh", "-c", WAIT].map(str::to_owned).to_vec();
            (service.entrypoint, service.command) = (ShellCommand(Some(words)), ShellCommand(Some(Vec::new())));
            service.environment.clear();
        }
    }
    let api = api_of(&service, part.kind);
    Isolated { service, environment, api }
}

/// A named or external volume becomes an anonymous one, as does a writable directory of the host.
fn isolated_volume(volume: &ServiceVolume) -> Option<ServiceVolume> {
    let kept = ServiceVolume { target: volume.target.clone(), ..ServiceVolume::default() };
    match volume.r#type.as_str() {
        "volume" => Some(ServiceVolume { r#type: "volume".to_owned(), ..kept }),
        "bind" if volume.read_only => Some(volume.clone()),
        "bind" => Some(ServiceVolume { r#type: "volume".to_owned(), ..kept }),
        "tmpfs" => Some(volume.clone()),
        _ => None,
    }
}

/// What a task mounts: files of the host stay as they are, and what it would write to is its own.
pub(super) fn read_only(volume: &ServiceVolume) -> Option<ServiceVolume> {
    match volume.r#type.as_str() {
        "bind" => Some(ServiceVolume { read_only: true, ..volume.clone() }),
        _ => isolated_volume(volume),
    }
}

/// The code of a service as it runs in a rehearsal: what is not listed here is left out. With `has_data` its volumes are
/// those that were restored.
pub(super) fn code(of: &Service, has_data: bool) -> Service {
    let is_data = |volume: &&ServiceVolume| has_data && volume.r#type == "volume";
    let volumes = of.volumes.iter().filter(|volume| !is_data(volume)).filter_map(read_only).collect();
    let mut service = Service {
        healthcheck: of.healthcheck.clone(),
        init: of.init,
        platform: of.platform.clone(),
        read_only: of.read_only,
        volumes,
        ..process_of(of)
    };
    limit(&mut service);
    service
}

/// A password on the command line of Redis, and what its client reads it from.
fn replace_argument(service: &mut Service, environment: &mut Vec<String>, password: &str) {
    let Some(words) = service.command.0.as_mut() else { return };
    let Some(flag) = words.iter().position(|word| word == "--requirepass") else { return };
    let Some(old) = words.get_mut(flag + 1).map(|word| std::mem::replace(word, password.to_owned())) else { return };
    service.environment.values_mut().filter(|value| value.as_ref() == Some(&old)).for_each(|value| {
        *value = Some(password.to_owned());
    });
    *environment = vec![format!("REDISCLI_AUTH={password}")];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::DataService;

    fn part(kind: PartKind) -> ServicePart {
        let environment = vec!["REDISCLI_AUTH=real".to_owned()];
        ServicePart {
            service: "s".into(),
            kind,
            data: DataService::default(),
            queries: Vec::new(),
            container: None,
            environment,
            api: (0, None),
        }
    }

    fn service() -> Service {
        let volume = |r#type: &str, source: &str, read_only| ServiceVolume {
            r#type: r#type.into(),
            source: source.into(),
            target: format!("/{source}"),
            read_only,
            ..ServiceVolume::default()
        };
        let words = ["redis-server", "--requirepass", "real"].map(str::to_owned).to_vec();
        Service {
            container_name: "production".into(),
            command: ShellCommand(Some(words)),
            environment: [("POSTGRES_PASSWORD".to_owned(), Some("real".to_owned()))].into(),
            volumes: vec![volume("volume", "data", false), volume("bind", "host", false), volume("bind", "conf", true)],
            ..Service::default()
        }
    }

    #[test]
    fn nothing_of_production_that_can_be_written_reaches_a_drill() {
        let made = isolated(&service(), &part(PartKind::Postgres), Some("random")).service;
        let volumes: Vec<_> = made.volumes.iter().map(|v| (v.r#type.as_str(), v.source.as_str())).collect();
        assert_eq!(volumes, [("volume", ""), ("volume", ""), ("bind", "conf")]);
        assert!(made.container_name.is_empty() && made.ports.is_empty() && made.networks.is_empty());
        assert_eq!(made.environment["POSTGRES_PASSWORD"].as_deref(), Some("random"));
    }

    #[test]
    fn a_password_on_the_command_line_is_replaced_for_server_and_client() {
        let made = isolated(&service(), &part(PartKind::Redis), Some("random"));
        assert_eq!(made.service.command.0.unwrap()[2], "random");
        assert_eq!(made.environment, ["REDISCLI_AUTH=random"]);
        assert_eq!(made.service.environment["POSTGRES_PASSWORD"].as_deref(), Some("random"));
    }
}
