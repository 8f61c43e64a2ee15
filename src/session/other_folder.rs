//! Containers of the project that another folder made: two folders with one project name share what is on the engine.
//! Reads the label of the project directory; returns whose containers a plan touches, as warnings or as a refusal.
//! Never touches anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::Result;
use crate::event::{Event, PromptError};
use crate::plan::{Observed, ObservedInstance, Operation, Plan, VolumeOperation, labels};
use crate::session::{Context, WorkflowError};

/// The containers other folders made, by folder. One without the label counts as of this folder.
pub fn others<'a>(observed: &'a Observed, folder: &Path) -> BTreeMap<&'a str, Vec<&'a ObservedInstance>> {
    let mut found = BTreeMap::<&str, Vec<&ObservedInstance>>::new();
    for container in &observed.instances {
        let made_in = container.labels.get(labels::WORKING_DIR).map(String::as_str).unwrap_or_default();
        if !made_in.is_empty() && !is_same(Path::new(made_in), folder) {
            found.entry(made_in).or_default().push(container);
        }
    }
    found
}

/// Two paths may lead to one folder.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || real(one).is_some_and(|one| Some(one) == real(other))
}

/// What a plan does to other folders' containers, and to the volumes they mount, one sentence for each folder. A plan
/// that finds everything in place takes what it found for its own.
pub fn touched(observed: &Observed, plan: &Plan, folder: &Path) -> Vec<String> {
    let (containers, volumes) = subjects(plan);
    let mut said = Vec::new();
    for (other, theirs) in others(observed, folder) {
        let names = theirs.iter().filter(|c| plan.is_empty() || containers.contains(&c.id));
        let mut names: Vec<&str> = names.map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        let mounted: BTreeSet<&str> = theirs.iter().flat_map(|c| &c.docker.mounts).map(|m| m.source.as_str()).collect();
        let kept: Vec<&str> = volumes.iter().map(String::as_str).filter(|name| mounted.contains(name)).collect();
        let parts = [of("container", &names), of("volume", &kept)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            said.push(format!("{}: made by the project of the same name in {other}", parts.join(" and ")));
        }
    }
    said
}

/// The containers and volumes the steps of a plan are about.
fn subjects(plan: &Plan) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut containers, mut volumes) = (BTreeSet::new(), BTreeSet::new());
    for step in &plan.steps {
        match &step.operation {
            Operation::Container(operation) => containers.extend(operation.clone().container_mut().cloned()),
            Operation::Volume(VolumeOperation::Remove { name }) => drop(volumes.insert(name.clone())),
            _ => {}
        }
    }
    (containers, volumes)
}

fn of(kind: &str, names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("{kind} {name}")),
        several => Some(format!("{kind}s {}", several.join(", "))),
    }
}

/// Warns of what a plan does to other folders' things.
pub fn warn(context: &Context, touched: Vec<String>) {
    for message in touched {
        let hint = Some("to leave it alone, choose another project name here with `-p NAME`".to_owned());
        context.reporter.report(Event::Warning { message, hint });
    }
}

/// Asks before a verb goes on that would take over, or take away, what another folder made. `--yes` is no answer.
pub fn ask(context: &Context, (project, verb): (&str, &str), others: &[String]) -> Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    if context.options.dry_run {
        warn(context, others.to_vec());
        return Ok(());
    }
    let question = format!("`{verb}` changes what another folder made ({}); go on?", others.join("; "));
    context.prompt.confirm_typed(&question, project).map_err(|error| match error {
        PromptError::NoTerminal { .. } | PromptError::NoTypedWord { .. } => {
            WorkflowError::OtherFolder { project: project.to_owned(), others: others.join("; ") }.into()
        }
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ContainerOperation, DockerContainer, ObservedMount, Phase};

    fn observed() -> Observed {
        let mount = ObservedMount { kind: "volume".into(), source: "shop_data".into(), target: "/d".into() };
        let container = |name: &str, folder: &str| ObservedInstance {
            id: format!("id-{name}"),
            name: name.into(),
            labels: [(labels::WORKING_DIR.to_owned(), folder.to_owned())].into(),
            docker: DockerContainer { mounts: vec![mount.clone()], ..Default::default() },
            ..Default::default()
        };
        let instances =
            vec![container("shop-db-1", "/a"), container("shop-api-1", "/a"), container("shop-web-1", "/b")];
        Observed { instances, ..Default::default() }
    }

    #[test]
    fn only_what_a_plan_touches_is_said_with_whose_it_is() {
        let observed = observed();
        let said = |plan: &Plan| touched(&observed, plan, Path::new("/b"));
        let mut plan = Plan::default();
        assert_eq!(said(&plan), ["containers shop-api-1, shop-db-1: made by the project of the same name in /a"]);
        let kill = |name: &str| {
            let (container, signal) = (format!("id-{name}"), String::new());
            Operation::Container(ContainerOperation::Kill { service: String::new(), container, signal })
        };
        plan.push(Phase::Switch, kill("shop-web-1"), "", &[]);
        assert_eq!(said(&plan), [""; 0]);
        plan.push(Phase::Switch, kill("shop-db-1"), "", &[]);
        plan.push(Phase::Switch, Operation::Volume(VolumeOperation::Remove { name: "shop_data".into() }), "", &[]);
        let words = "container shop-db-1 and volume shop_data: made by the project of the same name in /a";
        assert_eq!(said(&plan), [words]);
    }

    #[test]
    fn a_link_to_the_folder_is_the_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let (folder, link) = (scratch.path().join("shop"), scratch.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(
            is_same(&folder, &link) && !is_same(&folder, scratch.path()) && !is_same(Path::new("/x"), Path::new("/y"))
        );
    }
}
