//! Makes the plan of a deploy or rollback from the observed state, and the record of its release.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::shipment::Shipment;
use crate::error::Result;
use crate::plan::blue_green::{Deploy, DeployCheck, plan_deploy};
use crate::plan::converge::{ConvergeOptions, Rolling, Wanted};
use crate::plan::platform::{check_architecture, check_network_options};
use crate::plan::{Observed, Plan, Scope, labels};
use crate::project::BackupPolicy;
use crate::release::{Migration, PastRelease, Release, ReleaseCause, ReleasedService, Side, dropped, gone};
use crate::session::deploy::backup::with_backup;
use crate::session::deploy::maintenance::behind_page;
use crate::session::deploy::migrations::Migrations;
use crate::session::deploy::password_steps::with_passwords;
use crate::session::deploy::proxy_config::{ProxySource, new_secret, wanted_proxy};
use crate::session::deploy::releases::Releases;
use crate::session::deploy::rollback_data::RollbackData;
use crate::session::image_catalog::Supplies;
use crate::session::plan_images::{ImageOptions, plan_images};
use crate::session::transfer::Offers;
use crate::session::{Context, WorkflowError};

/// Everything the plan of a shipment is made from.
pub(in crate::session::deploy) struct ShipPlanning<'a> {
    context: &'a Context,
    shipment: &'a Shipment,
    supplies: &'a Supplies,
    selected: BTreeSet<String>,
    options: ConvergeOptions,
    /// Images that this machine's engine has and the target lacks.
    pub(in crate::session::deploy) offers: Option<Offers>,
    secret: String,
    first: bool,
    /// The revision that serves.
    present: Option<u32>,
    forget: BTreeSet<String>,
    /// The policy of the backups, where one is taken first.
    pub(in crate::session::deploy) backup: Option<BackupPolicy>,
    /// The data that is restored first.
    pub(in crate::session::deploy) data: Option<&'a RollbackData>,
    /// Checks that new containers must pass.
    pub(in crate::session::deploy) checks: Vec<DeployCheck>,
    /// What is known of its migrations.
    pub(in crate::session::deploy) migrations: Migrations,
    /// Revisions that are no longer kept afterwards.
    pub(in crate::session::deploy) dropped: Vec<u32>,
    /// The release before it was carried out.
    pub(in crate::session::deploy) draft: Release,
}

impl<'a> ShipPlanning<'a> {
    pub(in crate::session::deploy) fn new(
        context: &'a Context,
        shipment: &'a Shipment,
        releases: &'a Releases,
        supplies: &'a Supplies,
    ) -> Result<Self> {
        let settings = &shipment.configuration.settings;
        let draft = draft((context, releases), shipment);
        let dropped = dropped(&releases.list, settings.keep, &draft);
        let options = ConvergeOptions {
            wait: true,
            ready_timeout: context.options.timeout.or(settings.timeout),
            remove_orphans: shipment.remove_orphans,
            dropped_services: shipment.dropped_services.clone(),
            all_resources: context.options.all_resources,
            release: true,
            accepted: shipment.configuration.accepted(),
            rolling: rolling(shipment.cause),
            ..Default::default()
        };
        Ok(Self {
            context,
            shipment,
            supplies,
            selected: shipment.configuration.stack.services.keys().cloned().collect(),
            options,
            offers: None,
            secret: new_secret(context)?,
            first: releases.current().is_none(),
            present: releases.current().map(|current| current.revision),
            forget: forgotten(releases, &dropped),
            backup: None,
            data: None,
            checks: Vec::new(),
            migrations: Migrations::default(),
            dropped,
            draft,
        })
    }

    /// Only these services; the others stay as they are.
    pub(in crate::session::deploy) fn selecting(self, selected: BTreeSet<String>, options: ConvergeOptions) -> Self {
        Self {
            selected,
            options: ConvergeOptions { release: true, accepted: self.options.accepted.clone(), ..options },
            first: false,
            forget: BTreeSet::new(),
            ..self
        }
    }

    /// What a look at the engine must include.
    pub(in crate::session::deploy) fn look_for(&self, scope: &mut Scope) {
        let configuration = &self.shipment.configuration;
        scope.proxy = configuration.settings.proxy.as_ref().map(|proxy| proxy.service.clone());
        scope.images.extend(configuration.images.values().cloned());
        scope.images.extend(self.forget.iter().cloned());
    }

