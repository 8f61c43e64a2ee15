//! The stack that a set is restored into, and the one change that takes the safety set and restores.

use std::sync::Arc;

use super::file_to_restore::FileToRestore;
use super::point_in_time::Recoveries;
use super::safety::{RESTORE, has_declared_checks, run_declared_checks};
use super::sets::OpenSets;
use crate::backup::{LoadedSet, Part, PartKind, SetId};
use crate::error::{ErrorKind, Result};
use crate::plan::{DataOperation, Observed, ObservedInstance, Phase, Plan};
use crate::session::backup::{
    DataSteps, DumpSource, DumpSteps, PointInTimeRunner, RestoreRunner, ServicePart, service_parts, what,
};
use crate::session::load::{LoadedStack, load_stack};
use crate::session::start_stack::{StartRequest, start_stack};
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The stack that a set is restored into.
pub(super) struct RestoreTarget {
    pub(super) loaded: LoadedStack,
    pub(super) target: Arc<dyn Target>,
    pub(super) observed: Observed,
    pub(super) services: Vec<ServicePart>,
}

impl RestoreTarget {
    pub(super) async fn observe(context: &Context, open: &OpenSets, parts: &[Part]) -> Result<Self> {
        let loaded = load_stack(context)?;
        open.settings.check_place(context, &loaded.project)?;
        let target = loaded.connect(context).await?;
        let observed = target.observe(&loaded.scope(None)).await?;
        let Some(stack) = &loaded.stack else {
            return Err(WorkflowError::usage("the project has no compose files").into());
        };
        let services = service_parts(stack, &observed, &open.settings.policy)?;
        let missing = parts.iter().find(|part| !services.iter().any(|service| service.service == part.name));
        if let Some(part) = missing {
            let message = format!("the set has data of `{}`, which the project does not back up", part.name);
            let hint =
                Some(format!("restore the others with `--only NAME`, or add `{}` to `backup.include`", part.name));
            return Err(WorkflowError::Configuration { message, hint }.into());
        }
        Ok(Self { loaded, target, observed, services })
    }

    /// Whether there is data of these parts that would be replaced: in a container or in a volume it left.
    pub(super) fn has_data(&self, parts: &[Part]) -> bool {
        let has = |part: &Part| {
            let container = self.services.iter().any(|s| s.service == part.name && s.container.is_some());
            container
                || self.declared_volumes(&part.name).any(|name| self.observed.volumes.iter().any(|v| v.name == name))
        };
        parts.iter().any(has)
    }

    fn declared_volumes(&self, service: &str) -> impl Iterator<Item = &str> {
        let stack = self.loaded.stack.as_ref();
        let mounts = stack.and_then(|stack| stack.services.get(service)).into_iter().flat_map(|found| &found.volumes);
        let named = mounts.filter_map(move |mount| stack?.volumes.get(&mount.source));
        named.map(|volume| volume.name.as_str())
    }

    fn safety_parts(&self, parts: &[Part]) -> Vec<ServicePart> {
        let is_replaced = |service: &&ServicePart| parts.iter().any(|part| part.name == service.service);
        self.services.iter().filter(is_replaced).cloned().collect()
    }

    /// The safety set first, then one restore after the other; one that fails leaves the others.
    pub(super) fn plan(&self, (set, parts): (&str, &[Part]), safety: Option<&SetId>) -> Plan {
        self.plan_of(parts, safety, restore_steps(set, parts))
    }

    /// The same with steps that restore something else.
    pub(super) fn plan_of(&self, parts: &[Part], safety: Option<&SetId>, restores: Plan) -> Plan {
        let mut plan = Plan { project: self.loaded.name.clone(), ..Plan::default() };
        if let Some(safety) = safety {
            let services = self.safety_parts(parts);
            let steps = DumpSteps {
                set: Some(&safety.set),
                parts: &services,
                phase: Phase::Prepare,
                cause: "safety set before the restore",
                hold: None,
            };
            plan = steps.plan(&self.loaded.name, &self.observed);
        }
        plan.then(restores);
        plan
    }

