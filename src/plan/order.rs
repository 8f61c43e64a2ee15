//! The order of services: dependencies first, and which services a selection pulls in.
//! Reads a stack's `depends_on` (and what implies it), returns names.
//! Never looks at containers.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use crate::compose::model::Stack;

/// Names and what each waits for, from any source: a stack or the labels of containers.
pub type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// The dependencies of a stack's enabled services. The loader has already turned links and shared namespaces into
/// `depends_on`; dependencies on services that are not enabled are left out.
pub fn dependencies(stack: &Stack) -> Dependencies {
    let known = |name: &&String| stack.services.contains_key(*name);
    stack
        .services
        .iter()
        .map(|(name, service)| (name.clone(), service.depends_on.keys().filter(known).cloned().collect()))
        .collect()
}

/// Dependencies first; names without an order between them alphabetically.
pub fn sorted(dependencies: &Dependencies) -> Result<Vec<String>, PlanError> {
    let mut order: Vec<String> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    for name in dependencies.keys() {
        visit(name, dependencies, &mut order, &mut path)?;
    }
    Ok(order)
}

fn visit(
    name: &str,
    dependencies: &Dependencies,
    order: &mut Vec<String>,
    path: &mut Vec<String>,
) -> Result<(), PlanError> {
    if order.iter().any(|o| o == name) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|p| p == name) {
        let mut cycle = path[start..].to_vec();
        cycle.push(name.to_owned());
        return Err(PlanError::Cycle { cycle });
    }
    path.push(name.to_owned());
    for dependency in dependencies.get(name).into_iter().flatten() {
        visit(dependency, dependencies, order, path)?;
    }
    path.pop();
    order.push(name.to_owned());
    Ok(())
}

/// Everything each name waits for, directly or through others.
pub fn transitive(dependencies: &Dependencies) -> Dependencies {
    let reach = |name: &String| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = dependencies.get(name).into_iter().flatten().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next.clone()) {
                open.extend(dependencies.get(next).into_iter().flatten());
            }
        }
        reached
    };
    dependencies.keys().map(|name| (name.clone(), reach(name))).collect()
}

/// The named services and all they wait for; every service when none is named.
pub fn with_dependencies(stack: &Stack, named: &[String], deep: bool) -> Result<BTreeSet<String>, PlanError> {
    if named.is_empty() {
        return Ok(stack.services.keys().cloned().collect());
    }
    let dependencies = dependencies(stack);
    let mut selected = BTreeSet::new();
    let mut open: Vec<String> = named.to_vec();
    while let Some(name) = open.pop() {
        if !stack.services.contains_key(&name) {
            return Err(no_such_service(&name, stack.services.keys()));
        }
        if selected.insert(name.clone()) && deep {
            open.extend(dependencies.get(&name).into_iter().flatten().cloned());
        }
    }
    Ok(selected)
}

/// The error for a name that is not among the known ones, with the nearest of them.
pub fn no_such_service<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> PlanError {
    let known: Vec<String> = known.cloned().collect();
    let nearest = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(k, name), k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3)
        .min()
        .map(|(_, k)| k.clone());
    PlanError::NoSuchService { name: name.to_owned(), nearest, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Dependencies {
        edges.iter().map(|(n, d)| ((*n).to_owned(), d.iter().map(|s| (*s).to_owned()).collect())).collect()
    }

    #[test]
    fn dependencies_come_first() {
        let order =
            sorted(&graph(&[("api", &["db", "cache"]), ("cache", &[]), ("db", &[]), ("web", &["api"])])).unwrap();
        assert_eq!(order, ["cache", "db", "api", "web"]);
    }

    #[test]
    fn what_lies_between_two_services_still_orders_them() {
        let all = transitive(&graph(&[("api", &["migrate"]), ("migrate", &["db"]), ("db", &[])]));
        assert!(all["api"].contains("db") && all["db"].is_empty());
    }

    #[test]
    fn a_cycle_is_named_in_full() {
        let error = sorted(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])])).unwrap_err();
        assert_eq!(error.to_string(), "services depend on each other: a -> b -> c -> a");
    }

    #[test]
    fn a_misspelt_service_is_answered_with_the_nearest_name() {
        let known = ["postgres".to_owned(), "redis".to_owned()];
        let error = no_such_service("postgers", known.iter());
        assert_eq!(error.to_string(), "no such service: postgers (did you mean `postgres`?)");
    }
}
