//! Data services for a drill or the trial of a migration: made from the images of the stack, with no way out, no ports and
//! anonymous volumes only. They carry a project name of their own and a label, by which the next one finds what a killed
//! one left behind.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::isolated::{Isolated, code, isolated, limit, read_only};
use super::parts::ServicePart;
use crate::backup::{BackupError, LockOwner, PartKind, is_alive};
use crate::compose::model::{Network, Service, Stack};
use crate::event::Silent;
use crate::plan::content::ServiceContent;
use crate::plan::{
    ContainerOperation, ContainerSpec, NetworkAttachment, NetworkOperation, Observed, Operation, Scope, StartTurn,
    labels,
};
use crate::target::{Target, TargetError};

/// The network of a trial.
const NETWORK: &str = "trial";

/// How long an engine may take to make a container whose creation was interrupted.
const LATE: Duration = Duration::from_secs(5);

/// The containers of a drill or a trial.
pub struct Sandbox<'t> {
    target: &'t dyn Target,
    project: String,
    owner: LockOwner,
    purpose: Purpose,
    /// The container that is being created: the engine goes on with it when the command was interrupted.
    creating: Mutex<Option<String>>,
}

/// What a sandbox is for.
enum Purpose {
    /// No container reaches another one; this password replaces those of the stack.
    Drill { password: String },
    /// Containers reach each other, on a network without a way out, with the passwords of the stack.
    Trial,
    /// As a trial, with data and code; in the place of a drill, so that either removes what the other left behind.
    Rehearsal,
}

impl Purpose {
    const fn words(&self) -> &'static str {
        match self {
            Self::Drill { .. } => "drill",
            Self::Trial => "trial of a migration",
            Self::Rehearsal => "rehearsal",
        }
    }
}