    /// Services that do not run are started first: their data is restored by the services themselves. After a restore
    /// that was killed, so are those that it had stopped.
    pub(super) async fn with_services(
        self,
        context: &Context,
        open: &OpenSets,
        (parts, interrupted): (&[Part], bool),
    ) -> Result<Self> {
        let is_up = |part: &&Part| {
            let service = self.services.iter().find(|service| service.service == part.name);
            let container = service.and_then(|service| service.container.as_ref());
            // A volume can be restored into a container that does not run.
            container.is_some_and(|c| c.state.is_up() || part.kind == PartKind::Volume && !interrupted)
        };
        let mut down: Vec<String> = parts.iter().filter(|part| !is_up(part)).map(|part| part.name.clone()).collect();
        if interrupted {
            let volumes: Vec<String> =
                self.safety_parts(parts).iter().flat_map(|part| part.volumes(&[])).map(|(volume, _)| volume).collect();
            let uses = |c: &&ObservedInstance| c.docker.mounts.iter().any(|mount| volumes.contains(&mount.source));
            let stopped = self.observed.instances.iter().filter(|c| !c.one_off && !c.state.is_up()).filter(uses);
            down.extend(stopped.map(|c| c.service.clone()));
            down.sort();
            down.dedup();
        }
        if down.is_empty() {
            return Ok(self);
        }
        let request = StartRequest { for_restore: true, ..StartRequest::of(context, down) };
        start_stack(context, load_stack(context)?, request).await?;
        Self::observe(context, open, parts).await
    }
}

/// One restore after the other.
pub(super) fn restore_steps(set: &str, parts: &[Part]) -> Plan {
    let mut restores = Plan::default();
    let mut before = None;
    for part in parts {
        let (part, what) = (part.name.clone(), what(part.kind).to_owned());
        let restore = DataOperation::Restore { part, what, set: set.to_owned() };
        let after: Vec<_> = before.into_iter().collect();
        before = Some(restores.push(Phase::Retire, restore, "requested", &after));
    }
    restores
}

/// A restore about to happen.
#[derive(Clone, Copy)]
pub(super) struct Restoring<'a> {
    pub(super) context: &'a Context,
    pub(super) open: &'a OpenSets,
    pub(super) found: &'a RestoreTarget,
    pub(super) parts: &'a [Part],
    pub(super) set: &'a LoadedSet,
    /// What is recovered to a point in time, in place of the set as it is.
    pub(super) recoveries: Option<&'a Recoveries>,
    /// Whether the services without data are started, too.
    pub(super) whole: bool,
    /// The file that is restored instead of the set.
    pub(super) file: Option<FileToRestore<'a>>,
}

