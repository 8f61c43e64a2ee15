//! Containers that exist only while a backup is verified or restored: without network and ports, removed at the end.

use std::collections::BTreeMap;

use crate::backup::Inside;
use crate::compose::model::{Service, ShellCommand};
use crate::event::Silent;
use crate::plan::{ContainerOperation, ContainerSpec, Operation, StartTurn, labels};
use crate::target::{Target, TargetError};

/// Waits to be removed, for a day at most: what a killed run left behind ends by itself.
pub(super) const WAIT: &str =
    "trap 'exit 0' TERM INT; n=0; while [ $n -lt 86400 ]; do sleep 1 & wait $!; n=$((n+1)); done";

/// What a scratch container is made from.
pub struct ScratchArgs<'a> {
    /// The project it is for.
    pub project: &'a str,
    /// The service it stands for.
    pub service: &'a str,
    /// Its image.
    pub image: &'a str,
    /// Tells it from others: its purpose, or its purpose and a number.
    pub purpose: &'a str,
    /// A container whose volumes it has, too.
    pub volumes_from: Option<&'a str>,
}

/// As those of a one-off container, so that `stop --remove` takes along what a killed run left behind.
fn labels(args: &ScratchArgs<'_>) -> BTreeMap<String, String> {
    let pairs = [
        (labels::PROJECT, args.project),
        (labels::SERVICE, args.service),
        (labels::CONTAINER_NUMBER, "1"),
        (labels::ONE_OFF, "True"),
        (labels::CONFIG_HASH, "none"),
    ];
    pairs.into_iter().map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
}

pub(super) fn name(project: &str, service: &str, purpose: &str) -> String {
    format!("{project}-{service}-aictl-{purpose}")
}

/// Removes one that a killed run left behind.
pub(super) async fn remove_left(
    target: &dyn Target,
    (project, service): (&str, &str),
    purpose: &str,
) -> Result<(), TargetError> {
    Scratch { target, name: name(project, service, purpose) }.remove().await
}

/// A scratch container that runs.
pub struct Scratch<'t> {
    target: &'t dyn Target,
    name: String,
}

impl<'t> Scratch<'t> {
    /// Creates and starts it. One of the same name that a killed run left behind is removed first.
    pub async fn start(target: &'t dyn Target, args: ScratchArgs<'_>) -> Result<Self, TargetError> {
        let scratch = Self { target, name: name(args.project, args.service, args.purpose) };
        scratch.remove().await?;
        let words = |words: &[&str]| ShellCommand(Some(words.iter().map(|word| (*word).to_owned()).collect()));
        let service = Service {
            entrypoint: words(&["sh", "-c", WAIT]),
            command: words(&[]),
            user: "0".to_owned(),
            ..Service::default()
        };
        let spec = ContainerSpec {
            project: args.project.to_owned(),
            name: scratch.name.clone(),
            service_name: args.service.to_owned(),
            number: 1,
            service,
            image: args.image.to_owned(),
            labels: labels(&args),
            networks: Vec::new(),
            network_mode: Some("none".to_owned()),
            ipc: None,
            pid: None,
            volumes_from: args.volumes_from.iter().map(|container| (*container).to_owned()).collect(),
            volume_names: Default::default(),
            files: Vec::new(),
            bound_files: Default::default(),
            inherited_volumes: Default::default(),
            auto_remove: true,
            interactive: None,
        };
        scratch.perform(ContainerOperation::Create(Box::new(spec))).await?;
        let (service, container, turn) = (args.service.to_owned(), scratch.name.clone(), StartTurn::UntilStarted);
        if let Err(error) = scratch.perform(ContainerOperation::Start { service, container, turn }).await {
            scratch.close().await;
            return Err(error);
        }
        Ok(scratch)
    }

    /// Running commands in it.
    pub fn inside(&self, service: &str) -> Inside<'t> {
        Inside {
            target: self.target,
            service: service.to_owned(),
            container: self.name.clone(),
            environment: Vec::new(),
            login: "",
            user: None,
        }
    }

    /// Removes it. One that stays ends by itself.
    pub async fn close(self) {
        let _ = self.remove().await;
    }

    async fn remove(&self) -> Result<(), TargetError> {
        let (service, container) = (String::new(), self.name.clone());
        match self.perform(ContainerOperation::Remove { service, container, volumes: true, force: true }).await {
            Err(TargetError::NotFound { .. } | TargetError::Refused { status: 404 | 409, .. }) => Ok(()),
            removed => removed,
        }
    }

    async fn perform(&self, operation: ContainerOperation) -> Result<(), TargetError> {
        self.target.perform(&Operation::Container(operation), 0, &Silent).await.map(drop)
    }
}
