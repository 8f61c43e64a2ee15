//! Carries out a rehearsal, and stores its verdict.

use std::collections::BTreeSet;

use super::code::{CodeChecks, CodeSide, replaced};
use super::measure::{Migration, run_migration};
use super::report::{Code, RehearsalReport};
use super::scratch_stack::{ProvenSet, RestoredFrom, ScratchStack, Stores};
use crate::error::Result;
use crate::event::human;
use crate::plan::{ContainerSpec, Observed, Operation, Plan, TaskOperation};
use crate::session::backup::{Sandbox, check_room, lock_owner, stores};
use crate::session::deploy::migrations::TaskDatabase;
use crate::session::deploy::prepare::Prepared;
use crate::session::deploy::rehearsed_plan::{RehearsedPlan, StoredVerdict, made_image, store_verdict};
use crate::session::deploy::ship::Shipping;
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};

/// A rehearsal of a deploy.
pub struct Rehearsing<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// The project.
    pub loaded: &'a LoadedStack,
    /// The deploy.
    pub prepared: &'a Prepared,
    /// What the verdict is valid for.
    pub valid_for: &'a RehearsedPlan,
    /// Whether a deploy goes on where no backup set is proven.
    pub optional: bool,
}

/// What is rehearsed, on what.
struct RehearsalInput<'s> {
    plan: &'s Plan,
    observed: &'s Observed,
    proven: &'s ProvenSet,
    stores: &'s Stores,
}

