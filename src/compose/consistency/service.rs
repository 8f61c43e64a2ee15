//! One service against the rest of its project.
//! Reads the service and the project; adds what does not fit.
//! Never changes the model.

use super::inconsistency::Inconsistency;
use crate::compose::error::nearest;
use crate::compose::model::{Build, Deploy, Service, Stack};

type Named<'s> = (&'s str, &'s Service);

struct Check<'s, 'f> {
    stack: &'s Stack,
    name: &'s str,
    service: &'s Service,
    found: &'f mut Vec<Inconsistency>,
}

pub(super) fn check(stack: &Stack, (name, service): Named<'_>, found: &mut Vec<Inconsistency>) {
    let mut check = Check { stack, name, service, found };
    check.image();
    check.references();
    check.dependencies();
    check.limits();
    check.scale();
    check.mounts();
    check.rest();
}

impl Check<'_, '_> {
    fn report(&mut self, key: &[&str], message: impl Into<String>) {
        let key = ["services", self.name].into_iter().chain(key.iter().copied());
        self.found.push(Inconsistency::new(key, message));
    }

    fn undefined<'n>(
        &mut self,
        key: &[&str],
        (kind, wanted): (&str, &str),
        known: impl IntoIterator<Item = &'n String>,
    ) {
        self.report(key, format!("refers to undefined {kind} {wanted}"));
        if let Some(last) = self.found.last_mut() {
            last.nearest = nearest(wanted, known.into_iter().map(String::as_str));
        }
    }

    fn image(&mut self) {
        let service = self.service;
        let Some(build) = &service.build else {
            if service.image.is_empty() && service.provider.is_none() {
                self.report(&[], "has neither an image nor a build context specified");
            }
            return;
        };
        if !build.dockerfile.is_empty() && !build.dockerfile_inline.is_empty() {
            self.report(&["build"], "declares mutually exclusive dockerfile and dockerfile_inline");
        }
        self.contexts(build);
        let platforms = &build.platforms;
        if !platforms.is_empty() && !service.platform.is_empty() && !platforms.contains(&service.platform) {
            let message = format!("must include the service's platform {:?}", service.platform);
            self.report(&["build", "platforms"], message);
        }
    }

    fn contexts(&mut self, build: &Build) {
        for (name, context) in &build.additional_contexts {
            let Some(target) = context.strip_prefix("service:") else { continue };
            let key = ["build", "additional_contexts", name];
            match self.stack.all_services().find(|(other, _)| *other == target) {
                None => self.report(&key, format!("unknown service {target:?} as additional context {name}")),
                Some((_, other)) if other.build.is_none() => {
                    self.report(&key, format!("non-buildable service {target:?} as additional context {name}"));
                }
                Some(_) => {}
            }
        }
    }

    fn references(&mut self) {
        let (stack, service) = (self.stack, self.service);
        if !service.network_mode.is_empty() && !service.networks.is_empty() {
            self.report(&["network_mode"], "declares mutually exclusive `network_mode` and `networks`");
        }
        for network in service.networks.keys().filter(|name| !stack.networks.contains_key(*name)) {
            self.undefined(&["networks", network], ("network", network), stack.networks.keys());
        }
        for (number, volume) in service.volumes.iter().enumerate() {
            let named = volume.r#type == "volume" && !volume.source.is_empty();
            if named && !stack.volumes.contains_key(&volume.source) {
                let index = format!("[{number}]");
                self.undefined(&["volumes", &index], ("volume", &volume.source), stack.volumes.keys());
            }
        }
        for model in service.models.keys().filter(|name| !stack.models.contains_key(*name)) {
            self.undefined(&["models", model], ("model", model), stack.models.keys());
        }
        self.files();
    }

    fn files(&mut self) {
        let (stack, service) = (self.stack, self.service);
        for (number, config) in service.configs.iter().enumerate() {
            if !stack.configs.contains_key(&config.source) {
                let index = format!("[{number}]");
                self.undefined(&["configs", &index], ("config", &config.source), stack.configs.keys());
            }
        }
        let build = service.build.as_ref().map_or(&[][..], |build| &build.secrets);
        let uses = [(&["secrets"][..], "secret", &service.secrets[..]), (&["build", "secrets"], "build secret", build)];
        for (path, kind, secrets) in uses {
            for (number, secret) in secrets.iter().enumerate() {
                if !stack.secrets.contains_key(&secret.source) {
                    let index = format!("[{number}]");
                    self.undefined(&[path, &[&index]].concat(), (kind, &secret.source), stack.secrets.keys());
                }
            }
        }
    }

    fn dependencies(&mut self) {
        let (stack, service) = (self.stack, self.service);
        for (depended, dependency) in &service.depends_on {
            let disabled = stack.disabled_services.get(depended);
            if stack.services.contains_key(depended) || (disabled.is_some() && !dependency.required) {
                continue;
            }
            let key = ["depends_on", depended.as_str()];
            if let Some(disabled) = disabled {
                let profiles = disabled.profiles.join(", ");
                self.report(
                    &key,
                    format!("depends on service {depended:?}, which only the profiles {profiles} enable"),
                );
            } else if stack.jobs.contains_key(depended) {
                self.report(&key, format!("cannot depend on job {depended:?}: services can only depend on services"));
            } else {
                self.report(&key, format!("depends on undefined service {depended:?}"));
                let known = nearest(depended, stack.services.keys().map(String::as_str));
                if let Some(last) = self.found.last_mut() {
                    last.nearest = known;
                }
            }
        }
        if let Some(shared) = service.network_mode.strip_prefix("service:")
            && !stack.services.contains_key(shared)
            && !service.depends_on.contains_key(shared)
        {
            self.report(&["network_mode"], format!("service {shared:?} not found"));
        }
    }

    /// Limits said twice must be the same.
    fn limits(&mut self) {
        let service = self.service;
        let Some(Deploy { resources, .. }) = &service.deploy else { return };
        let mut differ = Vec::new();
        if let Some(limits) = &resources.limits {
            differ.push(("cpus", "limits.cpus", service.cpus.0 != 0.0 && limits.cpus != service.cpus));
            differ.push(("mem_limit", "limits.memory", service.mem_limit.0 != 0 && limits.memory != service.mem_limit));
            differ.push(("pids_limit", "limits.pids", service.pids_limit != 0 && limits.pids != service.pids_limit));
        }
        if let Some(reserved) = &resources.reservations {
            let set = service.mem_reservation.0 != 0;
            differ.push(("mem_reservation", "reservations.memory", set && reserved.memory != service.mem_reservation));
        }
        for (key, other, _) in differ.into_iter().filter(|(_, _, differ)| *differ) {
            self.report(&[key], format!("can't set distinct values on '{key}' and 'deploy.resources.{other}'"));
        }
    }

    fn scale(&mut self) {
        let service = self.service;
        let replicas = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
        if let (Some(scale), Some(replicas)) = (service.scale, replicas)
            && scale != replicas
        {
            self.report(&["scale"], "can't set distinct values on 'scale' and 'deploy.replicas'");
        }
        for (key, count) in [(&["scale"][..], service.scale), (&["deploy", "replicas"], replicas)] {
            if count.is_some_and(|count| count < 0) {
                self.report(key, "must be greater than or equal to 0");
            }
        }
        if service.scale() > 1 && !service.container_name.is_empty() {
            let count = if service.scale.is_some() { "scale" } else { "deploy.replicas" };
            let message = format!("can't set container_name and {count} as container name must be unique");
            self.report(&["container_name"], message);
        }
    }

    fn mounts(&mut self) {
        let service = self.service;
        let tmpfs = service.tmpfs.iter().map(|entry| entry.split_once(':').map_or(entry.as_str(), |(path, _)| path));
        let targets = tmpfs
            .map(|target| ("tmpfs", target))
            .enumerate()
            .chain(service.volumes.iter().map(|volume| ("volumes", volume.target.as_str())).enumerate());
        let mut seen = std::collections::BTreeMap::new();
        for (number, (key, target)) in targets {
            let place = format!("{key}[{number}]");
            if let Some(first) = seen.get(target) {
                let index = format!("[{number}]");
                let message = format!("target {target} already mounted as {first}");
                self.report(&[key, &index], message);
                continue;
            }
            seen.insert(target, place);
        }
    }

    fn rest(&mut self) {
        let service = self.service;
        if let Some(first) = service.healthcheck.as_ref().and_then(|check| check.test.first())
            && !matches!(first.as_str(), "CMD" | "CMD-SHELL" | "NONE")
        {
            self.report(&["healthcheck", "test"], "must start with \"CMD\", \"CMD-SHELL\" or \"NONE\"");
        }
        for rule in service.develop.iter().flat_map(|develop| &develop.watch) {
            if rule.target.is_empty() && !matches!(rule.action.as_str(), "rebuild" | "restart") {
                self.report(&["develop", "watch"], "target is required for non-rebuild actions");
            }
        }
    }
}
