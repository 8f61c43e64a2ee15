//! Drift: where the containers and the proxy differ from the release that was deployed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::content::ServiceContent;
use super::converge::Namespaces;
use super::{AcceptedAs, Observed, ObservedInstance, labels};
use crate::compose::hash::config_hash;
use crate::compose::model::Stack;
use crate::release::{Release, ReleasedService, Side};

/// Digits of an image id that are shown.
const SHORT: usize = 12;

/// The release that should run: its record and its stored configuration.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The record.
    pub release: &'a Release,
    /// The stack.
    pub stack: &'a Stack,
    /// The contents of the files of each service.
    pub contents: &'a BTreeMap<String, ServiceContent>,
    /// Containers that are as expected although they were made with other values.
    pub accepted: &'a AcceptedAs,
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// A container does not exist.
    Missing,
    /// A container has another image.
    Image,
    /// A container has another configuration, or another content of its files.
    Configuration,
    /// Requests go to the other side.
    Side,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Service.
    pub service: String,
    /// What differs.
    pub kind: DriftKind,
    /// The difference in words.
    pub message: String,
}

/// The differences, by service. A stopped container is none: its state says so.
pub fn drift(expected: Expected<'_>, observed: &Observed) -> Vec<Drift> {
    let mut found = Vec::new();
    for (name, released) in &expected.release.services {
        let mut push = |kind, message| found.push(Drift { service: name.clone(), kind, message });
        if let Some(message) = other_side(name, released, observed) {
            push(DriftKind::Side, message);
        }
        let containers = containers(name, released, observed);
        if let Some(message) = missing(expected, name, &containers) {
            push(DriftKind::Missing, message);
        }
        for container in containers {
            if let Some(message) = other_image(released, container) {
                push(DriftKind::Image, message);
            }
            if is_configured_otherwise(expected, name, container, observed) {
                push(DriftKind::Configuration, format!("{} has another configuration", container.name));
            }
        }
    }
    found
}

/// The containers of a service, of a blue-green one those of the side that the release serves with.
fn containers<'o>(name: &str, released: &ReleasedService, observed: &'o Observed) -> Vec<&'o ObservedInstance> {
    let of_service = observed.instances.iter().filter(|c| c.service == name && !c.one_off);
    of_service.filter(|c| released.side.is_none_or(|side| Side::of_number(c.number) == side)).collect()
}

fn other_side(name: &str, released: &ReleasedService, observed: &Observed) -> Option<String> {
    let (wanted, proxy) = (released.side?, observed.proxy.as_ref()?);
    let side = if proxy.green.contains(name) { Side::Green } else { Side::Blue };
    (side != wanted).then(|| format!("requests go to {}, not {}", side.word(), wanted.word()))
}

fn missing(expected: Expected<'_>, name: &str, found: &[&ObservedInstance]) -> Option<String> {
    let (service, released) = (expected.stack.services.get(name)?, expected.release.services.get(name)?);
    let wanted = usize::try_from(service.scale()).unwrap_or_default();
    if service.provider.is_some() || found.len() >= wanted {
        return None;
    }
    if wanted > 1 {
        return Some(format!("{} of {wanted} containers are missing", wanted - found.len()));
    }
    let number = released.side.map_or(1, Side::number);
    Some(format!("{} is missing", service.container_name(&expected.stack.name, name, number)))
}

fn other_image(released: &ReleasedService, container: &ObservedInstance) -> Option<String> {
    let wanted = released.image_id.as_deref()?;
    let found = container.docker.image_id.as_str();
    (found != wanted).then(|| format!("{} has image {}, not {}", container.name, short(found), short(wanted)))
}

fn short(id: &str) -> &str {
    let id = id.trim_start_matches("sha256:");
    id.get(..SHORT).unwrap_or(id)
}

