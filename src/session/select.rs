//! Which containers the words of a command line mean.
//! Reads a stack, what was found and names; returns containers or the error with the nearest name.
//! Never guesses between two.

use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::order::no_such_service;
use crate::plan::{Observed, ObservedInstance};
use crate::session::WorkflowError;

/// Fails when a name is neither a service of the files nor of a container.
pub fn check(stack: Option<&Stack>, observed: &Observed, names: &[String]) -> Result<()> {
    let known = known(stack, observed);
    match names.iter().find(|n| !known.contains(n)) {
        Some(unknown) => Err(no_such_service(unknown, known.iter()).into()),
        None => Ok(()),
    }
}

fn known(stack: Option<&Stack>, observed: &Observed) -> Vec<String> {
    let declared = stack.into_iter().flat_map(|s| s.all_services().map(|(n, _)| n.clone()));
    let mut known: Vec<String> = declared.chain(observed.instances.iter().map(|c| c.service.clone())).collect();
    known.sort();
    known.dedup();
    known
}

/// The containers of the named services (all services when none is named), by service and number.
pub fn containers<'a>(observed: &'a Observed, names: &[String]) -> Vec<&'a ObservedInstance> {
    let mut found: Vec<&ObservedInstance> =
        observed.instances.iter().filter(|c| !c.one_off && (names.is_empty() || names.contains(&c.service))).collect();
    found.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
    found
}

/// One running container of a service: number `index`, or the lowest that runs.
pub fn running<'a>(
    stack: Option<&Stack>,
    observed: &'a Observed,
    service: &str,
    index: Option<u32>,
) -> Result<&'a ObservedInstance> {
    let container = one(stack, observed, service, index)?;
    if container.state.is_up() {
        return Ok(container);
    }
    Err(WorkflowError::NotRunning { service: service.to_owned() }.into())
}

/// One container of a service in any state, a running one first.
pub fn one<'a>(
    stack: Option<&Stack>,
    observed: &'a Observed,
    service: &str,
    index: Option<u32>,
) -> Result<&'a ObservedInstance> {
    check(stack, observed, &[service.to_owned()])?;
    let names = [service.to_owned()];
    let mut found = containers(observed, &names);
    found.sort_by_key(|c| (!c.state.is_up(), c.number));
    match index {
        Some(number) => found
            .into_iter()
            .find(|c| c.number == number)
            .ok_or_else(|| WorkflowError::NoContainer { service: service.to_owned(), number }.into()),
        None => {
            found.into_iter().next().ok_or_else(|| WorkflowError::NotRunning { service: service.to_owned() }.into())
        }
    }
}
