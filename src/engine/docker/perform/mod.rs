//! Changing the world: one function per operation.
//! Reads an `Operation`; returns an `Outcome` once the engine has done it.
//! Never waits for readiness and never retries: that is decided elsewhere.

mod container;
mod fetch_image;
mod files;
mod hook;
mod image;
mod image_build;
mod load_bundle;
mod network;
mod ports;
mod progress;
mod pull;
mod push;
mod recipe;
mod volume;

pub(super) use container::start;
pub(super) use progress::Progress;
use progress::{DeclaredName, created, done};

use super::DockerEngine;
use crate::plan::{ContainerOperation, ImageOperation, Names, NetworkOperation, Operation, Outcome, VolumeOperation};
use crate::target::TargetError;

impl DockerEngine {
    pub(super) async fn act(&self, operation: &Operation, progress: Progress<'_>) -> Result<Outcome, TargetError> {
        match operation {
            Operation::Image(operation) => self.on_image(operation, progress).await,
            Operation::Network(operation) => self.on_network(operation).await,
            Operation::Volume(operation) => self.on_volume(operation).await,
            Operation::Container(operation) => self.on_container(operation, progress).await,
            Operation::Proxy(operation) => self.on_proxy(operation, progress).await,
            Operation::Cluster(_) => Err(TargetError::CannotPerform {
                operation: operation.describe(&Names::new()).infinitive.to_owned(),
                reason: "it requires a Kubernetes cluster".to_owned(),
            }),
            Operation::Wait(_) | Operation::Task(_) | Operation::Check(_) | Operation::Data(_) => {
                Err(TargetError::CannotPerform {
                    operation: operation.describe(&Names::new()).infinitive.to_owned(),
                    reason: "the executor does it through observations and exec".to_owned(),
                })
            }
        }
    }

    async fn on_image(&self, operation: &ImageOperation, progress: Progress<'_>) -> Result<Outcome, TargetError> {
        match operation {
            ImageOperation::Pull { image, platform, sources, .. } => {
                let wanted = fetch_image::FetchRequest { image, platform: platform.as_deref(), sources };
                fetch_image::obtain(self, &wanted, progress).await
            }
            ImageOperation::BuildRecipe(wanted) => recipe::build(self, wanted, progress).await,
            ImageOperation::Build { service, image, build, platform, no_cache, pull } => {
                let wanted =
                    image_build::BuildRequest { service, image, build, platform, no_cache: *no_cache, pull: *pull };
                image_build::build(self, &wanted, progress).await
            }
            ImageOperation::Load { bundle, images } => load_bundle::load(self, bundle, images, progress).await,
            ImageOperation::Transfer(transfer) => Err(TargetError::CannotPerform {
                operation: format!("transfer image {}", transfer.image),
                reason: "the executor does it with both engines".to_owned(),
            }),
            ImageOperation::Push { image, .. } => push::push(self, image, progress).await,
            ImageOperation::Tag { image, repository, tag, .. } => {
                image::name(&self.connection, image, repository, tag.as_deref()).await
            }
            ImageOperation::Remove { image } => image::remove(&self.connection, image).await,
        }
    }

    async fn on_network(&self, operation: &NetworkOperation) -> Result<Outcome, TargetError> {
        match operation {
            NetworkOperation::Create { project, key, name, network } => {
                network::create(&self.connection, DeclaredName { project, key, name }, network).await
            }
            NetworkOperation::Remove { id, name } => network::remove(&self.connection, id, name).await,
        }
    }

    async fn on_volume(&self, operation: &VolumeOperation) -> Result<Outcome, TargetError> {
        match operation {
            VolumeOperation::Create { project, key, name, volume } => {
                volume::create(&self.connection, DeclaredName { project, key, name }, volume).await
            }
            VolumeOperation::Remove { name } => volume::remove(&self.connection, name).await,
        }
    }

    async fn on_container(
        &self,
        operation: &ContainerOperation,
        progress: Progress<'_>,
    ) -> Result<Outcome, TargetError> {
        use ContainerOperation as Do;
        let connection = &self.connection;
        match operation {
            Do::Create(spec) => container::create(connection, spec).await,
            Do::Start { container, turn, .. } => container::in_turn(connection, container, *turn).await,
            Do::Stop { container, timeout, .. } => container::stop(connection, container, *timeout).await,
            Do::Kill { container, signal, .. } => container::kill(connection, container, signal).await,
            Do::Restart { container, timeout, .. } => container::restart(connection, container, *timeout).await,
            Do::Unpause { container, .. } => container::unpause(connection, container).await,
            Do::Remove { container, volumes, force, .. } => {
                container::remove(connection, container, (*volumes, *force)).await
            }
            Do::Rename { container, name, .. } => container::rename(connection, container, name).await,
            Do::RunHook { container, hook, timeout, .. } => {
                hook::run(connection, &hook::HookRun { container, hook, timeout: *timeout }, progress).await
            }
        }
    }
}
