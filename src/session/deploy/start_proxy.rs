//! The managed proxy of a start in an environment that has no release yet.

use super::proxy_config::{ProxySource, new_secret, wanted_proxy};
use super::settings::{DeploySettings, ProxySettings};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::blue_green::WantedProxy;
use crate::plan::{Observed, Scope};
use crate::project::LoadedProject;
use crate::session::{Context, managed_proxy};

/// The managed proxy of a start.
pub struct StartProxy {
    settings: DeploySettings,
    proxy: ProxySettings,
    secret: String,
}

impl StartProxy {
    /// Reads it for a stack; none where the proxy is not managed. A proxy of the project gets its routes with the first
    /// deploy.
    pub fn of(context: &Context, project: &LoadedProject, stack: &Stack) -> Result<Option<Self>> {
        if !managed_proxy::is_wanted(project) {
            return Ok(None);
        }
        let settings = DeploySettings::of_any(project, stack)?;
        let Some(proxy) = settings.proxy.clone() else { return Ok(None) };
        Ok(Some(Self { settings, proxy, secret: new_secret(context)? }))
    }

    /// What a look at the engine must include.
    pub fn look_for(&self, scope: &mut Scope) {
        scope.proxy = Some(self.proxy.service.clone());
    }

    /// The proxy as it is wanted.
    pub fn wanted(&self, stack: &Stack, observed: &Observed) -> Result<WantedProxy> {
        let source = ProxySource { settings: &self.settings, proxy: &self.proxy, stack };
        wanted_proxy(&source, observed, &self.secret)
    }
}
