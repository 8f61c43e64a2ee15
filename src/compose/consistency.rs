//! Whether the parts of a project fit together: references, cycles, values that exclude each other.
//! Reads the typed model; returns every problem with its key.
//! Never reads a file and never asks an engine.

mod graph;
mod inconsistency;
mod service;

use super::model::Stack;

pub(crate) use inconsistency::Inconsistency;

/// All problems of a project.
pub(crate) fn check(stack: &Stack) -> Vec<Inconsistency> {
    let mut found = Vec::new();
    for (name, service) in &stack.services {
        service::check(stack, (name, service), &mut found);
    }
    jobs(stack, &mut found);
    for (name, secret) in &stack.secrets {
        if !secret.external && secret.file.is_empty() && secret.environment.is_empty() {
            found.push(Inconsistency::new(["secrets", name], "must declare either `file` or `environment`"));
        }
    }
    if found.is_empty() {
        graph::check(stack, &mut found);
    }
    found
}

fn jobs(stack: &Stack, found: &mut Vec<Inconsistency>) {
    for name in stack.jobs.keys().chain(stack.disabled_jobs.keys()) {
        if stack.services.contains_key(name) || stack.disabled_services.contains_key(name) {
            let message = "declared both as a service and a job: service and job names must be unique";
            found.push(Inconsistency::new(["jobs", name], message));
        }
    }
    for (name, job) in &stack.jobs {
        for (depended, dependency) in &job.depends_on {
            let optional = stack.disabled_services.contains_key(depended) && !dependency.required;
            if !stack.jobs.contains_key(depended) && !stack.services.contains_key(depended) && !optional {
                let message = format!("depends on undefined service or job {depended:?}");
                found.push(Inconsistency::new(["jobs", name, "depends_on", depended], message));
            }
        }
    }
}
