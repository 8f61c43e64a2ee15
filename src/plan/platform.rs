//! Whether the engine supports what services need: the architecture of their images, unless they set `platform`, and
//! newer network options.

use std::collections::BTreeSet;

use super::{EngineInfo, Observed, PlanError};
use crate::compose::model::Stack;
use crate::image::{architecture, runs};

/// Refuses an image of another architecture before a container is made from it.
pub fn check_architecture(stack: &Stack, selected: &BTreeSet<String>, observed: &Observed) -> Result<(), PlanError> {
    let engine = architecture(&observed.engine.architecture);
    let services =
        stack.services.iter().filter(|(name, service)| selected.contains(*name) && service.platform.is_empty());
    for (name, service) in services {
        let reference = service.image_or_default(&stack.name, name);
        let Some(image) = observed.images.get(&reference) else { continue };
        if !engine.is_empty() && !image.architecture.is_empty() && !runs(engine, &image.architecture) {
            return Err(PlanError::WrongArchitecture {
                service: name.clone(),
                image: reference,
                found: image.architecture.clone(),
                engine: engine.to_owned(),
            });
        }
    }
    Ok(())
}

/// Network options that an older engine ignores silently: `interface_name` is an error, as in Compose, and
/// `gw_priority` a warning, which is returned.
pub fn check_network_options(
    stack: &Stack,
    selected: &BTreeSet<String>,
    engine: &EngineInfo,
) -> Result<Vec<String>, PlanError> {
    let mut warnings = Vec::new();
    for (name, service) in stack.services.iter().filter(|(name, _)| selected.contains(*name)) {
        for (network, config) in service.networks.iter().filter_map(|(key, config)| Some((key, config.as_ref()?))) {
            let place = format!("services.{name}.networks.{network}");
            if !config.interface_name.is_empty() && !engine.api_at_least(1, 49) {
                let (feature, found) = (format!("{place}.interface_name"), engine.api_version.clone());
                return Err(PlanError::NeedsApi { feature, needed: "1.49", found });
            }
            if config.gw_priority != 0 && !engine.api_at_least(1, 48) {
                warnings.push(format!(
                    "{place}.gw_priority has no effect: it needs API 1.48, but the engine has API {}",
                    engine.api_version
                ));
            }
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;
    use crate::plan::ObservedImage;

    #[test]
    fn an_image_for_other_machines_is_named_unless_the_platform_is_asked_for() {
        let mut stack = Stack::default();
        stack.services.insert("db".into(), Service { image: "postgres:15".into(), ..Default::default() });
        let mut observed = Observed {
            engine: EngineInfo { architecture: "x86_64".into(), ..Default::default() },
            ..Default::default()
        };
        let image = ObservedImage { architecture: "arm64".into(), ..Default::default() };
        observed.images.insert("postgres:15".into(), image);
        let selected = BTreeSet::from(["db".to_owned()]);
        let error = check_architecture(&stack, &selected, &observed).unwrap_err();
        assert_eq!(error.to_string(), "image postgres:15 of service `db` is for arm64, the engine runs amd64");
        assert_eq!(check_architecture(&stack, &BTreeSet::new(), &observed), Ok(()));
        stack.services.get_mut("db").unwrap().platform = "linux/arm64".into();
        assert_eq!(check_architecture(&stack, &selected, &observed), Ok(()));
    }

    #[test]
    fn options_of_networks_that_the_engine_does_not_know_are_refused_or_told() {
        let services = "db: { image: x, networks: { a: { gw_priority: 2 }, b: { interface_name: eth7 } } }";
        let stack = Stack { services: serde_yaml_ng::from_str(services).unwrap(), ..Default::default() };
        let selected = BTreeSet::from(["db".to_owned()]);
        let of = |version: &str| EngineInfo { api_version: version.into(), ..Default::default() };
        let error = check_network_options(&stack, &selected, &of("1.48")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "services.db.networks.b.interface_name needs API 1.49, but the engine has API 1.48"
        );
        assert_eq!(check_network_options(&stack, &selected, &of("1.49")), Ok(Vec::new()));
        let mut older = stack;
        older.services.get_mut("db").unwrap().networks.remove("b");
        let told = check_network_options(&older, &selected, &of("1.41")).unwrap();
        assert!(told[0].starts_with("services.db.networks.a.gw_priority has no effect"), "{told:?}");
    }
}