impl Rehearsing<'_> {
    /// Rehearses, and stores the verdict. None where the deploy changes nothing, for a dry run, and where no set is proven
    /// and none is needed.
    pub async fn run(&self, shipping: &Shipping<'_>) -> Result<Option<RehearsalReport>> {
        let Self { context, prepared, .. } = *self;
        let (plan, observed) = shipping.unjudged_plan(&prepared.shipment).await?;
        if plan.only_waits() {
            context.reporter.note("nothing to rehearse: the deploy changes nothing".to_owned());
            return Ok(None);
        }
        let stack = &prepared.shipment.configuration.stack;
        let Some(proven) = self.proven().await? else { return Ok(None) };
        if let Some(image) = made_image(&plan, stack) {
            if self.optional {
                context.reporter.warn(format!("image {image} is not on the engine yet; the deploy is not rehearsed"));
                return Ok(None);
            }
            let what = format!("rehearsals of a deploy that builds, pulls or sends images ({image})");
            let hint = "get the images first with `aictl build`, `aictl pull` or `aictl push --to ENV`".to_owned();
            return Err(WorkflowError::Unsupported { what, hint }.into());
        }
        let stores = stores((stack, &observed), &proven.settings.policy, &proven.manifest)?;
        let servers = stores.len() + replaced(&plan).len();
        check_room(&prepared.engine, (&proven.manifest, servers), "rehearsal")?;
        proven.check().await?;
        if context.options.dry_run {
            context.reporter.note(format!("would be rehearsed on backup set {}", proven.id()));
            return Ok(None);
        }
        let input = RehearsalInput { plan: &plan, observed: &observed, proven: &proven, stores: &stores };
        let report = self.in_sandbox(&input).await?;
        let digest = self.valid_for.digest((stack, &observed));
        let verdict = StoredVerdict::new(digest, (report.verdict, &report.set), (context.now)());
        store_verdict(context, (&*prepared.target, &self.loaded.name), &verdict).await?;
        Ok(Some(report))
    }

    async fn proven(&self) -> Result<Option<ProvenSet>> {
        let stack = &self.prepared.shipment.configuration.stack;
        let found = ProvenSet::find(self.context, self.loaded, stack).await?;
        if found.is_some() {
            return Ok(found);
        }
        let message = format!("the repository has no proven backup set of {}", self.loaded.name);
        if self.optional {
            self.context.reporter.warn(format!("{message}; the deploy is not rehearsed"));
            return Ok(None);
        }
        let hint = Some("prove the newest one with `aictl backup drill`".to_owned());
        Err(WorkflowError::Configuration { message, hint }.into())
    }

    /// Everything it makes is gone afterwards, whatever comes of it.
    async fn in_sandbox(&self, input: &RehearsalInput<'_>) -> Result<RehearsalReport> {
        let (context, target) = (self.context, &*self.prepared.target);
        context.reporter.note(format!("rehearsing the deploy on backup set {}", input.proven.id()));
        let (sandbox, left) = Sandbox::open_for_rehearsal((target, &self.loaded.name), lock_owner(context)).await?;
        if left > 0 {
            context
                .reporter
                .note(format!("removed {} of an earlier drill or rehearsal", human::count(left, "container")));
        }
        let worked = tokio::select! {
            worked = self.work(&sandbox, input) => worked,
            () = context.interrupted() => Err(WorkflowError::Interrupted.into()),
        };
        let services: Vec<String> = input.stores.iter().map(|(part, _)| part.service.clone()).collect();
        sandbox.close(&services).await?;
        worked
    }

    async fn work(&self, sandbox: &Sandbox<'_>, input: &RehearsalInput<'_>) -> Result<RehearsalReport> {
        let Self { context, loaded, prepared, .. } = *self;
        let configuration = &prepared.shipment.configuration;
        let from = RestoredFrom {
            stack: &configuration.stack,
            contents: &configuration.contents,
            proven: input.proven,
            stores: input.stores,
        };
        let scratch = ScratchStack::restore(&*prepared.target, sandbox, &from).await?;
        let mut report = RehearsalReport::new(input.proven.id());
        let without_roles = scratch.copy_roles(input.stores).await?;
        report.warnings.extend(without_roles.iter().map(|service| {
            format!("{service} does not run: roles of the rehearsal have no passwords, and services may not log in")
        }));
        let (observed, replaced) = (input.observed, replaced(input.plan));
        let checks = CodeChecks { context, loaded, scratch: &scratch, observed, replaced };
        let mut skipped = Vec::new();
        let is_allowed = prepared.shipment.allow_incompatible;
        if let Some(before) = self.old(Code::Before) {
            report.checked(checks.run(&before, &mut skipped).await?, is_allowed);
        }
        self.migrate(input, &scratch, &mut report).await?;
        if report.migrations.iter().all(|migration| migration.error.is_empty()) {
            report.checked(checks.run(&self.new_code(input.observed), &mut skipped).await?, is_allowed);
            if let Some(old) = self.old(Code::Old) {
                report.checked(checks.run(&old, &mut skipped).await?, is_allowed);
            }
        }
        report.warnings.extend(skipped);
        Ok(report)
    }

    fn old(&self, code: Code) -> Option<CodeSide<'_>> {
        let current = self.prepared.current.as_ref()?;
        Some(CodeSide { code, configuration: &current.configuration, images: Default::default() })
    }

    fn new_code(&self, observed: &Observed) -> CodeSide<'_> {
        let configuration = &self.prepared.shipment.configuration;
        let stack = &configuration.stack;
        let image = |(name, service): (&String, &crate::compose::Service)| {
            let id = observed.image_id(&service.image_or_default(&stack.name, name))?;
            Some((name.clone(), id.to_owned()))
        };
        let images = stack.services.iter().filter_map(image).collect();
        CodeSide { code: Code::New, configuration, images }
    }

    /// Runs the migrations; the first that fails is the last.
    async fn migrate(
        &self,
        input: &RehearsalInput<'_>,
        scratch: &ScratchStack<'_>,
        report: &mut RehearsalReport,
    ) -> Result<()> {
        let shipment = &self.prepared.shipment;
        for (task, spec, timeout) in tasks(input.plan) {
            let named = shipment.tasks.iter().find(|named| named.name == *task);
            let place = named.map(|named| TaskDatabase::of(&shipment.configuration.stack, (task, &named.task)));
            let database = match place.transpose()? {
                Some(TaskDatabase::Postgres { service, database }) => {
                    let inside = scratch.postgres(&service)?;
                    let name = match database {
                        Some(name) => name,
                        None => crate::backup::schema::usual_database(&inside).await?,
                    };
                    Some((inside, name))
                }
                Some(TaskDatabase::Nowhere | TaskDatabase::Unknown(_)) | None => None,
            };
            let migration = Migration { task, spec: scratch.sandbox.task(spec), timeout };
            let place = (self.context, self.prepared.target.clone());
            let went = run_migration(place, migration, database).await?;
            let failed = !went.error.is_empty();
            report.migrated(went, shipment.allow_incompatible);
            if failed {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn tasks(plan: &Plan) -> impl Iterator<Item = (&String, &ContainerSpec, Option<std::time::Duration>)> {
    let mut seen = BTreeSet::new();
    plan.steps.iter().filter_map(move |step| {
        let Operation::Task(TaskOperation::Run { task, spec, timeout }) = &step.operation else { return None };
        seen.insert(task).then_some((task, &**spec, *timeout))
    })
}
