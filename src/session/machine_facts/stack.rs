//! What a stack asks of a machine: data services with kernel settings of their own, platforms, images, ports.
//! Reads the loaded stack and what is on the engine; returns facts.
//! Never fails for a stack that cannot be read yet: doctor runs before `.env` is there.

use crate::compose::ComposeError;
use crate::compose::model::{Service, Stack};
use crate::error::{ErrorKind, Result};
use crate::host::facts::{MachineFacts, StackFacts};
use crate::host::{SystemRoot, package_host};
use crate::image::Recipes;
use crate::plan::host_requirements::UnmetRequirement;
use crate::plan::{EngineInfo, Observed};
use crate::project::{LoadedProject, Resources};
use crate::session::Context;
use crate::session::convergence::unmet;
use crate::session::load::{LoadedStack, load_stack};

/// The stack, or why it cannot be read; neither where there are no files at all.
pub(super) fn load(context: &Context) -> Result<(Option<LoadedStack>, Option<String>)> {
    match load_stack(context) {
        Ok(loaded) => Ok((Some(loaded), None)),
        Err(error) => match error.downcast_ref::<ComposeError>() {
            Some(ComposeError::NotFound { .. }) if context.options.files.is_empty() => Ok((None, None)),
            Some(_) => Ok((None, Some(one_line(&error)))),
            // A file named on the command line, a template: mistakes, not a machine's condition.
            None if error.kind() == ErrorKind::Config => Ok((None, Some(one_line(&error)))),
            None => Err(error),
        },
    }
}

