//! A target to run a contract test on, with a project name of the test's own, and the things tests ask for.
//! Reads DOCKER_HOST as the program does; says in the lab's list when a test was skipped.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use aictl::compose::model::{Network, Service, Volume};
use aictl::engine::docker::{DockerEngine, Environment};
use aictl::engine::memory::MemoryEngine;
use aictl::event::{Channel, LogLine, OutputStream, Silent};
use aictl::plan::{
    ContainerOperation, ContainerSpec, NetworkAttachment, NetworkOperation, Observed, Operation, Outcome, Scope,
    StartTurn, VolumeOperation, labels,
};
use aictl::release::LeaseOwner;
use aictl::target::{Target, TargetError};

/// Where a contract test runs.
pub struct Lab {
    pub target: Arc<dyn Target>,
    pub project: String,
    pub image: String,
}

/// Output kept in memory.
#[derive(Default)]
pub struct Kept(pub Mutex<Vec<(Channel, u8)>>);

impl Kept {
    pub fn text(&self, channel: Channel) -> String {
        let kept = self.0.lock().unwrap();
        String::from_utf8(kept.iter().filter(|(c, _)| *c == channel).map(|(_, b)| *b).collect()).unwrap()
    }
}

impl OutputStream for Kept {
    fn log(&self, line: &LogLine) -> std::io::Result<()> {
        self.bytes(line.channel, line.message.as_bytes())
    }

    fn bytes(&self, channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().extend(bytes.iter().map(|b| (channel, *b)));
        Ok(())
    }
}

pub fn skip(test: &str, reason: &str) {
    if let Some(list) = std::env::var_os("AICTL_LAB_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(file, "engine_contract {test}: {reason}").unwrap();
    }
}

pub fn environment() -> Environment {
    std::env::vars().collect()
}

/// The image tests run: the lab's static busybox, or the Debian base where that was not built.
async fn image(target: &dyn Target) -> Option<String> {
    let images = ["aictl-lab/tool:1", "lab/base:bookworm"].map(str::to_owned).to_vec();
    let scope = Scope { images: images.clone(), ..Scope::default() };
    let found = target.observe(&scope).await.ok()?.images;
    images.into_iter().find(|image| found.contains_key(image))
}

impl Lab {
    pub fn memory(test: &str) -> Self {
        let image = "tool:1".to_owned();
        Self { target: Arc::new(MemoryEngine::new().with_image(&image)), project: test.replace('_', "-"), image }
    }

    pub async fn docker(test: &str) -> Option<Self> {
        let target: Arc<dyn Target> = match DockerEngine::connect(None, &environment()).await {
            Ok(engine) => Arc::new(engine),
            Err(error) => {
                skip(test, &error.to_string());
                return None;
            }
        };
        let Some(image) = image(&*target).await else {
            skip(test, "the lab's images are not there");
            return None;
        };
        let project = format!("aictl-test-{}-{}", test.replace('_', "-"), std::process::id());
        let lab = Self { target, project, image };
        lab.clean().await;
        Some(lab)
    }

    pub fn owner(&self, pid: u32) -> LeaseOwner {
        LeaseOwner {
            user: "test".into(),
            host: "elsewhere".into(),
            pid,
            operation: "start".into(),
            ..Default::default()
        }
    }

    pub async fn observe(&self) -> Observed {
        self.target.observe(&Scope { project: self.project.clone(), ..Scope::default() }).await.unwrap()
    }

    pub async fn perform(&self, operation: &Operation) -> Result<Outcome, TargetError> {
        self.target.perform(operation, 0, &Silent).await
    }

    pub fn spec(&self, service: &str, number: u32, model: serde_json::Value) -> ContainerSpec {
        let model: Service = serde_json::from_value(model).unwrap();
        let name = format!("{}-{service}-{number}", self.project);
        let labels = BTreeMap::from([
            (labels::PROJECT.to_owned(), self.project.clone()),
            (labels::SERVICE.to_owned(), service.to_owned()),
            (labels::CONTAINER_NUMBER.to_owned(), number.to_string()),
            (labels::ONE_OFF.to_owned(), "False".to_owned()),
            (labels::CONFIG_HASH.to_owned(), "0".repeat(64)),
        ]);
        let network_mode = (!model.network_mode.is_empty()).then(|| model.network_mode.clone());
        let networks = model.networks.keys().map(|key| NetworkAttachment {
            network: format!("{}_{key}", self.project),
            key: key.clone(),
            aliases: vec![name.clone(), service.to_owned()],
        });
        ContainerSpec {
            networks: networks.collect(),
            project: self.project.clone(),
            service_name: service.to_owned(),
            number,
            image: self.image.clone(),
            labels,
            network_mode,
            ipc: None,
            pid: None,
            volumes_from: Vec::new(),
            volume_names: BTreeMap::from([("data".to_owned(), format!("{}_data", self.project))]),
            files: Vec::new(),
            bound_files: Default::default(),
            inherited_volumes: BTreeMap::new(),
            auto_remove: false,
            interactive: None,
            service: model,
            name,
        }
    }

    /// Creates and starts a container and returns its id.
    pub async fn run(&self, spec: ContainerSpec) -> String {
        let id = self.create(spec).await;
        self.start(&id).await.unwrap();
        id
    }

    pub async fn create(&self, spec: ContainerSpec) -> String {
        self.perform(&Operation::Container(ContainerOperation::Create(Box::new(spec)))).await.unwrap().id.unwrap()
    }

    pub async fn start(&self, container: &str) -> Result<Outcome, TargetError> {
        self.perform(&Operation::Container(ContainerOperation::Start {
            service: "a".into(),
            container: container.to_owned(),
            turn: StartTurn::UntilStarted,
        }))
        .await
    }

    pub async fn remove(&self, container: &str) -> Result<Outcome, TargetError> {
        self.perform(&Operation::Container(ContainerOperation::Remove {
            service: "a".into(),
            container: container.to_owned(),
            volumes: true,
            force: true,
        }))
        .await
    }

    pub async fn network(&self, key: &str) -> Result<Outcome, TargetError> {
        let name = format!("{}_{key}", self.project);
        let network = Box::new(Network { name: name.clone(), ..Network::default() });
        self.perform(&Operation::Network(NetworkOperation::Create {
            project: self.project.clone(),
            key: key.to_owned(),
            name,
            network,
        }))
        .await
    }

    pub async fn volume(&self, key: &str) -> Result<Outcome, TargetError> {
        let name = format!("{}_{key}", self.project);
        let volume = Box::new(Volume { name: name.clone(), ..Volume::default() });
        self.perform(&Operation::Volume(VolumeOperation::Create {
            project: self.project.clone(),
            key: key.to_owned(),
            name,
            volume,
        }))
        .await
    }

    /// Removes everything of the test's project, whatever it left.
    pub async fn clean(&self) {
        let found = self.observe().await;
        for container in &found.instances {
            let _ = self.remove(&container.id).await;
        }
        for network in &found.networks {
            let operation =
                Operation::Network(NetworkOperation::Remove { id: network.id.clone(), name: network.name.clone() });
            let _ = self.perform(&operation).await;
        }
        for volume in &found.volumes {
            let _ = self.perform(&Operation::Volume(VolumeOperation::Remove { name: volume.name.clone() })).await;
        }
        if let Ok(Some(observed)) = self.target.observe_lease(&self.project).await {
            self.target.break_lease(&observed).await.unwrap();
        }
        let lease = self.target.acquire(&self.project, &self.owner(1)).await.unwrap();
        self.target.retire(lease, true).await.unwrap();
    }
}
