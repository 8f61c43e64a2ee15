//! `aictl deploy --maintenance`: whether clients get the maintenance page instead of the stack.

use serde_json::json;

use crate::error::Result;
use crate::plan::{Observed, Phase, Plan, ProxyOperation, Scope};
use crate::session::load::load_named;
use crate::session::report::Said;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// Turns the page on or off.
pub async fn show_maintenance(context: &Context, on: bool) -> Result<Said> {
    let loaded = load_named(context)?;
    let Some(proxy) = loaded.routing_proxy().map(|proxy| proxy.service.clone()) else {
        let message = "cannot show a maintenance page: the environment has no proxy routes".to_owned();
        let hint = Some("add `proxy` to the environment in aictl.yaml".to_owned());
        return Err(WorkflowError::Configuration { message, hint }.into());
    };
    let target = loaded.connect(context).await?;
    let planning = |observed: &Observed| plan((&loaded.name, &proxy), on, observed);
    let scope = Scope { proxy: Some(proxy.clone()), ..loaded.narrow_scope() };
    let outcome = Transaction::new(context, target, scope, "deploy maintenance").run(&planning).await?;
    let steps = outcome.plan.lines();
    let word = if on { "on" } else { "off" };
    let line = match (context.options.dry_run, outcome.executed) {
        (true, _) => return Ok(planned(&steps)),
        (false, true) => format!("the maintenance page of {} is {word}", loaded.name),
        (false, false) => format!("the maintenance page of {} is already {word}", loaded.name),
    };
    let value = json!({ "project": loaded.name, "maintenance": on, "changed": outcome.executed });
    Ok(Said { lines: vec![line], value })
}

fn planned(steps: &[String]) -> Said {
    let lines = if steps.is_empty() { vec!["no changes".to_owned()] } else { steps.to_vec() };
    Said { lines, value: json!({ "dry_run": true, "steps": steps }) }
}

/// A plan that clients see the maintenance page during: from before its first step, the backup, to after its switch. A
/// failure leaves the page, because what ran before may not be able to run any more.
pub(super) fn behind_page(plan: Plan, (service, observed): (&str, &Observed)) -> Plan {
    let running = observed.instances.iter().find(|c| c.service == service && !c.one_off && c.state.is_up());
    let page = observed.proxy.as_ref().filter(|proxy| proxy.has_maintenance_page());
    let (Some(container), Some(found)) = (running, page) else {
        let mut plan = plan;
        plan.warnings
            .push("clients reach the stack during the migration: the proxy has no maintenance page".to_owned());
        return plan;
    };
    if found.maintenance {
        return plan;
    }
    let cause = "the release before cannot run after the migration";
    let set = |on| ProxyOperation::Maintenance { service: service.to_owned(), proxy: container.name.clone(), on };
    let project = plan.project.clone();
    let mut whole = Plan { project: project.clone(), names: observed.names(), ..Plan::default() };
    whole.push(Phase::Prepare, set(true), cause, &[]);
    whole.then(plan);
    let mut off = Plan { project, ..Plan::default() };
    off.push(Phase::Retire, set(false), "the new release serves", &[]);
    whole.then(off);
    whole
}

/// One rename, where the page is not as wanted.
fn plan((project, service): (&str, &str), on: bool, observed: &Observed) -> Result<Plan> {
    let mut plan = Plan { project: project.to_owned(), names: observed.names(), ..Default::default() };
    let running = observed.instances.iter().find(|c| c.service == service && !c.one_off && c.state.is_up());
    let (Some(container), Some(found)) = (running, &observed.proxy) else {
        let service = service.to_owned();
        return Err(WorkflowError::NotRunning { service }.into());
    };
    if found.maintenance == on {
        return Ok(plan);
    }
    if on && !found.has_maintenance_page() {
        return Err(WorkflowError::Unsupported {
            what: "a maintenance page: the proxy has a configuration without one".to_owned(),
            hint: "write its configuration with `aictl deploy`".to_owned(),
        }
        .into());
    }
    let (service, proxy) = (service.to_owned(), container.id.clone());
    let operation = ProxyOperation::Maintenance { service, proxy, on };
    plan.push(Phase::Switch, operation, "requested", &[]);
    Ok(plan)
}
