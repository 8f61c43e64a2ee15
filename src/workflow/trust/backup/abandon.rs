//! `aictl backup restore --abandon`: gives up a restore that was interrupted. The data stays as it is.

use super::safety::RESTORE;
use crate::error::Result;
use crate::plan::{DataOperation, Observed, Phase, Plan};
use crate::release::unfinished_restore;
use crate::session::backup::{AbandonRunner, DataSteps};
use crate::session::load::load_named;
use crate::session::past_operations::PastOperations;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// What was given up, or would be by a dry run.
pub(super) struct Abandoned {
    /// The services.
    pub(super) services: Vec<String>,
    /// The steps.
    pub(super) steps: Vec<String>,
}

/// Gives it up; needs neither the repository nor compose files.
pub(super) async fn abandon(context: &Context) -> Result<Abandoned> {
    let loaded = load_named(context)?;
    let (target, project) = (loaded.connect(context).await?, loaded.name.clone());
    let past = PastOperations::of(&*target, project.clone()).await?;
    let none = || WorkflowError::NoUnfinishedRestore { project: project.clone() };
    let services: Vec<String> = unfinished_restore(&past.operations).ok_or_else(none)?.services.into_iter().collect();
    let mut plan = Plan { project: project.clone(), ..Plan::default() };
    for part in services.iter().cloned() {
        plan.push(Phase::Prepare, DataOperation::AbandonRestore { part }, "requested", &[]);
    }
    let steps = plan.lines();
    if context.options.dry_run {
        return Ok(Abandoned { services, steps });
    }
    context.prompt.confirm(&format!("keep the data of {} as the interrupted restore left it?", services.join(", ")))?;
    let abandons = AbandonRunner { target: &*target, project };
    let data = DataSteps { abandons: Some(abandons), ..DataSteps::default() };
    let mut transaction = Transaction::new(context, target.clone(), loaded.narrow_scope(), RESTORE);
    transaction.data = Some(&data);
    transaction.beside_unfinished_restore = true;
    transaction.run(&|_: &Observed| Ok(plan.clone())).await?;
    Ok(Abandoned { services, steps })
}
