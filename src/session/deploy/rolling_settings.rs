//! Checks `deploy.update_config` and `deploy.rollback_config` of the compose files before a deploy.

use std::collections::BTreeMap;

use crate::compose::model::{Service, Stack, UpdateConfig};
use crate::error::Result;
use crate::plan::blue_green::Choice;
use crate::session::WorkflowError;

/// Refuses orders and reactions to a failure that a deploy cannot follow. Blue-green services have an order of their own.
pub(super) fn refuse_impossible(stack: &Stack, strategies: &BTreeMap<String, Choice>) -> Result<()> {
    let blue_green = |name: &String| strategies.get(name).is_some_and(Choice::is_blue_green);
    for (name, service) in stack.services.iter().filter(|(name, _)| !blue_green(name)) {
        let Some(deploy) = &service.deploy else { continue };
        for (key, config) in [("update_config", &deploy.update_config), ("rollback_config", &deploy.rollback_config)] {
            if let Some(config) = config {
                check((&format!("services.{name}.deploy.{key}"), service), config)?;
            }
        }
    }
    Ok(())
}

fn check((key, service): (&str, &Service), config: &UpdateConfig) -> Result<()> {
    let action = config.failure_action.as_str();
    if !matches!(action, "" | "rollback" | "continue") {
        return Err(WorkflowError::Unsupported {
            what: format!("{key}.failure_action: {action}"),
            hint: "set it to `rollback`, which is the default, or to `continue`".to_owned(),
        }
        .into());
    }
    match obstacle(service).filter(|_| config.order == "start-first") {
        Some(reason) => {
            let message = format!("{key}.order: start-first needs two containers at the same time, but {reason}");
            let hint = Some("set it to `stop-first`".to_owned());
            Err(WorkflowError::Configuration { message, hint }.into())
        }
        None => Ok(()),
    }
}

/// What an old and a new container cannot both have.
fn obstacle(service: &Service) -> Option<String> {
    let is_fixed = |published: &str| published.parse::<u16>().is_ok_and(|port| port != 0);
    if let Some(port) = service.ports.iter().find(|port| is_fixed(&port.published)) {
        return Some(format!("the service publishes port {}", port.published));
    }
    let joined = || service.networks.values().flatten();
    if joined().any(|joined| !joined.ipv4_address.is_empty() || !joined.ipv6_address.is_empty()) {
        return Some("the service has a fixed address".to_owned());
    }
    let is_writable = |kind: &str, read_only: bool| !read_only && matches!(kind, "volume" | "bind");
    let volume = service.volumes.iter().find(|volume| is_writable(&volume.r#type, volume.read_only));
    // Replicas write to the same volume anyway.
    volume.filter(|_| service.scale() == 1).map(|volume| format!("the service writes to {}", volume.target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{Deploy, ServicePort, ServiceVolume};

    fn refused(order: &str, action: &str, configure: impl FnOnce(&mut Service)) -> Option<String> {
        let config = UpdateConfig { order: order.into(), failure_action: action.into(), ..Default::default() };
        let deploy = Deploy { rollback_config: Some(config), ..Default::default() };
        let mut service = Service { image: "api:1".into(), deploy: Some(deploy), ..Default::default() };
        configure(&mut service);
        let mut stack = Stack::default();
        stack.services.insert("api".into(), service);
        refuse_impossible(&stack, &BTreeMap::new()).err().map(|error| error.messages().join(": "))
    }

    #[test]
    fn what_a_deploy_cannot_follow_is_refused_by_name() {
        assert_eq!(refused("start-first", "continue", |_| ()), None);
        let said = refused("", "pause", |_| ()).unwrap();
        assert!(said.contains("services.api.deploy.rollback_config.failure_action: pause"), "{said}");
        let port = |service: &mut Service| {
            service.ports.push(ServicePort { published: "80".into(), ..Default::default() });
        };
        assert_eq!(refused("stop-first", "rollback", port), None);
        let said = refused("start-first", "", port).unwrap();
        assert!(said.contains("order: start-first") && said.contains("publishes port 80"), "{said}");
        let data = |replicas: i64| {
            move |service: &mut Service| {
                let volume = ServiceVolume { r#type: "volume".into(), target: "/d".into(), ..Default::default() };
                service.volumes.push(volume);
                service.scale = Some(replicas);
            }
        };
        assert!(refused("start-first", "", data(1)).unwrap().contains("writes to /d"));
        assert_eq!(refused("start-first", "", data(2)), None);
    }
}
