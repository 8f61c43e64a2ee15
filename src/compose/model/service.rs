//! A service, a job and the hooks that run around a container.
//! Reads nothing; plain data in the order Compose writes it, with the questions other modules ask of a service.
//! Never decides defaults: the loader has filled them in.

use std::collections::BTreeMap;

use super::container::container_model;
use super::define::model;
use super::{
    BlkioConfig, Build, ByteSize, CredentialSpec, Dependency, Deploy, Develop, DeviceMapping, DeviceRequest, EnvFile,
    FileReference, Float32, GoDuration, Healthcheck, HostList, Logging, Mapping, MappingWithNulls, ServiceHook,
    ServiceModel, ServiceNetwork, ServicePort, ServiceVolume, ShellCommand, Ulimit,
};

container_model! {
    /// One service.
    pub struct Service {
        /// Profiles that enable it; none means always.
        profiles: Vec<String>,
        /// Replicas, resources and update behaviour.
        deploy: Option<Deploy>,
        /// What `watch` reacts to.
        develop: Option<Develop>,
        /// Restart policy: `no`, `always`, `on-failure[:N]`, `unless-stopped`.
        restart: String,
        /// Number of containers.
        scale: Option<i64>,
        /// Whether `up` shows its logs.
        attach: Option<bool>,
        /// Fixed container name.
        container_name: String,
        /// External program that provides the service.
        provider: Option<Provider>,
        /// What it extends; empty once loaded.
        extends: Option<Extends>,
        /// Links to containers outside the project.
        external_links: Vec<String>,
        /// Links to services.
        links: Vec<String>,
        /// Obsolete form of `network_mode`.
        net: String,
        /// Containers run to completion before the service starts.
        pre_start: Vec<PreStartHook>,
        /// Commands run in the container after its start.
        post_start: Vec<ServiceHook>,
        /// Commands run in the container before its stop.
        pre_stop: Vec<ServiceHook>,
    } {
        /// How the image is built.
        build: Option<Build>,
        /// Services it waits for.
        depends_on: BTreeMap<String, Dependency>,
        /// Obsolete form of `build.dockerfile`.
        dockerfile: String,
        /// Ports offered to other containers only.
        expose: Vec<String>,
        /// Health check.
        healthcheck: Option<Healthcheck>,
        /// Published ports.
        ports: Vec<ServicePort>,
        /// Keeps standard input open.
        stdin_open: bool,
        /// Allocates a terminal.
        tty: bool,
    }
}

container_model! {
    /// A job: a container run on a trigger.
    pub struct Job {
        /// Profiles that enable it.
        profiles: Vec<String>,
        /// What starts it.
        triggers: Option<JobTriggers>,
    } {
        /// How the image is built.
        build: Option<Build>,
        /// Services it waits for.
        depends_on: BTreeMap<String, Dependency>,
        /// Obsolete form of `build.dockerfile`.
        dockerfile: String,
        /// Ports offered to other containers only.
        expose: Vec<String>,
        /// Health check.
        healthcheck: Option<Healthcheck>,
        /// Published ports.
        ports: Vec<ServicePort>,
        /// Keeps standard input open.
        stdin_open: bool,
        /// Allocates a terminal.
        tty: bool,
    }
}

container_model! {
    /// A container run to completion before the service starts.
    pub struct PreStartHook {} {
        /// Runs once per replica instead of once per service.
        per_replica: bool,
    }
}

model! {
    /// What a service extends.
    pub struct Extends {
        /// Another file, or empty for the same one.
        file: String,
        /// The service there.
        service: String,
    }
}

model! {
    /// An external program that provides the service.
    pub struct Provider {
        /// Its name: `docker-TYPE` or a path.
        r#type: String,
        /// Its options.
        options: BTreeMap<String, Vec<String>>,
    } ext
}

model! {
    /// What starts a job.
    pub struct JobTriggers {
        /// Whether it may be run by hand; unset is yes.
        manual: Option<bool>,
        /// When it runs.
        schedule: Vec<JobSchedule>,
    } ext
}

model! {
    /// One schedule of a job.
    pub struct JobSchedule {
        /// Crontab expression.
        cron: String,
        /// Time zone.
        timezone: String,
        /// What happens when the last run still goes on.
        concurrency: String,
        /// What happens to missed runs.
        missed_fires: String,
    } ext
}

impl Service {
    /// Number of containers wanted: `scale`, else `deploy.replicas`, else one.
    pub fn scale(&self) -> u32 {
        let wanted = self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1);
        u32::try_from(wanted).unwrap_or(0)
    }

    /// Bytes of memory that one container may use; 0 without a limit.
    pub fn memory_limit(&self) -> i64 {
        let of_deploy = self.deploy.as_ref().and_then(|deploy| deploy.resources.limits.as_ref());
        of_deploy.map_or(0, |limits| limits.memory.0).max(self.mem_limit.0)
    }

    /// The name of container `number` (from 1) of this service in a project.
    pub fn container_name(&self, project: &str, service: &str, number: u32) -> String {
        if self.container_name.is_empty() {
            format!("{project}-{service}-{number}")
        } else {
            self.container_name.clone()
        }
    }

    /// The image the service runs: its own, or the name Compose gives a built one.
    pub fn image_or_default(&self, project: &str, service: &str) -> String {
        if self.image.is_empty() { format!("{project}-{service}") } else { self.image.clone() }
    }

    /// Every image reference the service needs: its own, its hooks' and its image mounts'.
    pub fn all_images(&self, project: &str, service: &str) -> Vec<String> {
        let mut images = Vec::new();
        if self.provider.is_none() {
            images.push(self.image_or_default(project, service));
        }
        images.extend(self.pre_start.iter().map(|hook| hook.image.clone()).filter(|image| !image.is_empty()));
        images
            .extend(self.volumes.iter().filter(|volume| volume.r#type == "image").map(|volume| volume.source.clone()));
        let mut seen = std::collections::BTreeSet::new();
        images.retain(|image| seen.insert(image.clone()));
        images
    }

    /// The networks joined, highest priority first, then by name.
    pub fn networks_by_priority(&self) -> Vec<(&str, Option<&ServiceNetwork>)> {
        let mut networks: Vec<_> =
            self.networks.iter().map(|(name, config)| (name.as_str(), config.as_ref())).collect();
        networks.sort_by_key(|(_, config)| std::cmp::Reverse(config.map_or(0, |config| config.priority)));
        networks
    }

    /// Whether a container that exited with 0 counts as completed: no health check, no restart on success, and no port,
    /// which only a server has.
    pub fn may_complete(&self) -> bool {
        let of_deploy = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
        let policy = of_deploy.map_or(self.restart.as_str(), |policy| policy.condition.as_str());
        let restarts = ["always", "unless-stopped", "any"].contains(&policy);
        let checked = self
            .healthcheck
            .as_ref()
            .is_some_and(|check| !check.disable && check.test.0.first().is_some_and(|word| word != "NONE"));
        !restarts && !checked && self.ports.is_empty() && self.expose.is_empty()
    }

    /// Whether one of the active profiles enables the service.
    pub fn has_profile(&self, active: &[String]) -> bool {
        self.profiles.is_empty() || active.iter().any(|profile| profile == "*" || self.profiles.contains(profile))
    }
}