    fn wanted(&self) -> Wanted<'_> {
        let configuration = &self.shipment.configuration;
        Wanted {
            stack: &configuration.stack,
            selected: &self.selected,
            contents: &configuration.contents,
            env_files: &configuration.env_files,
            version: labels::COMPATIBLE_WITH,
            options: &self.options,
        }
    }

    /// The plan.
    pub(in crate::session::deploy) fn plan(&self, observed: &Observed) -> Result<Plan> {
        let configuration = &self.shipment.configuration;
        let settings = &configuration.settings;
        let wanted = self.wanted();
        check_architecture(&configuration.stack, &self.selected, observed)?;
        let warnings = check_network_options(&configuration.stack, &self.selected, &observed.engine)?;
        let images = self.images(observed)?;
        let stack = &configuration.stack;
        let source = settings.proxy.as_ref().map(|proxy| ProxySource { settings, proxy, stack });
        let proxy = source.map(|source| wanted_proxy(&source, observed, &self.secret)).transpose()?;
        let steps = self.shipment.tasks.iter().map(|task| task.step(self.context, &wanted, observed));
        let tasks = steps.collect::<Result<Vec<_>>>()?;
        let deploy = Deploy {
            wanted: &wanted,
            strategies: &settings.strategies,
            proxy: proxy.as_ref(),
            tasks: &tasks,
            checks: &self.checks,
            pins: &self.pins(),
            drain: settings.drain,
            bake: self.bake(),
            other_side: &self.shipment.other_side,
            keep_all: self.first,
            forget: &self.forget,
        };
        let mut plan = plan_deploy(&deploy, images, observed)?;
        plan.warnings.extend(warnings);
        plan = with_passwords(&self.shipment.passwords, observed, plan);
        if !plan.only_waits() {
            plan.warnings.extend(self.shipment.limits.iter().cloned());
        }
        let plan = self.migrations.describe(plan);
        let plan = match self.data {
            Some(data) => data.before((stack, observed), plan)?,
            None => with_backup(self.backup.as_ref(), (stack, observed), plan)?,
        };
        let is_behind_page = self.migrations.has_no_way_back() && !plan.only_waits();
        let service = settings.proxy.as_ref().map(|proxy| proxy.service.as_str()).unwrap_or_default();
        Ok(if is_behind_page { behind_page(plan, (service, observed)) } else { plan })
    }

    /// Refuses a plan that must be rehearsed and was not.
    pub(in crate::session::deploy) fn check_rehearsed(&self, plan: &Plan, observed: &Observed) -> Result<()> {
        let stack = &self.shipment.configuration.stack;
        self.shipment.rehearsed.as_ref().map_or(Ok(()), |rehearsed| rehearsed.check(plan, (stack, observed)))
    }

    /// An earlier release has served before, and a rollback must be quick.
    fn bake(&self) -> Duration {
        match self.shipment.cause {
            // There is nothing to switch back to.
            ReleaseCause::Deploy if self.migrations.has_no_way_back() => Duration::ZERO,
            ReleaseCause::Deploy => self.shipment.configuration.settings.bake,
            ReleaseCause::Rollback { .. } | ReleaseCause::Rotate => Duration::ZERO,
        }
    }

    /// Images come from their sources for a deploy; those of an earlier release must be there.
    fn images(&self, observed: &Observed) -> Result<Plan> {
        let configuration = &self.shipment.configuration;
        let stored = match (self.shipment.cause, &self.shipment.resumes) {
            (ReleaseCause::Rollback { to }, _) => Some(to),
            (ReleaseCause::Rotate, _) => self.present,
            (ReleaseCause::Deploy, Some(baking)) => Some(baking.sequence),
            (ReleaseCause::Deploy, None) => None,
        };
        let Some(revision) = stored else {
            let promoted =
                self.shipment.promotion.as_ref().map(|from| (&from.name, from.services(&configuration.stack)));
            let options = ImageOptions {
                promoted: promoted.as_ref().map(|(name, services)| (*name, services)),
                build: self.shipment.build,
                pull: self.shipment.pull,
                supplies: Some(self.supplies),
                offers: self.offers.as_ref(),
                ..Default::default()
            };
            return plan_images(&configuration.stack, &self.selected, observed, &options);
        };
        let missing = self.pins().into_iter().find(|(_, id)| !observed.images.contains_key(id));
        match missing {
            Some((service, id)) => {
                let id = id.trim_start_matches("sha256:");
                let reason = format!("the image {} of `{service}` is missing", id.get(..12).unwrap_or(id));
                let project = configuration.stack.name.clone();
                Err(WorkflowError::NotRestorable { project, revision, reason }.into())
            }
            None => Ok(Plan::default()),
        }
    }

    /// Images that the target lacks.
    pub(in crate::session::deploy) fn missing(&self, observed: &Observed) -> BTreeSet<String> {
        let stack = &self.shipment.configuration.stack;
        let services = stack.services.iter().filter(|(_, service)| service.provider.is_none());
        let images = services.map(|(name, service)| service.image_or_default(&stack.name, name));
        images.filter(|image| !observed.images.contains_key(image)).collect()
    }

    /// Images of the selected services by id, of an earlier release.
    fn pins(&self) -> BTreeMap<String, String> {
        let images = self.shipment.configuration.images.iter();
        images.filter(|(name, _)| self.selected.contains(*name)).map(|(name, id)| (name.clone(), id.clone())).collect()
    }
}

