//! Holding the writing requests to a stack while a backup begins.

use std::time::Duration;

use super::proxy_config::{ProxySource, new_secret, wanted_proxy};
use super::settings::DeploySettings;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::blue_green::holding_proxy;
use crate::plan::{HoldScope, Observed, ProxyOperation};
use crate::project::LoadedProject;
use crate::session::Context;

/// The most that writing requests wait.
const HOLD: Duration = Duration::from_secs(10);

/// The proxy that can hold them.
pub struct WritesHold {
    project: String,
    proxy: String,
    services: Vec<String>,
}

impl WritesHold {
    /// The proxy of a stack that was observed with it; why requests cannot be held otherwise. Nothing where there is no proxy.
    pub fn of(
        context: &Context,
        (project, stack): (&LoadedProject, &Stack),
        observed: &Observed,
    ) -> Result<Option<std::result::Result<Self, String>>> {
        let settings = DeploySettings::of_any(project, stack)?;
        let Some(proxy) = &settings.proxy else { return Ok(None) };
        let source = ProxySource { settings: &settings, proxy, stack };
        let wanted = wanted_proxy(&source, observed, &new_secret(context)?)?;
        let found = holding_proxy(observed, &wanted).map(|container| Self {
            project: stack.name.clone(),
            proxy: container.id.clone(),
            services: wanted.paths.keys().cloned().collect(),
        });
        Ok(Some(found))
    }

    /// Holds the requests.
    pub fn hold(&self) -> ProxyOperation {
        ProxyOperation::Hold {
            project: self.project.clone(),
            proxy: self.proxy.clone(),
            services: self.services.clone(),
            scope: HoldScope::Writes,
            deadline: HOLD,
        }
    }

    /// Lets them go on.
    pub fn release(&self) -> ProxyOperation {
        let Self { project, proxy, services } = self;
        ProxyOperation::Release { project: project.clone(), proxy: proxy.clone(), services: services.clone() }
    }

    /// How long dumps may take to begin, so that requests go on in time.
    pub const fn time(&self) -> Duration {
        HOLD
    }
}