/// The hash of a service that joins another's namespaces contains the id of that container.
fn is_configured_otherwise(
    expected: Expected<'_>,
    name: &str,
    container: &ObservedInstance,
    observed: &Observed,
) -> bool {
    let Some(service) = expected.stack.services.get(name) else { return false };
    if expected.accepted.get(name).is_some_and(|all| all.iter().any(|made| made.is(container))) {
        return false;
    }
    let container_of = |parent: &str| {
        let released = expected.release.services.get(parent)?;
        containers(parent, released, observed).first().map(|c| c.id.clone())
    };
    let resolved = Namespaces::resolve(service, container_of).apply(service);
    let same_hash = container.docker.config_hash.as_ref() == Some(&config_hash(&resolved));
    let content = expected.contents.get(name).and_then(|content| content.digest.as_ref());
    // A container made by Compose has no content label.
    let same_content = container.labels.get(labels::CONTENT).is_none_or(|found| Some(found) == content);
    !same_hash || !same_content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;
    use crate::plan::ObservedProxy;
    use crate::release::ReleaseCause;

    /// A release of a blue-green `api` on green and a `db`, and the engine as the deploy left it.
    fn deployed() -> (Release, Stack, Observed) {
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        let mut observed = Observed { proxy: Some(ObservedProxy::default()), ..Default::default() };
        let mut services = BTreeMap::new();
        for (name, side) in [("api", Some(Side::Green)), ("db", None)] {
            let service = Service { image: format!("{name}:1"), ..Default::default() };
            let image = format!("sha256:{name}0123456789abcdef");
            let number = side.map_or(1, Side::number);
            let mut container = ObservedInstance {
                id: format!("id-{name}"),
                name: format!("shop-{name}-{number}"),
                service: name.into(),
                number,
                ..Default::default()
            };
            container.docker.image_id.clone_from(&image);
            container.docker.config_hash = Some(config_hash(&service));
            observed.instances.push(container);
            services.insert(name.to_owned(), ReleasedService { image_id: Some(image), side, ..Default::default() });
            stack.services.insert(name.to_owned(), service);
        }
        observed.proxy.as_mut().unwrap().green.insert("api".into());
        let release = Release::new(ReleaseCause::Deploy, None, services);
        (release, stack, observed)
    }

    fn found(change: impl FnOnce(&mut Observed)) -> Vec<(DriftKind, String)> {
        let (release, stack, mut observed) = deployed();
        change(&mut observed);
        let contents = BTreeMap::new();
        let drift = drift(
            Expected { release: &release, stack: &stack, contents: &contents, accepted: &AcceptedAs::new() },
            &observed,
        );
        drift.into_iter().map(|drift| (drift.kind, format!("{}: {}", drift.service, drift.message))).collect()
    }

    #[test]
    fn each_kind_of_drift_is_found_and_nothing_else() {
        let one = |kind, text: &str| vec![(kind, text.to_owned())];
        assert_eq!(found(|_| {}), []);
        let removed = found(|now| now.instances.retain(|c| c.service != "api"));
        assert_eq!(removed, one(DriftKind::Missing, "api: shop-api-2 is missing"));
        // The other side is what an interrupted deploy left, not what should serve.
        let moved = found(|now| now.instances[0].number = 1);
        assert_eq!(moved, one(DriftKind::Missing, "api: shop-api-2 is missing"));
        let image = found(|now| now.instances[1].docker.image_id = "sha256:fedcba9876543210".into());
        assert_eq!(image, one(DriftKind::Image, "db: shop-db-1 has image fedcba987654, not db0123456789"));
        let configuration = found(|now| now.instances[1].docker.config_hash = Some("other".into()));
        assert_eq!(configuration, one(DriftKind::Configuration, "db: shop-db-1 has another configuration"));
        let content = found(|now| drop(now.instances[1].labels.insert(labels::CONTENT.into(), "other".into())));
        assert_eq!(content, configuration);
        let side = found(|now| now.proxy.as_mut().unwrap().green.clear());
        assert_eq!(side, one(DriftKind::Side, "api: requests go to blue, not green"));
        let unknown = found(|now| now.proxy = None);
        assert_eq!(unknown, []);
    }

    #[test]
    fn a_shared_namespace_counts_with_the_container_it_belongs_to() {
        let (mut release, mut stack, mut observed) = deployed();
        let service = Service { image: "b:1".into(), network_mode: "service:db".into(), ..Default::default() };
        let created = Service { network_mode: "container:id-db".into(), ..service.clone() };
        let mut container = ObservedInstance { id: "id-b".into(), name: "shop-b-1".into(), ..Default::default() };
        container.service = "b".into();
        container.docker.config_hash = Some(config_hash(&created));
        observed.instances.push(container);
        stack.services.insert("b".into(), service);
        release.services.insert("b".into(), ReleasedService::default());
        let contents = BTreeMap::new();
        let expected = Expected { release: &release, stack: &stack, contents: &contents, accepted: &AcceptedAs::new() };
        assert_eq!(drift(expected, &observed), []);
        observed.instances[1].id = "id-of-another".into();
        assert_eq!(drift(expected, &observed).len(), 1);
    }
}
