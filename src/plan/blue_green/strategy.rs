//! Chooses the deploy strategy of each service, with the reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compose::model::{Service, Stack};
use crate::plan::PlanError;
use crate::plan::converge::namespace_parents;
use crate::project::Strategy;

/// A strategy and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The strategy.
    pub strategy: Strategy,
    /// Why.
    pub cause: String,
    /// Whether the project file sets it although the service cannot run twice.
    pub overrides: bool,
}

impl Choice {
    /// Whether a new container runs beside the old one.
    pub const fn is_blue_green(&self) -> bool {
        matches!(self.strategy, Strategy::BlueGreen)
    }

    /// The word for records.
    pub const fn word(&self) -> &'static str {
        match self.strategy {
            Strategy::BlueGreen => "blue-green",
            Strategy::Recreate => "recreate",
        }
    }
}

/// The strategies of all services. `routed`: the services behind the proxy, with the strategy the project file names.
pub fn strategies(
    stack: &Stack,
    routed: &BTreeMap<String, Option<Strategy>>,
) -> Result<BTreeMap<String, Choice>, PlanError> {
    let choose =
        |(name, service): (&String, &Service)| Ok((name.clone(), choose(stack, (name, service), routed.get(name))?));
    stack.services.iter().map(choose).collect()
}

fn choose(
    stack: &Stack,
    (name, service): (&str, &Service),
    routed: Option<&Option<Strategy>>,
) -> Result<Choice, PlanError> {
    let recreate = |cause: String| Choice { strategy: Strategy::Recreate, cause, overrides: false };
    let Some(named) = routed else { return Ok(recreate("no route leads to it".to_owned())) };
    if *named == Some(Strategy::Recreate) {
        return Ok(recreate("the project file says so".to_owned()));
    }
    if let Some(reason) = impossible(stack, name, service) {
        return match named {
            Some(_) => Err(PlanError::Strategy { service: name.to_owned(), reason }),
            None => Ok(recreate(reason)),
        };
    }
    match (unwise(service), named) {
        (Some(reason), None) => Ok(recreate(reason)),
        (Some(cause), Some(_)) => Ok(Choice { strategy: Strategy::BlueGreen, cause, overrides: true }),
        (None, _) => {
            Ok(Choice { strategy: Strategy::BlueGreen, cause: "a route leads to it".to_owned(), overrides: false })
        }
    }
}

/// Why two containers of a service cannot or should not run at the same time, its published ports aside.
pub fn obstacle(stack: &Stack, name: &str, service: &Service) -> Option<String> {
    let portless = Service { ports: Vec::new(), ..service.clone() };
    impossible(stack, name, &portless).or_else(|| unwise(service))
}

/// What only one container can have.
fn impossible(stack: &Stack, name: &str, service: &Service) -> Option<String> {
    if !service.container_name.is_empty() {
        return Some("it has a container_name".to_owned());
    }
    if !service.ports.is_empty() {
        return Some("it publishes ports".to_owned());
    }
    if !service.network_mode.is_empty() || !namespace_parents(service).is_empty() {
        return Some("it does not join networks of its own".to_owned());
    }
    let fixed = service.networks.values().flatten().any(|n| !n.ipv4_address.is_empty() || !n.ipv6_address.is_empty());
    if fixed {
        return Some("it has a fixed address".to_owned());
    }
    let sharer = stack.services.iter().find(|(_, other)| {
        namespace_parents(other).contains(&name)
            || other.volumes_from.iter().any(|from| from.split(':').next() == Some(name))
    });
    sharer.map(|(other, _)| format!("{other} shares its namespaces or volumes"))
}

/// What two containers should not share.
fn unwise(service: &Service) -> Option<String> {
    let writable = service.volumes.iter().find(|v| !v.read_only && matches!(v.r#type.as_str(), "volume" | "bind"));
    if let Some(volume) = writable {
        return Some(format!("it has a writable volume at {}", volume.target));
    }
    (!service.volumes_from.is_empty()).then(|| "it uses the volumes of another service".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{ServicePort, ServiceVolume};

    fn chosen(
        configure: impl FnOnce(&mut Service),
        named: Option<Option<Strategy>>,
    ) -> Result<(Strategy, String), String> {
        let mut service = Service { image: "api:1".into(), ..Default::default() };
        configure(&mut service);
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        stack.services.insert("api".into(), service);
        let routed = named.into_iter().map(|named| ("api".to_owned(), named)).collect();
        let found = strategies(&stack, &routed).map_err(|error| error.to_string())?;
        Ok((found["api"].strategy, found["api"].cause.clone()))
    }

    #[test]
    fn routed_services_without_state_are_blue_green_and_all_others_say_why_not() {
        let data = |s: &mut Service| {
            s.volumes.push(ServiceVolume {
                r#type: "volume".into(),
                source: "d".into(),
                target: "/d".into(),
                ..Default::default()
            });
        };
        let port = |s: &mut Service| s.ports.push(ServicePort::default());
        let name = |s: &mut Service| s.container_name = "api".into();
        let recreate = |cause: &str| Ok((Strategy::Recreate, cause.to_owned()));
        assert_eq!(chosen(|_| {}, Some(None)), Ok((Strategy::BlueGreen, "a route leads to it".to_owned())));
        assert_eq!(chosen(|_| {}, None), recreate("no route leads to it"));
        assert_eq!(chosen(|_| {}, Some(Some(Strategy::Recreate))), recreate("the project file says so"));
        assert_eq!(chosen(data, Some(None)), recreate("it has a writable volume at /d"));
        assert_eq!(chosen(port, Some(None)), recreate("it publishes ports"));
        assert_eq!(chosen(name, Some(None)), recreate("it has a container_name"));
        let wanted = Some(Some(Strategy::BlueGreen));
        assert_eq!(chosen(data, wanted).map(|found| found.0), Ok(Strategy::BlueGreen));
        assert!(chosen(port, wanted).unwrap_err().contains("publishes ports"));
    }
}