fn one_line(error: &crate::error::Error) -> String {
    error.messages().join(": ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Facts about the stack.
pub(super) fn facts(
    stack: Option<&Stack>,
    unreadable: Option<String>,
    (observed, engine): (Option<&Observed>, Option<&EngineInfo>),
) -> StackFacts {
    let Some(stack) = stack else { return StackFacts { unreadable, ..StackFacts::default() } };
    let of_kind = |kinds: &[&str]| stack.services.iter().find(|(_, service)| is_of(kinds, &service.image));
    let present = |image: &String| observed.is_some_and(|observed| observed.images.contains_key(image));
    let enabled = stack.services.iter().flat_map(|(name, service)| service.all_images(&stack.name, name));
    let missing: Vec<String> = enabled.filter(|image| !present(image)).collect();
    let platform = |(name, service): (&String, &Service)| (name.clone(), service.platform.clone());
    StackFacts {
        unreadable,
        elasticsearch: of_kind(&["elasticsearch", "opensearch"]).map(|(name, s)| (name.clone(), is_single_node(s))),
        redis: of_kind(&["redis", "valkey", "keydb"]).map(|(name, _)| name.clone()),
        platforms: stack.services.iter().map(platform).filter(|(_, platform)| !platform.is_empty()).collect(),
        limited: stack.services.values().filter(|service| service.memory_limit() > 0).count(),
        built_image: built_image(&missing),
        missing_images: missing.len(),
        unmet: engine.map(|engine| unmet_by(stack, engine)).unwrap_or_default(),
        ..StackFacts::default()
    }
}

/// Requirements of services that the host does not meet.
fn unmet_by(stack: &Stack, engine: &EngineInfo) -> Vec<UnmetRequirement> {
    unmet(stack, &stack.services.keys().cloned().collect(), engine)
}

/// Whether the last part of an image's repository is one of these kinds, and no exporter of it.
fn is_of(kinds: &[&str], image: &str) -> bool {
    let repository = image.split('@').next().unwrap_or(image);
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let name = last.split(':').next().unwrap_or(last).to_ascii_lowercase();
    let words: Vec<&str> = name.split(['-', '_', '.']).collect();
    let companion = ["exporter", "backup", "operator", "commander", "insight", "sentinel", "admin", "ui", "dashboards"];
    words.iter().any(|word| kinds.contains(word)) && !words.iter().any(|word| companion.contains(word))
}

/// The first image a recipe of ours builds; recipes that cannot be read are no matter of this machine.
fn built_image(missing: &[String]) -> Option<String> {
    let recipes = Recipes::embedded().ok()?;
    missing.iter().find(|image| recipes.building(image).is_some()).cloned()
}

fn is_single_node(service: &Service) -> bool {
    let value = service.environment.get("discovery.type").and_then(Option::as_deref);
    value == Some("single-node")
}

/// An environment whose minimum this machine meets where the chosen one's is not met.
pub(super) fn lighter(project: &LoadedProject, machine: &MachineFacts) -> Option<String> {
    let cpus = machine.cpus.as_ref().ok()?.amount;
    let memory = machine.memory.as_ref().ok()?.amount as f64;
    let is_met = |asked: &Resources| {
        let enough = asked.memory.is_none_or(|size| memory >= size.0 as f64 * 0.93);
        asked.cpus.is_none_or(|wanted| cpus >= wanted) && enough
    };
    let chosen = project.environment.requirements.as_ref()?;
    if is_met(&chosen.minimum) && is_met(&chosen.recommended) {
        return None;
    }
    let others = project.project.iter().flat_map(|project| &project.environments);
    let mut met = others.filter(|(name, environment)| {
        let asked = environment.requirements.as_ref();
        Some(name.as_str()) != project.environment_name.as_deref()
            && asked.is_some_and(|asked| is_met(&asked.minimum) && is_met(&asked.recommended))
    });
    met.next().map(|(name, _)| name.clone())
}

/// The host that images, or the packages they are built from, would come from: as the project, the engine and this
/// machine's package manager are configured. None where nothing names one.
pub(super) fn source_of_images(
    stack: Option<&Stack>,
    project: &LoadedProject,
    (engine, root): (Option<&EngineInfo>, &SystemRoot),
) -> Option<String> {
    let registry = project.project.as_ref().and_then(|project| project.registry.as_ref());
    if let Some(host) = registry.and_then(|registry| host_of(&registry.url)) {
        return Some(host);
    }
    // Where a service is built, its base image is what comes from elsewhere; which, its recipe knows.
    let services = stack.iter().flat_map(|stack| stack.services.values());
    let pulled = services.filter(|service| service.build.is_none() && !service.image.is_empty());
    let images: Vec<&str> = pulled.map(|service| service.image.as_str()).collect();
    if let Some(host) = images.iter().find_map(|image| host_of(image)) {
        return Some(host);
    }
    // Images of our own recipes are built from the distribution's packages.
    let ours = |image: &&str| image.starts_with("aictl/") || image.starts_with("aictl-lab/");
    if images.iter().all(ours) {
        return package_host(root);
    }
    engine?.host.registries.iter().find_map(|url| host_of(url))
}

/// The registry's host of a URL, or of a reference when it names one: `ghcr.io/x/y`, `registry:5000/x`.
fn host_of(reference: &str) -> Option<String> {
    if let Some((_, address)) = reference.split_once("://") {
        return address.split(['/', ':']).next().filter(|host| !host.is_empty()).map(str::to_owned);
    }
    let (first, rest) = reference.split_once('/').unwrap_or((reference, ""));
    let is_host = first.contains('.') || first == "localhost" || (first.contains(':') && !rest.is_empty());
    let host = first.split(':').next().unwrap_or(first);
    (is_host && (!rest.is_empty() || !first.contains(':'))).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_services_are_known_by_their_image() {
        let elastic: &[&str] = &["elasticsearch", "opensearch"];
        assert!(is_of(elastic, "docker.elastic.co/elasticsearch/elasticsearch:8.11.0"));
        assert!(is_of(elastic, "aictl/elasticsearch:7.10.2"));
        assert!(!is_of(elastic, "quay.io/prometheuscommunity/elasticsearch-exporter:v1"));
        assert!(!is_of(elastic, "opensearchproject/opensearch-dashboards:2"));
        assert!(is_of(&["redis"], "redis:7-alpine") && !is_of(&["redis"], "oliver006/redis_exporter"));
    }

    #[test]
    fn hosts_of_references_are_told_from_folders() {
        assert_eq!(host_of("ghcr.io/team/api:1").as_deref(), Some("ghcr.io"));
        assert_eq!(host_of("registry:5000/api").as_deref(), Some("registry"));
        assert_eq!(host_of("https://registry.example.com").as_deref(), Some("registry.example.com"));
        assert_eq!(host_of("http://mirror:5000/hub").as_deref(), Some("mirror"));
        for plain in ["postgres:15", "library/postgres", "aictl/redis:7"] {
            assert_eq!(host_of(plain), None, "{plain}");
        }
    }
}
