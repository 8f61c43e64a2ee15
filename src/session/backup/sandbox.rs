//! Data services for a drill: made from the images of the stack, with no network, no ports and anonymous volumes only.
//! They carry a project name of their own and a label, by which the next drill finds what a killed one left behind.

use std::collections::BTreeMap;

use super::parts::{ServicePart, api_of};
use super::scratch::WAIT;
use crate::backup::{BackupError, LockOwner, PartKind, is_alive};
use crate::compose::model::{Service, ServiceVolume, ShellCommand, Stack};
use crate::event::Silent;
use crate::plan::content::ServiceContent;
use crate::plan::{ContainerOperation, ContainerSpec, Observed, Operation, Scope, StartTurn, labels};
use crate::secret::Secret;
use crate::target::{Target, TargetError};

/// The passwords of a server that only its own clients need.
const PASSWORDS: [&str; 5] =
    ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "PGPASSWORD", "QDRANT__SERVICE__API_KEY", "ELASTIC_PASSWORD"];

/// The containers of a drill.
pub struct Sandbox<'t> {
    target: &'t dyn Target,
    project: String,
    owner: LockOwner,
    /// The password that replaces those of the stack.
    password: String,
}

/// A service of a drill as it is created.
struct Isolated {
    service: Service,
    environment: Vec<String>,
    api: (u16, Option<(&'static str, Secret)>),
}

impl<'t> Sandbox<'t> {
    /// A sandbox of a project; removes what a killed drill left behind, and refuses while another one runs.
    pub async fn open(
        (target, project): (&'t dyn Target, &str),
        (owner, password): (LockOwner, String),
    ) -> Result<(Self, usize), BackupError> {
        let sandbox = Self { target, project: format!("{project}-aictl-drill"), owner, password };
        let left = sandbox.observe().await?;
        for container in &left.instances {
            // The helper of a restore goes with the drill it belongs to.
            if container.one_off {
                continue;
            }
            let Some(holder) = container.labels.get(labels::DRILL) else {
                let reason = format!("container {} has the project name of drills", container.name);
                return Err(BackupError::Service { service: container.service.clone(), reason });
            };
            if sandbox.may_run(holder) {
                return Err(BackupError::DrillRuns { holder: holder.clone() });
            }
        }
        sandbox.remove(&left).await?;
        Ok((sandbox, left.instances.len()))
    }

    /// Its project name.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Whether the drill that made a container may still run. One of another host cannot be looked at.
    fn may_run(&self, holder: &str) -> bool {
        let Some((host, pid)) = holder.rsplit_once('/') else { return false };
        match pid.parse::<i64>() {
            Ok(pid) => host != self.owner.host || (pid != i64::from(self.owner.pid) && is_alive(pid)),
            Err(_) => false,
        }
    }

    /// What it holds.
    pub async fn observe(&self) -> Result<Observed, BackupError> {
        Ok(self.target.observe(&Scope { project: self.project.clone(), ..Scope::default() }).await?)
    }

    /// Creates a service and, unless only its volumes matter, starts it.
    pub async fn start(
        &self,
        (stack, content): (&Stack, &ServiceContent),
        (part, image): (&ServicePart, &str),
    ) -> Result<ServicePart, BackupError> {
        let unknown = || BackupError::Service { service: part.service.clone(), reason: "it is not defined".to_owned() };
        let Isolated { service, environment, api } =
            isolated(stack.services.get(&part.service).ok_or_else(unknown)?, part, &self.password);
        let name = self.name_of(part);
        let spec = self.spec(image, (part, service), content);
        self.perform(ContainerOperation::Create(Box::new(spec))).await?;
        if part.kind != PartKind::Volume {
            let turn = StartTurn::UntilStarted;
            let (service, container) = (part.service.clone(), name.clone());
            self.perform(ContainerOperation::Start { service, container, turn }).await?;
        }
        let container = Some(self.target.observe_instance(&name).await?);
        Ok(ServicePart { container, environment, api, ..part.clone() })
    }

    fn name_of(&self, part: &ServicePart) -> String {
        format!("{}-{}-1", self.project, part.service)
    }

    fn spec(&self, image: &str, (part, service): (&ServicePart, Service), content: &ServiceContent) -> ContainerSpec {
        let labels = [
            (labels::PROJECT, self.project.clone()),
            (labels::SERVICE, part.service.clone()),
            (labels::CONTAINER_NUMBER, "1".to_owned()),
            (labels::ONE_OFF, "False".to_owned()),
            (labels::CONFIG_HASH, "drill".to_owned()),
            (labels::DRILL, format!("{}/{}", self.owner.host, self.owner.pid)),
        ];
        ContainerSpec {
            project: self.project.clone(),
            name: self.name_of(part),
            service_name: part.service.clone(),
            number: 1,
            service,
            image: image.to_owned(),
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            networks: Vec::new(),
            network_mode: Some("none".to_owned()),
            ipc: None,
            pid: None,
            volumes_from: Vec::new(),
            volume_names: BTreeMap::new(),
            files: content.files.clone(),
            bound_files: content.bound.clone(),
            inherited_volumes: BTreeMap::new(),
            auto_remove: false,
            interactive: None,
        }
    }

    /// Removes everything it holds.
    pub async fn close(&self, services: &[String]) -> Result<(), BackupError> {
        // The helper of a restore that was cut; the containers whose volumes it shares go after it.
        for service in services {
            let name = format!("{}-{service}-aictl-restore", self.project);
            self.remove_container(service.clone(), name).await?;
        }
        self.remove(&self.observe().await?).await
    }

    async fn remove(&self, observed: &Observed) -> Result<(), BackupError> {
        for container in &observed.instances {
            let helper = format!("{}-{}-aictl-restore", self.project, container.service);
            self.remove_container(container.service.clone(), helper).await?;
            self.remove_container(container.service.clone(), container.id.clone()).await?;
        }
        Ok(())
    }

    async fn remove_container(&self, service: String, container: String) -> Result<(), BackupError> {
        match self.perform(ContainerOperation::Remove { service, container, volumes: true, force: true }).await {
            // It is gone, or on its way.
            Err(TargetError::NotFound { .. } | TargetError::Refused { status: 404 | 409, .. }) => Ok(()),
            removed => Ok(removed?),
        }
    }

    async fn perform(&self, operation: ContainerOperation) -> Result<(), TargetError> {
        self.target.perform(&Operation::Container(operation), 0, &Silent).await.map(drop)
    }
}

/// The service with what its data needs and nothing else: what is not listed here is left out.
fn isolated(of: &Service, part: &ServicePart, password: &str) -> Isolated {
    let volumes = of.volumes.iter().filter_map(isolated_volume).collect();
    let mut service = Service {
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
        volumes,
        working_dir: of.working_dir.clone(),
        ..Service::default()
    };
    let mut environment = part.environment.clone();
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
        let made = isolated(&service(), &part(PartKind::Postgres), "random").service;
        let volumes: Vec<_> = made.volumes.iter().map(|v| (v.r#type.as_str(), v.source.as_str())).collect();
        assert_eq!(volumes, [("volume", ""), ("volume", ""), ("bind", "conf")]);
        assert!(made.container_name.is_empty() && made.ports.is_empty() && made.networks.is_empty());
        assert_eq!(made.environment["POSTGRES_PASSWORD"].as_deref(), Some("random"));
    }

    #[test]
    fn a_password_on_the_command_line_is_replaced_for_server_and_client() {
        let made = isolated(&service(), &part(PartKind::Redis), "random");
        assert_eq!(made.service.command.0.unwrap()[2], "random");
        assert_eq!(made.environment, ["REDISCLI_AUTH=random"]);
        assert_eq!(made.service.environment["POSTGRES_PASSWORD"].as_deref(), Some("random"));
    }
}