impl<'t> Sandbox<'t> {
    /// A sandbox of a project; removes what a killed drill left behind, and refuses while another one runs.
    pub async fn open(
        (target, project): (&'t dyn Target, &str),
        (owner, password): (LockOwner, String),
    ) -> Result<(Self, usize), BackupError> {
        let project = format!("{project}-aictl-drill");
        Self { target, project, owner, purpose: Purpose::Drill { password }, creating: Mutex::default() }
            .emptied()
            .await
    }

    /// The same for the trial of a migration.
    pub async fn open_for_trial(
        (target, project): (&'t dyn Target, &str),
        owner: LockOwner,
    ) -> Result<(Self, usize), BackupError> {
        let project = format!("{project}-aictl-trial");
        Self { target, project, owner, purpose: Purpose::Trial, creating: Mutex::default() }.with_network().await
    }

    /// The same for a rehearsal, which a drill is refused beside.
    pub async fn open_for_rehearsal(
        (target, project): (&'t dyn Target, &str),
        owner: LockOwner,
    ) -> Result<(Self, usize), BackupError> {
        let project = format!("{project}-aictl-drill");
        Self { target, project, owner, purpose: Purpose::Rehearsal, creating: Mutex::default() }.with_network().await
    }

    async fn with_network(self) -> Result<(Self, usize), BackupError> {
        let (sandbox, left) = self.emptied().await?;
        let name = sandbox.network();
        let network = Box::new(Network { name: name.clone(), internal: true, ..Network::default() });
        let (project, key) = (sandbox.project.clone(), NETWORK.to_owned());
        let create = NetworkOperation::Create { project, key, name, network };
        sandbox.target.perform(&Operation::Network(create), 0, &Silent).await?;
        Ok((sandbox, left))
    }

    fn network(&self) -> String {
        format!("{}_{NETWORK}", self.project)
    }

    /// Removes what a killed one left behind.
    async fn emptied(self) -> Result<(Self, usize), BackupError> {
        let left = self.observe().await?;
        for container in &left.instances {
            // The helper of a restore goes with the drill it belongs to.
            if container.one_off {
                continue;
            }
            let Some(holder) = container.labels.get(labels::DRILL) else {
                let reason = format!("container {} has the project name of a {}", container.name, self.purpose.words());
                return Err(BackupError::Service { service: container.service.clone(), reason });
            };
            if self.may_run(holder) {
                return Err(BackupError::DrillRuns { what: self.purpose.words(), holder: holder.clone() });
            }
        }
        self.remove(&left).await?;
        Ok((self, left.instances.len()))
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
            self.isolated(stack.services.get(&part.service).ok_or_else(unknown)?, part);
        let name = self.name_of(part);
        let mut spec = self.spec(image, (part, service), content);
        if let (Purpose::Trial | Purpose::Rehearsal, Some(declared)) =
            (&self.purpose, stack.services.get(&part.service))
        {
            self.connect(&mut spec, names(&part.service, declared));
        }
        self.create(spec).await?;
        if part.kind != PartKind::Volume {
            let turn = StartTurn::UntilStarted;
            let (service, container) = (part.service.clone(), name.clone());
            self.perform(ContainerOperation::Start { service, container, turn }).await?;
        }
        let container = Some(self.target.observe_instance(&name).await?);
        Ok(ServicePart { container, environment, api, ..part.clone() })
    }

    /// The container of a task as it is made for a trial: it reaches the services of the trial, and changes nothing else.
    pub fn task(&self, of: &ContainerSpec) -> ContainerSpec {
        let mut spec = ContainerSpec {
            project: self.project.clone(),
            name: format!("{}-{}-task", self.project, of.service_name),
            volumes_from: Vec::new(),
            volume_names: BTreeMap::new(),
            inherited_volumes: BTreeMap::new(),
            ipc: None,
            pid: None,
            auto_remove: true,
            ..of.clone()
        };
        spec.labels.extend(self.labels(&of.service_name, "True"));
        spec.service.volumes = of.service.volumes.iter().filter_map(read_only).collect();
        spec.service.ports.clear();
        limit(&mut spec.service);
        self.connect(&mut spec, Vec::new());
        spec
    }

    /// Creates and starts the code of a service: it reaches the services of the rehearsal, and nothing else. `data` is the
    /// container whose volumes it has, where its files were restored.
    pub async fn start_code(&self, of: &ContainerSpec, data: Option<&ServicePart>) -> Result<(), BackupError> {
        let data = data.map(|part| self.name_of(part));
        let mut spec = ContainerSpec {
            project: self.project.clone(),
            name: self.code_name(&of.service_name),
            number: 1,
            labels: self.labels(&of.service_name, "False"),
            volumes_from: data.into_iter().collect(),
            volume_names: BTreeMap::new(),
            inherited_volumes: BTreeMap::new(),
            ipc: None,
            pid: None,
            auto_remove: false,
            interactive: None,
            ..of.clone()
        };
        spec.service = code(&of.service, !spec.volumes_from.is_empty());
        self.connect(&mut spec, names(&of.service_name, &of.service));
        let (service, container) = (of.service_name.clone(), spec.name.clone());
        self.create(spec).await?;
        Ok(self.perform(ContainerOperation::Start { service, container, turn: StartTurn::UntilStarted }).await?)
    }

    /// Removes the code of a service.
    pub async fn remove_code(&self, service: &str) -> Result<(), BackupError> {
        self.remove_container(service.to_owned(), self.code_name(service)).await
    }

    fn code_name(&self, service: &str) -> String {
        format!("{}-{service}-code", self.project)
    }

    fn connect(&self, spec: &mut ContainerSpec, aliases: Vec<String>) {
        spec.network_mode = None;
        spec.networks = vec![NetworkAttachment { network: self.network(), key: NETWORK.to_owned(), aliases }];
    }

    fn isolated(&self, of: &Service, part: &ServicePart) -> Isolated {
        match &self.purpose {
            Purpose::Drill { password } => isolated(of, part, Some(password)),
            Purpose::Trial | Purpose::Rehearsal => {
                let mut made = isolated(of, part, None);
                limit(&mut made.service);
                made
            }
        }
    }

    fn labels(&self, service: &str, one_off: &str) -> BTreeMap<String, String> {
        let labels = [
            (labels::PROJECT, self.project.clone()),
            (labels::SERVICE, service.to_owned()),
            (labels::CONTAINER_NUMBER, "1".to_owned()),
            (labels::ONE_OFF, one_off.to_owned()),
            (labels::CONFIG_HASH, "drill".to_owned()),
            (labels::DRILL, format!("{}/{}", self.owner.host, self.owner.pid)),
        ];
        labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn name_of(&self, part: &ServicePart) -> String {
        format!("{}-{}-1", self.project, part.service)
    }

    fn spec(&self, image: &str, (part, service): (&ServicePart, Service), content: &ServiceContent) -> ContainerSpec {
        ContainerSpec {
            project: self.project.clone(),
            name: self.name_of(part),
            service_name: part.service.clone(),
            number: 1,
            service,
            image: image.to_owned(),
            labels: self.labels(&part.service, "False"),
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

    async fn create(&self, spec: ContainerSpec) -> Result<(), TargetError> {
        *self.creating() = Some(spec.name.clone());
        let created = self.perform(ContainerOperation::Create(Box::new(spec))).await;
        *self.creating() = None;
        created
    }

    fn creating(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.creating.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the engine has made what it was making when the command was interrupted.
    async fn settle(&self) {
        let Some(late) = self.creating().take() else { return };
        let made = async {
            while self.target.observe_instance(&late).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        // An engine that gave it up makes none.
        let _ = tokio::time::timeout(LATE, made).await;
    }

    /// Removes everything it holds.
    pub async fn close(&self, services: &[String]) -> Result<(), BackupError> {
        self.settle().await;
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
        for network in &observed.networks {
            let remove = NetworkOperation::Remove { id: network.id.clone(), name: network.name.clone() };
            gone(self.target.perform(&Operation::Network(remove), 0, &Silent).await.map(drop))?;
        }
        Ok(())
    }

    async fn remove_container(&self, service: String, container: String) -> Result<(), BackupError> {
        gone(self.perform(ContainerOperation::Remove { service, container, volumes: true, force: true }).await)
    }

    async fn perform(&self, operation: ContainerOperation) -> Result<(), TargetError> {
        self.target.perform(&Operation::Container(operation), 0, &Silent).await.map(drop)
    }
}

/// It may be gone already.
fn gone(removed: Result<(), TargetError>) -> Result<(), BackupError> {
    match removed {
        Err(TargetError::NotFound { .. } | TargetError::Refused { status: 404 | 409, .. }) => Ok(()),
        removed => Ok(removed?),
    }
}

/// The names others know a service by.
fn names(service: &str, declared: &Service) -> Vec<String> {
    let on_networks = declared.networks.values().flatten().flat_map(|network| network.aliases.iter().cloned());
    let own = [service.to_owned(), declared.container_name.clone(), declared.hostname.clone()];
    own.into_iter().chain(on_networks).filter(|name| !name.is_empty()).collect()
}
