//! `aictl clean`: removes unused parts of the project, after listing them.
//! Reads the engine, and the files when there are any; asks before anything goes.
//! Never deletes data on `--yes` alone: its deletion is spelled out or typed.

use clap::Args;

use crate::error::{Error, Result};
use crate::event::PromptError;
use crate::plan::cleanup::plan_cleanup;
use crate::plan::{Observed, Operation, Plan, Step, VolumeOperation};
use crate::session::Context;
use crate::session::cluster::refuse_on_clusters;
use crate::session::load::{LoadedStack, load_named};
use crate::session::other_folder;
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;

/// Remove stopped and orphaned containers and unused networks
#[derive(Debug, Clone, Default, Args)]
pub struct CleanArgs {
    /// Also remove unused volumes and their data; asks for the project name
    #[arg(long)]
    pub data: bool,
    /// With --data: remove the data without asking
    #[arg(long, requires = "data")]
    pub yes_delete_data: bool,
}

/// Cleans.
pub async fn run(context: &Context, args: CleanArgs) -> Result<Done> {
    let loaded = load_named(context)?;
    let hint = "a deploy removes what the chart no longer has; remove the whole release with `aictl stop --remove`";
    refuse_on_clusters(&loaded.project, "`clean`", hint)?;
    let target = loaded.connect(context).await?;
    let scope = loaded.narrow_scope();
    let observed = target.observe(&scope).await?;
    let found = plan(&loaded, &observed, args.data);
    let asks = !found.is_empty() && !context.options.dry_run;
    if let Some(folder) = scope.folder.as_ref().filter(|_| asks) {
        other_folder::ask(context, (&loaded.name, "clean"), &other_folder::touched(&observed, &found, folder))?;
    }
    if !context.options.dry_run && !found.is_empty() {
        ask(context, &loaded.name, &found, &args)?;
    }
    // What appeared after the question was not confirmed.
    let planning = |observed: &Observed| {
        let mut plan = plan(&loaded, observed, args.data);
        let agreed = |step: &Step| found.steps.iter().any(|asked| asked.operation == step.operation);
        if !plan.steps.iter().all(agreed) {
            plan.steps.clear();
            plan.warnings
                .push("the project changed after the prompt: nothing was removed; run the command again".to_owned());
        }
        Ok(plan)
    };
    let outcome = Transaction::new(context, target, scope, "clean").run(&planning).await?;
    Ok(Done::new(context, outcome, "nothing to clean"))
}

fn plan(loaded: &LoadedStack, observed: &Observed, data: bool) -> Plan {
    plan_cleanup(observed, loaded.stack.as_ref(), &loaded.name, data)
}

/// Says what will go, then asks; data needs the project's name typed.
fn ask(context: &Context, project: &str, found: &Plan, args: &CleanArgs) -> Result<()> {
    for line in found.lines() {
        context.reporter.note(line);
    }
    let volumes =
        found.steps.iter().filter(|s| matches!(s.operation, Operation::Volume(VolumeOperation::Remove { .. })));
    match volumes.count() {
        0 => context.prompt.confirm("remove all of this?")?,
        _ if args.yes_delete_data => {}
        count => {
            let question = format!("permanently delete all of this and the data of {count} volumes?");
            let asked = context.prompt.confirm_typed(&question, project);
            let nobody = matches!(asked, Err(PromptError::NoTypedWord { .. }));
            let hint = "delete the data without confirmation with `aictl clean --data --yes-delete-data`";
            return asked.map_err(|error| if nobody { Error::from(error).with_hint(hint) } else { error.into() });
        }
    }
    Ok(())
}
