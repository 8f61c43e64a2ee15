//! Collects the public names of a project, which are not redacted even if a password equals one: services, containers,
//! images, networks, volumes, hosts, paths, users and databases.

use std::collections::BTreeSet;

use crate::compose::model::{Service, Stack};
use crate::project::LoadedProject;
use crate::secret::{is_secret_name, names_a_person_or_database};

/// The public names of a stack.
pub(super) fn of_stack(stack: &Stack) -> BTreeSet<String> {
    let mut names = Names::default();
    names.add(&stack.name);
    names.path(&stack.working_dir.to_string_lossy());
    stack.compose_files.iter().for_each(|file| names.path(&file.to_string_lossy()));
    stack.profiles.iter().for_each(|profile| names.add(profile));
    for (name, service) in stack.all_services() {
        names.service(&stack.name, name, service);
    }
    for (key, real) in resources(stack) {
        names.add(key);
        names.add(real);
        names.add(&format!("{}_{key}", stack.name));
    }
    let files = stack.configs.values().map(|config| &config.file).chain(stack.secrets.values().map(|s| &s.file));
    files.for_each(|file| names.path(file));
    names.found
}

/// The public names of a project file.
pub(super) fn of_project(project: &LoadedProject) -> BTreeSet<String> {
    let mut names = Names::default();
    names.path(&project.directory.to_string_lossy());
    names.found.extend(project.environment_name.clone());
    if let Some(file) = &project.project {
        names.found.extend(file.name.clone());
        names.found.extend(file.environments.keys().cloned());
        names.found.extend(file.tasks.keys().cloned());
    }
    names.found
}

fn resources(stack: &Stack) -> impl Iterator<Item = (&String, &String)> {
    let networks = stack.networks.iter().map(|(key, network)| (key, &network.name));
    let volumes = stack.volumes.iter().map(|(key, volume)| (key, &volume.name));
    let secrets = stack.secrets.iter().map(|(key, secret)| (key, &secret.name));
    let configs = stack.configs.iter().map(|(key, config)| (key, &config.name));
    networks.chain(volumes).chain(secrets).chain(configs)
}

#[derive(Default)]
struct Names {
    found: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, name: &str) {
        if !name.is_empty() {
            self.found.insert(name.to_owned());
        }
    }

    /// A path and each of its parts.
    fn path(&mut self, path: &str) {
        self.add(path);
        path.split('/').filter(|part| !matches!(*part, "." | "..")).for_each(|part| self.add(part));
    }

    /// A reference, its repository, their parts and its tag.
    fn image(&mut self, reference: &str) {
        self.add(reference);
        let repository = reference.split('@').next().unwrap_or_default();
        let (path, last) = repository.rsplit_once('/').map_or(("", repository), |(path, last)| (path, last));
        let (name, tag) = last.split_once(':').unwrap_or((last, ""));
        self.path(path);
        self.add(name);
        self.add(tag);
        self.add(repository.strip_suffix(&format!(":{tag}")).unwrap_or(repository));
    }

    fn service(&mut self, project: &str, name: &str, service: &Service) {
        self.add(name);
        self.image(&service.image_or_default(project, name));
        service.all_images(project, name).iter().for_each(|image| self.image(image));
        self.add(&service.hostname);
        self.add(&service.domainname);
        for number in 1..=service.scale().clamp(1, 100) {
            self.add(&service.container_name(project, name, number));
            self.add(&format!("{name}-{number}"));
        }
        service.profiles.iter().for_each(|profile| self.add(profile));
        service.networks.keys().for_each(|network| self.add(network));
        service.depends_on.keys().for_each(|other| self.add(other));
        let aliases = service.networks.values().flatten().flat_map(|network| &network.aliases);
        aliases.for_each(|alias| self.add(alias));
        let links = service.links.iter().chain(&service.external_links).flat_map(|link| link.split(':'));
        links.for_each(|link| self.add(link));
        for mount in &service.volumes {
            self.path(&mount.source);
            self.path(&mount.target);
        }
        if let Some(build) = &service.build {
            [&build.context, &build.dockerfile, &build.target].into_iter().for_each(|path| self.path(path));
            build.tags.iter().for_each(|tag| self.image(tag));
        }
        for (key, value) in &service.environment {
            if names_a_person_or_database(key) && !is_secret_name(key) {
                value.iter().for_each(|value| self.add(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_is_public_and_no_secret_is() {
        let stack = Stack {
            name: "shop".to_owned(),
            working_dir: "/srv/wares".into(),
            services: [(
                "web".to_owned(),
                Service {
                    image: "reg.local:5000/team/front:v1@sha256:00".to_owned(),
                    environment: [("DB_USER", "clerk"), ("DB_PASSWORD", "s3cr3t-word")]
                        .map(|(key, value)| (key.to_owned(), Some(value.to_owned())))
                        .into_iter()
                        .collect(),
                    ..Service::default()
                },
            )]
            .into(),
            ..Stack::default()
        };
        let names = of_stack(&stack);
        for name in ["shop", "wares", "web", "web-1", "shop-web-1", "team", "front", "v1", "clerk", "reg.local:5000"] {
            assert!(names.contains(name), "{name} in {names:?}");
        }
        assert!(!names.contains("s3cr3t-word"));
    }
}