impl Restoring<'_> {
    /// Restores, and goes back to the safety set where the checks of the project fail then. Returns what failed.
    pub(super) async fn run(self, safety: Option<SetId>, kept: Option<&str>) -> Result<Vec<String>> {
        let failed = self.restore(safety, kept).await?;
        if self.whole && failed.is_empty() {
            let request = StartRequest::of(self.context, Vec::new());
            let started = start_stack(self.context, load_stack(self.context)?, request).await;
            let ready = started.and_then(|started| match started.not_ready.is_empty() {
                true => Ok(()),
                false => Err(WorkflowError::NotReady { faults: started.not_ready }.into()),
            });
            ready.map_err(|error| error.with_hint("the data is restored; start the services with `aictl start`"))?;
        }
        if !failed.is_empty() || !has_declared_checks(&self.found.loaded) {
            return Ok(failed);
        }
        let Err(error) = run_declared_checks(self.context).await else { return Ok(failed) };
        let Some(kept) = kept else {
            let hint = "the restored data was kept: no safety set was taken before the restore";
            return Err(error.with_kind(ErrorKind::Failed).with_hint(hint));
        };
        let way = format!("go back to the state before with `aictl backup restore {kept}`");
        if error.kind() == ErrorKind::Interrupted {
            return Err(error.with_hint(way));
        }
        let error = error.with_kind(ErrorKind::Failed);
        self.context.reporter.warn(format!("checks failed after the restore; going back to safety set {kept}"));
        let sets = self.open.all().await?.sets;
        let set = self.open.choose(sets, Some(kept))?;
        let Self { context, open, found, parts, .. } = self;
        let back = Restoring { context, open, found, parts, set: &set, recoveries: None, whole: false, file: None };
        match back.restore(None, None).await {
            Ok(failed) if failed.is_empty() => Err(error.with_hint("the state before the restore is back")),
            Ok(_) | Err(_) => Err(error.with_hint(way)),
        }
    }

    /// One change under one lease. Returns the steps that failed.
    async fn restore(self, safety: Option<SetId>, kept: Option<&str>) -> Result<Vec<String>> {
        let Self { context, found, parts, set, .. } = self;
        let id = set.found.id.set.as_str();
        let plan = match self.file {
            Some(file) => found.plan_of(parts, safety.as_ref(), file.steps(parts)),
            None => found.plan((id, parts), safety.as_ref()),
        };
        let id = self.file.map_or(id, |file| file.name);
        let takes = safety.is_some();
        let data = self.runners(safety).await?;
        let mut transaction = Transaction::new(context, found.target.clone(), found.loaded.narrow_scope(), RESTORE);
        transaction.data = Some(&data);
        transaction.beside_unfinished_restore = true;
        let ran = transaction.run(&|_: &Observed| Ok(plan.clone())).await;
        let way = kept.filter(|_| !takes || data.has_set());
        let again = self.recoveries.map_or_else(|| id.to_owned(), |found| format!("--at {}", found.at.text()));
        let way = way.map(|kept| format!("finish with `aictl backup restore {again}`, or go back to the state before with `aictl backup restore {kept}`"));
        let failed = match ran {
            Ok(outcome) => outcome.incomplete,
            Err(error) if takes && !data.has_set() && error.kind() != ErrorKind::Interrupted => {
                let hint = "nothing was restored: the safety set failed; to restore without one, add `--no-safety-set`";
                return Err(error.with_hint(hint));
            }
            Err(error) => return Err(way.into_iter().fold(error, |error, way| error.with_hint(way))),
        };
        if failed.len() == parts.len() && !parts.is_empty() {
            let message = format!("nothing was restored: {}", failed.join(", "));
            return Err(WorkflowError::Refused { message, hint: None }.into());
        }
        Ok(failed)
    }

    async fn runners(&self, safety: Option<SetId>) -> Result<DataSteps<'_>> {
        let Self { context, open, found, parts, set, .. } = *self;
        let restores = RestoreRunner {
            target: &*found.target,
            repository: open.repository.clone(),
            set: set.clone(),
            file: self.file.map(|file| file.file.clone()),
            project: found.loaded.name.clone(),
            parts: found.services.clone(),
            observed: found.observed.clone(),
        };
        let point_in_time = self.recoveries.map(|recoveries| PointInTimeRunner {
            target: &*found.target,
            repository: open.repository.clone(),
            project: found.loaded.name.clone(),
            services: found.services.clone(),
            recoveries: recoveries.services.clone(),
            time: recoveries.at.numeric(),
        });
        let mut data = DataSteps { restores: Some(restores), point_in_time, ..DataSteps::default() };
        if let (Some(safety), Some(stack)) = (safety, &found.loaded.stack) {
            let source = DumpSource { loaded: &found.loaded, stack, target: &*found.target, settings: &open.settings };
            let replaced = found.safety_parts(parts);
            let mut dumps = source.runner(context, (open.repository.clone(), safety), replaced).await?;
            dumps.partial = dumps.parts.len() < found.services.len();
            data.dumps = Some(dumps);
        }
        Ok(data)
    }
}
