//! The operations a plan is made of, in groups: each one engine call or one bounded wait, with its own data.
//! A new operation is a variant of its group, or a new group; `describe`, the executor and every engine then fail to
//! compile until they know it.
//! Never decides whether an operation is needed.

mod check;
mod cluster;
mod container;
mod data;
mod description;
mod image;
mod network;
mod password;
mod proxy;
mod summary;
mod task;
mod volume;
mod wait;

use serde::{Deserialize, Serialize};

pub use check::{Bake, CheckOperation};
pub use cluster::ClusterOperation;
pub use container::{ContainerOperation, StartTurn};
pub use data::DataOperation;
pub use description::{Description, Names, container_name};
pub use image::{
    BundleImage, ImageOperation, ImageSource, ImageTransfer, RecipeBuild, is_release_tag, release_repository,
    release_tag,
};
pub use network::NetworkOperation;
pub use password::{AcceptedPasswords, Login, PasswordChange};
pub use proxy::{
    GATE_ARCHITECTURES, GATE_PORT, Green, HoldScope, MANAGED_PROXY, MANAGED_PROXY_VOLUME, PROXY_FOLDER, ProbeRequest,
    ProxyOperation, gate_name, sides_folder,
};
pub(super) use summary::debug_as_serialised;
pub use task::TaskOperation;
pub use volume::VolumeOperation;
pub use wait::{Readiness, WaitOperation};

/// When an image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Always, even when present.
    Always,
    /// Only when it is not present.
    #[default]
    Missing,
    /// Never.
    Never,
}

/// One change of the world, or one bounded wait.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// On an image.
    Image(ImageOperation),
    /// On a network.
    Network(NetworkOperation),
    /// On a volume.
    Volume(VolumeOperation),
    /// On a container.
    Container(ContainerOperation),
    /// A wait.
    Wait(WaitOperation),
    /// On the reverse proxy.
    Proxy(ProxyOperation),
    /// A task.
    Task(TaskOperation),
    /// A check.
    Check(CheckOperation),
    /// A dump or restore of data.
    Data(DataOperation),
    /// On an object of a cluster.
    Cluster(ClusterOperation),
}

impl Operation {
    /// Whether it only waits.
    pub const fn is_wait(&self) -> bool {
        matches!(self, Self::Wait(_) | Self::Cluster(ClusterOperation::Await { .. }))
    }

    /// Name of the task of aictl.yaml that it runs.
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::Task(TaskOperation::Run { task, .. }) => Some(task),
            Self::Image(_)
            | Self::Network(_)
            | Self::Volume(_)
            | Self::Container(_)
            | Self::Wait(_)
            | Self::Proxy(_)
            | Self::Check(_)
            | Self::Data(_)
            | Self::Cluster(_) => None,
        }
    }
}

macro_rules! into_operation {
    ($($group:ident($type:ty)),+) => {
        $(impl From<$type> for Operation {
            fn from(operation: $type) -> Self {
                Self::$group(operation)
            }
        })+
    };
}

into_operation!(
    Image(ImageOperation),
    Network(NetworkOperation),
    Volume(VolumeOperation),
    Container(ContainerOperation),
    Wait(WaitOperation),
    Proxy(ProxyOperation),
    Task(TaskOperation),
    Check(CheckOperation),
    Data(DataOperation),
    Cluster(ClusterOperation)
);

