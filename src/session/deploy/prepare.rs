//! Prepares a deploy of what the files say, for `deploy` and `plan`: connects, and reads releases and contents.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::configuration::{Configuration, Keyed};
use super::find_secrets::find_secrets;
use super::promotion::Promotion;
use super::releases::{Current, Releases};
use super::secret_places::StackContents;
use super::settings::DeploySettings;
use super::ship::Shipment;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::{EngineInfo, PullPolicy};
use crate::release::ReleaseName;
use crate::session::convergence::load_contents;
use crate::session::load::LoadedStack;
use crate::session::one_off::NamedTask;
use crate::session::requirements::check_requirements;
use crate::session::{Context, WorkflowError, managed_proxy};
use crate::target::Target;

/// The options of a deploy.
#[derive(Debug, Clone, Default)]
pub struct DeployWishes {
    /// The operator's words.
    pub message: Option<String>,
    /// Build images first.
    pub build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// The release of another environment whose images are used.
    pub release: Option<ReleaseName>,
    /// Remove containers of services that the files do not define.
    pub remove_orphans: bool,
    /// Fail when the bake time saw nothing.
    pub strict: bool,
    /// Carry out migrations that the release before cannot survive.
    pub allow_incompatible: bool,
}

impl DeployWishes {
    fn check(&self, settings: &DeploySettings) -> Result<()> {
        if !self.strict || !settings.bake.is_zero() {
            return Ok(());
        }
        let message = "`--strict` needs a bake time".to_owned();
        let hint = Some("set `bake: 5m` below `deploy` of the environment in aictl.yaml".to_owned());
        Err(WorkflowError::Configuration { message, hint }.into())
    }

    /// The release whose images are used, and what it does not do.
    async fn promotion(&self, context: &Context, stack: &Stack) -> Result<(Option<Promotion>, Vec<String>)> {
        let Some(name) = &self.release else { return Ok((None, Vec::new())) };
        let promotion = Promotion::open(context, name.clone()).await?;
        let limits = promotion.limits(stack);
        Ok((Some(promotion), limits))
    }
}

/// A deploy about to be planned.
pub struct Prepared {
    /// The engine.
    pub target: Arc<dyn Target>,
    /// What it says of itself.
    pub engine: EngineInfo,
    /// The releases before.
    pub releases: Releases,
    /// The one that serves.
    pub current: Option<Current>,
    /// What is brought up.
    pub shipment: Shipment,
}

impl Prepared {
    /// Reads the releases again.
    pub async fn refresh(&mut self, context: &Context) -> Result<()> {
        self.releases = Releases::load(&*self.target, &self.releases.project).await?;
        self.current = self.releases.load_current(context, &*self.target).await?;
        Ok(())
    }

    /// Takes the stack of the loaded files; only reads.
    pub async fn of(context: &Context, loaded: &mut LoadedStack, wishes: DeployWishes) -> Result<Self> {
        let stack = loaded.take_stack(context)?;
        let settings = DeploySettings::of(&loaded.project, &stack)?;
        wishes.check(&settings)?;
        let target = loaded.connect(context).await?;
        let selected = stack.services.keys().cloned().collect();
        let engine = target.observe_engine().await?;
        check_requirements(&loaded.project, &engine)?;
        let contents = load_contents(&stack, &selected, engine.local)?;
        let releases = Releases::load(&*target, &loaded.name).await?;
        let current = releases.load_current(context, &*target).await?;
        let tasks = loaded.tasks();
        let migrations = settings.migrate.iter().filter_map(|name| Some((name.clone(), tasks.get(name)?.clone())));
        let tasks = NamedTask::all(context, migrations.collect(), settings.lock_timeout);
        let dropped_services = former_proxy(current.as_ref(), &stack);
        let key = current.as_ref().map(|current| Ok(current.configuration.key.clone()));
        let key = key.unwrap_or_else(|| Keyed::drawn(context))?;
        let (env_files, images) = (loaded.env_files.clone(), Default::default());
        let secrets = find_secrets(context, loaded, StackContents { stack: &stack, contents: &contents }, engine.local);
        let kept = Default::default();
        let mut configuration = Configuration { key, stack, contents, env_files, settings, images, secrets, kept };
        configuration.number_secrets(&releases.list);
        let passwords = releases.settle((context, &*target), &mut configuration).await?;
        let (promotion, limits) = wishes.promotion(context, &configuration.stack).await?;
        let shipment = Shipment {
            promotion,
            limits,
            message: wishes.message,
            tasks,
            build: wishes.build,
            pull: wishes.pull,
            remove_orphans: wishes.remove_orphans,
            dropped_services,
            strict: wishes.strict,
            allow_incompatible: wishes.allow_incompatible,
            passwords,
            ..Shipment::deploy(configuration)
        };
        Ok(Self { target, engine, releases, current, shipment })
    }
}

/// A managed proxy that the files no longer want goes without `--remove-orphans`: it is in no compose file of the project,
/// and its ports are needed.
fn former_proxy(current: Option<&Current>, stack: &Stack) -> BTreeSet<String> {
    let had = current.is_some_and(|current| {
        let proxy = current.configuration.settings.proxy.as_ref();
        proxy.is_some_and(|proxy| proxy.service == managed_proxy::SERVICE)
    });
    let goes = had && !stack.all_services().any(|(name, _)| name == managed_proxy::SERVICE);
    goes.then(|| managed_proxy::SERVICE.to_owned()).into_iter().collect()
}
