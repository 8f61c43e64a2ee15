//! `aictl plan`: what `start` would do, or `deploy` where the environment is deployed to, without doing it.
//! Changes nothing of the project; migrations are tried in containers of their own, which are removed.

mod deploy;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::error::{ErrorKind, Result};
use crate::plan::converge::ConvergeOptions;
use crate::plan::order::with_dependencies;
use crate::plan::{ContainerOperation, Operation, Plan, Step, labels};
use crate::session::cluster::{ClusterPlanReport, is_cluster, plan};
use crate::session::convergence::{Convergence, load_contents, refuse_both_orphans};
use crate::session::deploy::{StartProxy, has_release};
use crate::session::image_catalog::Supplies;
use crate::session::load::{LoadedStack, load_or_name, load_project_file, load_stack};
use crate::session::plan_images::ImageOptions;
use crate::session::report::{Block, Report, one_of_reports, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::{Context, WorkflowError};
use deploy::{DeployPlanArgs, DeployPlanReport};

/// Show the changes that start or deploy would make
///
/// In an environment with `deploy`, `proxy` or a release it plans a deploy and shows what changes in the configuration since
/// the current release, the strategy of each service with its reason, and where what runs differs from the release. Values of
/// secrets are not shown.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanArgs {
    /// Services to plan, with their dependencies; all by default
    pub services: Vec<String>,
    /// Exit with 6 when changes are present
    #[arg(long)]
    pub exit_code: bool,
    /// Save the plan of a deploy, for `aictl deploy --plan FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Include the removal of containers of services not defined in the compose files
    #[arg(long, env = "COMPOSE_REMOVE_ORPHANS", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub remove_orphans: bool,
    /// Do not warn about containers of services not defined in the compose files
    #[arg(long, hide = true, env = "COMPOSE_IGNORE_ORPHANS", value_parser = clap::builder::FalseyValueParser::new())]
    pub ignore_orphans: bool,
}

#[derive(Debug, Serialize)]
pub struct PlanReport {
    project: String,
    steps: Vec<String>,
    warnings: Vec<String>,
    #[serde(skip)]
    code: u8,
}

impl PlanArgs {
    fn of_deploy(self) -> DeployPlanArgs {
        let Self { services, exit_code, remove_orphans, out, .. } = self;
        DeployPlanArgs { services, exit_code, remove_orphans, out }
    }
}

one_of_reports! {
    /// Report of `plan`.
    pub enum PlanAnswer {
        /// Of a start.
        Start(PlanReport),
        /// Of a deploy.
        Deploy(DeployPlanReport),
        /// Of a deploy to clusters.
        Clusters(ClusterPlanReport),
    }
}

/// Plans.
pub async fn run(context: &Context, args: PlanArgs) -> Result<PlanAnswer> {
    refuse_both_orphans(args.remove_orphans, args.ignore_orphans)?;
    let project = load_project_file(context)?;
    if is_cluster(&project) {
        return Ok(plan_clusters(context, &args).await?.into());
    }
    let loaded = load_stack(context)?;
    if args.out.is_some() || loaded.may_have_release() {
        return Ok(deploy::run(context, loaded, args.of_deploy()).await?.into());
    }
    match plan_start(context, loaded, &args).await? {
        Some(report) => Ok(report.into()),
        None => Ok(deploy::run(context, load_stack(context)?, args.of_deploy()).await?.into()),
    }
}

async fn plan_clusters(context: &Context, args: &PlanArgs) -> Result<ClusterPlanReport> {
    let given = [
        ("plans of single services", !args.services.is_empty()),
        ("--out", args.out.is_some()),
        ("--remove-orphans", args.remove_orphans),
    ];
    if let Some((what, _)) = given.into_iter().find(|(_, given)| *given) {
        let hint = "plan the whole release with `aictl plan`".to_owned();
        return Err(WorkflowError::Unsupported { what: format!("{what} on Kubernetes"), hint }.into());
    }
    let loaded = load_or_name(context, "name the project: `aictl -p NAME plan`")?;
    plan(context, &loaded.project, args.exit_code).await
}

/// The plan of a start; none where containers of a release run.
async fn plan_start(context: &Context, mut loaded: LoadedStack, args: &PlanArgs) -> Result<Option<PlanReport>> {
    let stack = loaded.take_stack_with(context, &args.services)?;
    let selected = with_dependencies(&stack, &args.services, true)?;
    let target = loaded.connect(context).await?;
    let supplies = Supplies::of(context, &loaded.project, None)?;
    let proxy = StartProxy::of(context, &loaded.project, &stack)?;
    let mut scope = loaded.scope(Some(&stack));
    proxy.iter().for_each(|proxy| proxy.look_for(&mut scope));
    scope.images.extend(supplies.recipe_images(&stack));
    let (observed, engine) = tokio::join!(target.observe(&scope), target.observe_engine());
    let (observed, engine) = (observed?, engine?);
    if has_release(&observed) {
        return Ok(None);
    }
    let contents = load_contents(&stack, &selected, observed.engine.local)?;
    let options = ConvergeOptions {
        remove_orphans: args.remove_orphans,
        ignore_orphans: args.ignore_orphans,
        wait: true,
        all_resources: context.options.all_resources,
        ..Default::default()
    };
    let converge = Convergence { options, stack, selected, contents, loaded: &loaded, engine, proxy };
    let images = ImageOptions { supplies: Some(&supplies), ..Default::default() };
    let plan = converge.plan(&images, &observed)?;
    let changes = args.exit_code && !plan.only_waits();
    let mut warnings = plan.warnings.clone();
    warnings.extend(replaced_before_healthy(&plan));
    // Waits are not changes.
    let steps = if plan.only_waits() { Vec::new() } else { plan.lines() };
    let code = if changes { ErrorKind::ChangesPresent.exit_code() } else { 0 };
    Ok(Some(PlanReport { project: loaded.name.clone(), steps, warnings, code }))
}

/// `start` removes the old container before the new one is healthy; if it never is, the old one is gone.
fn replaced_before_healthy(plan: &Plan) -> Option<String> {
    let replaced = |step: &Step| match &step.operation {
        Operation::Container(ContainerOperation::Create(spec)) if spec.labels.contains_key(labels::REPLACE) => {
            Some(spec.service_name.clone())
        }
        _ => None,
    };
    let services: BTreeSet<String> = plan.steps.iter().filter_map(replaced).collect();
    let names = services.into_iter().collect::<Vec<_>>().join(", ");
    let warning =
        || format!("{names}: the old container is removed when the new one has started, before it is healthy");
    (!names.is_empty()).then(warning)
}

impl Report for PlanReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = planned_blocks(&self.steps);
        blocks.extend(self.warnings.iter().map(|w| Block::Line(vec![format!("warning: {w}").into()])));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        self.code
    }
}
