//! `aictl setup`: brings this machine to where the project can run: an engine that answers, and what the stack needs.
//! Reads machine, engine and project as `doctor` does; shows the steps, asks, carries them out, says what answers.
//! Never sets another machine up, never goes beside another's engine, and repeats nothing that is done.

mod gather;
mod machine;
mod report;

use clap::Args;

use crate::error::Result;
use crate::host::install::{SetupError, SetupStep, SetupStepDone, perform_setup, plan_setup};
use crate::session::Context;
use machine::ThisMachine;

pub use report::SetupReport;

/// Install and start a Docker engine and apply kernel settings
///
/// Installs the distribution's packages on Debian, Ubuntu, Fedora, RHEL and their derivatives, with systemd, OpenRC or no
/// init system. Asks for confirmation first. Completed steps are skipped when run again. Requires root.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct SetupArgs {}

/// Sets the machine up.
pub async fn run(context: &Context, _args: SetupArgs) -> Result<SetupReport> {
    set_up(context).await
}

/// The same for verbs that need a machine that is set up.
pub async fn set_up(context: &Context) -> Result<SetupReport> {
    let machine = ThisMachine::new(context)?;
    let found = gather::gather(context, &machine).await?;
    let steps = plan_setup(&found.facts)?;
    if context.options.dry_run || steps.is_empty() {
        let planned = steps.iter().map(SetupStep::planned).collect();
        return Ok(report(context, found, planned));
    }
    agree(context, &steps, found.facts.is_root)?;
    context.changes.begin();
    let done = perform_setup(&steps, &machine, &*context.reporter, &context.interrupt).await?;
    let engine = machine.engine().await.ok();
    Ok(report(context, gather::Found { engine, ..found }, done))
}

/// Shows the steps and asks; impossible steps are refused before the prompt.
fn agree(context: &Context, steps: &[SetupStep], is_root: bool) -> Result<()> {
    if !is_root {
        let what = steps.first().map(|step| format!("{} {}", step.verbs.0, step.subject)).unwrap_or_default();
        return Err(SetupError::NeedsRoot { what }.into());
    }
    if !context.options.yes {
        for step in steps {
            context.reporter.note(step.line());
        }
    }
    Ok(context.prompt.confirm("apply these changes to this machine?")?)
}

fn report(context: &Context, found: gather::Found, steps: Vec<SetupStepDone>) -> SetupReport {
    let sudoer = context.variables.get("SUDO_USER").filter(|user| *user != "root");
    SetupReport {
        changed: !context.options.dry_run && steps.iter().any(|step| step.skipped.is_none()),
        dry_run: context.options.dry_run,
        needs_root: !found.facts.is_root && !steps.is_empty(),
        engine: found.engine,
        unreadable: found.unreadable,
        sudoer: sudoer.cloned(),
        steps,
    }
}