/// Which settings of `deploy` in the compose files replicas are replaced by.
const fn rolling(cause: ReleaseCause) -> Rolling {
    match cause {
        ReleaseCause::Deploy | ReleaseCause::Rotate => Rolling::Update,
        ReleaseCause::Rollback { .. } => Rolling::Rollback,
    }
}

/// The schemas that the code of an earlier release was made for.
fn kept_migrations(shipment: &Shipment, releases: &Releases) -> Vec<Migration> {
    let of = |revision: u32| releases.list.iter().find(|past| past.revision == revision);
    let past = match (shipment.cause, &shipment.resumes) {
        (ReleaseCause::Deploy, None) => None,
        (ReleaseCause::Deploy, Some(baking)) => of(baking.sequence),
        (ReleaseCause::Rollback { to }, _) => of(to),
        (ReleaseCause::Rotate, _) => releases.current(),
    };
    past.map(|past| past.release.migrations.clone()).unwrap_or_default()
}

fn draft((context, releases): (&Context, &Releases), shipment: &Shipment) -> Release {
    let configuration = &shipment.configuration;
    let stack = &configuration.stack;
    let service = |(name, declared): (&String, &crate::compose::Service)| {
        let choice = configuration.settings.strategies.get(name);
        let blue_green = configuration.settings.proxy.is_some() && choice.is_some_and(|choice| choice.is_blue_green());
        let released = ReleasedService {
            image: declared.image_or_default(&stack.name, name),
            image_id: configuration.images.get(name).cloned(),
            digests: Vec::new(),
            strategy: choice.map(|choice| choice.word().to_owned()).unwrap_or_default(),
            strategy_cause: choice.map(|choice| choice.cause.clone()).unwrap_or_default(),
            side: blue_green.then_some(Side::Blue),
            fingerprint: configuration.fingerprint(name),
        };
        (name.clone(), released)
    };
    let of_ours = stack.services.iter().filter(|(_, declared)| declared.provider.is_none());
    let message = shipment.message.as_ref().map(|message| context.redactor.redact(message).into_owned());
    Release {
        secrets: configuration.secret_versions(),
        rotated: shipment.rotated.clone(),
        promoted: shipment.promotion.as_ref().map(|from| from.name.to_string()),
        migrations: kept_migrations(shipment, releases),
        ..Release::new(shipment.cause, message, of_ours.map(service).collect())
    }
}

/// Tags of older releases were removed by the releases since.
const MOST_LOOKED_AT: usize = 50;

/// Image tags that only dropped releases have, those dropped earlier included.
fn forgotten(releases: &Releases, dropped: &[u32]) -> BTreeSet<String> {
    let gone = gone(&releases.list);
    let is_dropped = |past: &&PastRelease| dropped.contains(&past.revision) || gone.contains(&past.revision);
    let tags = |past: &PastRelease| releases.tags(past);
    let kept: BTreeSet<String> = releases.list.iter().filter(|past| !is_dropped(past)).flat_map(tags).collect();
    let recently = releases.list.iter().rev().filter(is_dropped).take(MOST_LOOKED_AT);
    recently.flat_map(tags).filter(|tag| !kept.contains(tag)).collect()
}
