//! Whether the engine runs the images that containers are to be made from.
//! Reads the stack and what was found; returns the first service whose image is for other machines.
//! Never judges a service that names its platform: its engine may emulate it.

use std::collections::BTreeSet;

use super::{Observed, PlanError};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;
    use crate::plan::{EngineInfo, ObservedImage};

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
}
