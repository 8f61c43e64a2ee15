//! `aictl push`: images of services to the registries that their names say.
//! Reads the files and what the engine has; pushes from the engine.
//! Never builds, and never touches a container.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::Stack;
use crate::error::Result;
use crate::event::Event;
use crate::plan::order::with_dependencies;
use crate::plan::{ImageOperation, Observed, Phase, Plan};
use crate::session::load::load_stack;
use crate::session::steps_report::Done;
use crate::session::transaction::Transaction;
use crate::session::{Context, WorkflowError};

/// What is to be pushed.
pub(super) struct RegistryPush {
    /// Services; all when empty.
    pub(super) services: Vec<String>,
    pub(super) include_deps: bool,
    /// A failure is a warning.
    pub(super) ignore_failures: bool,
}

/// Pushes the images of the selected services.
pub(super) async fn push(context: &Context, args: &RegistryPush) -> Result<Done> {
    let mut loaded = load_stack(context)?;
    let stack = loaded.take_stack_with(context, &args.services)?;
    let selected = with_dependencies(&stack, &args.services, args.include_deps)?;
    let images = images(&stack, &selected);
    for name in args.services.iter().filter(|name| !images.values().any(|services| services.contains(*name))) {
        let message = format!("the image of {name} is not pushed: the service lacks `build` or `image`");
        context.reporter.report(Event::Warning { message, hint: None });
    }
    let target = loaded.connect(context).await?;
    let address = target.observe_engine().await?.address;
    let planning = |observed: &Observed| plan(&images, observed, (&address, args.ignore_failures));
    let transaction = Transaction::new(context, target, loaded.scope(Some(&stack)), "push");
    let outcome = transaction.run(&planning).await?;
    Ok(Done::new(context, outcome, "nothing to push: no selected service has both `build` and `image`"))
}

/// As Compose does it: images that are built here, under the names that the files give them; with their services.
fn images(stack: &Stack, selected: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
    let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, service) in stack.services.iter().filter(|(name, _)| selected.contains(*name)) {
        if service.build.is_some() && !service.image.is_empty() {
            images.entry(service.image.clone()).or_default().push(name.clone());
        }
    }
    images
}

/// One step for each image; all of them must be there before the first is pushed.
fn plan(
    images: &BTreeMap<String, Vec<String>>,
    observed: &Observed,
    (address, ignore_failures): (&str, bool),
) -> Result<Plan> {
    let absent: Vec<String> = images.keys().filter(|image| !observed.images.contains_key(*image)).cloned().collect();
    if !absent.is_empty() && !ignore_failures {
        return Err(WorkflowError::NotOnEngine { images: absent, address: address.to_owned() }.into());
    }
    let mut plan = Plan::default();
    for (image, services) in images {
        let push =
            ImageOperation::Push { service: services.first().cloned().unwrap_or_default(), image: image.clone() };
        let step = plan.push(Phase::Prepare, push, "a push was requested", &[]);
        plan.steps[step.0].tolerant = ignore_failures;
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{Build, Service};

    #[test]
    fn images_that_are_built_here_and_named_are_pushed_once() {
        let built = |image: &str| Service { image: image.into(), build: Some(Build::default()), ..Default::default() };
        let mut stack = Stack::default();
        stack.services.insert("api".into(), built("r.example/shop:1"));
        stack.services.insert("worker".into(), built("r.example/shop:1"));
        stack.services.insert("local".into(), built(""));
        stack.services.insert("db".into(), Service { image: "postgres:15".into(), ..Default::default() });
        let selected = stack.services.keys().cloned().collect();
        let found = images(&stack, &selected);
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("r.example/shop:1".to_owned(), vec!["api".to_owned(), "worker".to_owned()])]
        );
    }

    #[test]
    fn an_image_that_is_not_there_stops_all_unless_failures_are_ignored() {
        let images = BTreeMap::from([("r.example/shop:1".to_owned(), vec!["api".to_owned()])]);
        let planned = |ignore| plan(&images, &Observed::default(), ("unix:///x", ignore));
        assert!(planned(false).unwrap_err().to_string().contains("r.example/shop:1"));
        assert!(planned(true).unwrap().steps[0].tolerant);
    }
}
