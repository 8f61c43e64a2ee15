//! Containers of data services that a rotation leaves as they are: their images read the password when the data is created.
//! What they were made as is stored with the configuration.

use super::configuration::Configuration;
use super::kept_container::KeptContainer;
use crate::compose::hash::config_hash;
use crate::plan::{AcceptedAs, MadeAs, ObservedInstance};

impl Configuration {
    /// Lets the container of a service stay which a configuration before wanted.
    pub(super) fn keep_container(&mut self, name: &str, before: &Self) {
        let Some((wanted, earlier)) = self.wanted_as(name).zip(before.wanted_as(name)) else { return };
        let mut accepted = before.kept.get(name).map(|kept| kept.accepted.clone()).unwrap_or_default();
        accepted.push(earlier);
        accepted.retain(|made| *made != wanted);
        self.kept.insert(name.to_owned(), KeptContainer { wanted, accepted });
    }

    /// Takes over what an earlier configuration accepts of services that are wanted the same.
    pub(super) fn keep_made_as(&mut self, earlier: &Self) {
        for (name, kept) in &earlier.kept {
            let is_same = self.wanted_as(name).is_some_and(|wanted| wanted == kept.wanted);
            if !is_same {
                continue;
            }
            let entry = self.kept.entry(name.clone()).or_insert_with(|| kept.clone());
            if entry.wanted != kept.wanted {
                *entry = kept.clone();
            }
            let missing: Vec<MadeAs> =
                kept.accepted.iter().filter(|made| !entry.accepted.contains(made)).cloned().collect();
            entry.accepted.extend(missing);
        }
    }

    /// What containers may have been made as, by service.
    pub fn accepted(&self) -> AcceptedAs {
        let still = self.kept.iter().filter(|(name, kept)| self.wanted_as(name).as_ref() == Some(&kept.wanted));
        still.map(|(name, kept)| (name.clone(), kept.accepted.clone())).collect()
    }

    /// Whether a container is as wanted, as far as its configuration goes.
    pub(super) fn is_wanted(&self, container: &ObservedInstance) -> bool {
        let wanted = self.wanted_as(&container.service);
        let is_wanted = wanted.is_some_and(|wanted| Some(wanted.hash) == container.docker.config_hash);
        let accepted = self.accepted();
        is_wanted || accepted.get(&container.service).is_some_and(|all| all.iter().any(|made| made.is(container)))
    }

    fn wanted_as(&self, name: &str) -> Option<MadeAs> {
        let hash = config_hash(self.stack.services.get(name)?);
        Some(MadeAs { hash, content: self.contents.get(name).and_then(|content| content.digest.clone()) })
    }
}
