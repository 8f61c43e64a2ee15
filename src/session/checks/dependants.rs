//! Which failures are another's fault: a service that fails although what it depends on fails too.
//! Reads outcomes and the stack's dependencies; returns the outcomes with the services they may be due to.
//! Never takes a failure out of the report for it.

use std::collections::BTreeSet;

use super::report::Checked;
use crate::compose::model::Stack;
use crate::probe::CheckOutcome;

/// The outcomes, each failed one with the failed services its own depends on.
pub(super) fn explained(outcomes: Vec<CheckOutcome>, stack: Option<&Stack>) -> Vec<Checked> {
    let failed = |outcome: &&CheckOutcome| !outcome.passed();
    let broken: BTreeSet<String> = outcomes.iter().filter(failed).filter_map(|o| o.service.clone()).collect();
    let explain = |outcome: CheckOutcome| {
        let service = outcome.service.as_deref().filter(|_| !outcome.passed());
        let causes = service.zip(stack).map(|(service, stack)| needed_by(stack, service)).unwrap_or_default();
        Checked { because_of: causes.into_iter().filter(|name| broken.contains(name)).collect(), outcome }
    };
    outcomes.into_iter().map(explain).collect()
}

/// Everything a service depends on, near or far.
fn needed_by(stack: &Stack, service: &str) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open = vec![service];
    while let Some(name) = open.pop() {
        for next in stack.services.get(name).into_iter().flat_map(|service| service.depends_on.keys()) {
            if next != service && needed.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_needs_is_found_through_others() {
        let services = serde_yaml_ng::from_str(
            "web: { image: a, depends_on: { api: { condition: service_started } } }\n\
             api: { image: a, depends_on: { db: { condition: service_healthy } } }\n\
             db: { image: a }",
        );
        let stack = Stack { services: services.unwrap(), ..Stack::default() };
        assert_eq!(needed_by(&stack, "web"), ["api".to_owned(), "db".to_owned()].into());
        assert!(needed_by(&stack, "db").is_empty());
    }
}