/// What performing an operation gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Id of what was created, or of the image pulled or built.
    pub id: Option<String>,
    /// Something the operator should know (a platform mismatch, a volume kept).
    pub warnings: Vec<String>,
    /// Detail for the step's line: a digest, bytes freed.
    pub detail: Option<String>,
    /// Somebody still needs what was to be removed: it is there as before.
    pub kept: bool,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::compose::model::{Build, Network, Service, ServiceHook, ShellCommand, Volume};
    use crate::plan::{ContainerSpec, CopiedFile, Phase, Plan};

    const CANARY: &str = "c4n4ry-of-a-secret";

    fn canary() -> String {
        CANARY.to_owned()
    }

    fn spec() -> Box<ContainerSpec> {
        let mut service = Service { command: ShellCommand(Some(vec!["serve".into(), canary()])), ..Default::default() };
        service.environment.insert("PASSWORD".into(), Some(canary()));
        service.labels.insert("token".into(), canary());
        let file =
            CopiedFile { target: "/run/secrets/a".into(), content: canary().into(), uid: 0, gid: 0, mode: 0o400 };
        Box::new(ContainerSpec {
            project: "shop".into(),
            name: "shop-api-1".into(),
            service_name: "api".into(),
            number: 1,
            service,
            image: "api:1".into(),
            labels: [("token".to_owned(), canary())].into(),
            networks: Vec::new(),
            network_mode: None,
            ipc: None,
            pid: None,
            volumes_from: Vec::new(),
            volume_names: Default::default(),
            files: vec![file],
            bound_files: Default::default(),
            inherited_volumes: Default::default(),
            auto_remove: false,
            interactive: None,
        })
    }

    #[test]
    fn a_plan_prints_and_serialises_no_value_that_may_be_a_secret() {
        let mut build = Build { context: ".".into(), ..Default::default() };
        build.args.insert("TOKEN".into(), Some(canary()));
        let mut network = Network::default();
        network.driver_opts.insert("key".into(), canary());
        let mut volume = Volume::default();
        volume.driver_opts.insert("o".into(), format!("password={CANARY}"));
        let command = ShellCommand(Some(vec!["psql".into(), format!("--password={CANARY}")]));
        let hook = Box::new(ServiceHook { command, ..Default::default() });
        let (service, container, name) = (String::from("api"), String::from("a"), String::from("n"));
        let operations: Vec<Operation> = vec![
            ImageOperation::Build {
                service: service.clone(),
                image: "api:1".into(),
                build: Box::new(build),
                platform: None,
                no_cache: false,
                pull: false,
            }
            .into(),
            NetworkOperation::Create {
                project: "shop".into(),
                key: "default".into(),
                name: name.clone(),
                network: Box::new(network),
            }
            .into(),
            VolumeOperation::Create { project: "shop".into(), key: "data".into(), name, volume: Box::new(volume) }
                .into(),
            ContainerOperation::Create(spec()).into(),
            ContainerOperation::RunHook { service, container, hook, timeout: Duration::from_secs(1) }.into(),
            CheckOperation::Run {
                check: "api answers".into(),
                service: Some("api".into()),
                containers: Default::default(),
                timeout: Duration::from_secs(1),
            }
            .into(),
            CheckOperation::Bake(Bake {
                checks: vec!["api answers".into()],
                containers: Default::default(),
                proxy: Some("nginx".into()),
                window: Duration::from_secs(1),
                since: None,
            })
            .into(),
            TaskOperation::Run { task: "migrate".into(), spec: spec(), timeout: None }.into(),
            ProxyOperation::Write {
                service: "nginx".into(),
                proxy: "shop-nginx-1".into(),
                configuration: canary(),
                staged: true,
                green: Green::new(),
            }
            .into(),
            ProxyOperation::Probe {
                service: "api".into(),
                proxy: "shop-nginx-1".into(),
                container: "shop-api-1".into(),
                request: ProbeRequest {
                    path: "/".into(),
                    port: 80,
                    side: None,
                    fingerprint: "5f".into(),
                    secret: canary(),
                },
                timeout: Duration::from_secs(1),
            }
            .into(),
        ];
        let mut plan = Plan::default();
        for operation in operations {
            plan.push(Phase::Prepare, operation, "because", &[]);
        }
        let (debug, json) = (format!("{plan:?}"), serde_json::to_string(&plan).unwrap());
        for shown in [&debug, &json] {
            assert!(shown.contains("shop-api-1") && shown.contains("PASSWORD"), "{shown}");
            assert!(!shown.contains(CANARY), "{shown}");
        }
    }
}
