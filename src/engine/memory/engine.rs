//! `Observe` and `Perform` of the in-memory engine.
//! Reads the world; returns copies of what is in it.
//! Never waits for anything but a container's end.

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt};
use tokio::sync::broadcast;

use super::{MemoryEngine, perform};
use crate::event::Reporter;
use crate::plan::{
    Change, EngineInfo, InstanceState, Observed, ObservedInstance, ObservedProject, Operation, Outcome, Scope, labels,
};
use crate::target::{Capability, Dial, Images, Observe, Perform, Processes, Target, TargetError};

fn info() -> EngineInfo {
    EngineInfo {
        address: "memory:".to_owned(),
        version: "0".to_owned(),
        api_version: "1.41".to_owned(),
        operating_system: "memory".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        cpus: 1,
        memory: 1 << 30,
        local: true,
        host: crate::plan::EngineHost { limits_memory: true, ..Default::default() },
    }
}

#[async_trait]
impl Observe for MemoryEngine {
    async fn observe_engine(&self) -> Result<EngineInfo, TargetError> {
        self.alive()?;
        Ok(info())
    }

    async fn ping(&self) -> Result<(), TargetError> {
        self.alive()
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, TargetError> {
        self.alive()?;
        let world = self.world();
        let ours =
            |labels: &std::collections::BTreeMap<String, String>| labels.get(labels::PROJECT) == Some(&scope.project);
        let instances = world.containers.values().map(|c| &c.seen).filter(|c| ours(&c.labels));
        let networks = world.networks.iter().filter(|n| ours(&n.labels) || scope.networks.contains(&n.name));
        let volumes = world.volumes.iter().filter(|v| ours(&v.labels) || scope.volumes.contains(&v.name));
        let images = scope.images.iter().filter_map(|name| Some((name, world.image(name)?)));
        let mut observed = Observed {
            engine: info(),
            instances: instances.cloned().collect(),
            networks: networks.cloned().collect(),
            volumes: volumes.cloned().collect(),
            pending_images: Default::default(),
            cluster: None,
            images: images.map(|(reference, image)| (reference.clone(), image.clone())).collect(),
            proxy: super::proxy::observed(&world, scope),
        };
        observed.instances.sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
        observed.networks.sort_by(|a, b| a.name.cmp(&b.name));
        observed.volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(observed)
    }

    async fn observe_instance(&self, container: &str) -> Result<ObservedInstance, TargetError> {
        self.alive()?;
        Ok(self.world().get(container)?.seen.clone())
    }

    async fn observe_projects(&self) -> Result<Vec<ObservedProject>, TargetError> {
        self.alive()?;
        let mut projects = std::collections::BTreeMap::<String, ObservedProject>::new();
        for container in self.world().containers.values() {
            let Some(name) = container.seen.labels.get(labels::PROJECT) else { continue };
            let project = projects.entry(name.clone()).or_default();
            project.name.clone_from(name);
            *project.states.entry(container.seen.state.word().to_owned()).or_default() += 1;
        }
        Ok(projects.into_values().collect())
    }

    async fn watch(&self, project: &str) -> Result<BoxStream<'static, Result<Change, TargetError>>, TargetError> {
        self.alive()?;
        let (receiver, project) = (self.changes.subscribe(), project.to_owned());
        let stream = futures_util::stream::unfold((receiver, project), |(mut receiver, project)| async move {
            loop {
                match receiver.recv().await {
                    Ok((of, change)) if of == project => return Some((Ok(change), (receiver, project))),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        Ok(stream.boxed())
    }

    async fn wait_exit(&self, container: &str) -> Result<i64, TargetError> {
        loop {
            self.alive()?;
            let mut changes = self.changes.subscribe();
            let seen = self.world().get(container)?.seen.clone();
            if seen.state != InstanceState::Running {
                return Ok(seen.exit_code.unwrap_or_default());
            }
            let _ = changes.recv().await;
        }
    }
}

#[async_trait]
impl Perform for MemoryEngine {
    async fn perform(&self, operation: &Operation, _: usize, _: &dyn Reporter) -> Result<Outcome, TargetError> {
        let name = {
            let told = operation.describe(&self.names());
            format!("{} {}", told.infinitive, told.subject)
        };
        self.effect(name, |world| perform::perform(world, operation))
    }
}

#[async_trait]
impl Processes for MemoryEngine {
    async fn observe_processes(&self, container: &str) -> Result<(Vec<String>, Vec<Vec<String>>), TargetError> {
        self.alive()?;
        let command = self.world().get(container)?.seen.docker.command.clone();
        Ok((vec!["PID".to_owned(), "CMD".to_owned()], vec![vec!["1".to_owned(), command]]))
    }
}

impl Target for MemoryEngine {
    fn images(&self) -> Option<&dyn Images> {
        self.has(Capability::Images).then_some(self as &dyn Images)
    }

    fn dial(&self) -> Option<&dyn Dial> {
        self.has(Capability::Dial).then_some(self as &dyn Dial)
    }

    fn processes(&self) -> Option<&dyn Processes> {
        self.has(Capability::Processes).then_some(self as &dyn Processes)
    }
}
