//! What a first start would take over: containers another folder made, and data older than a new password.
//! Reads the engine where there is one; asks or warns.
//! Never changes anything.

use std::path::Path;

use crate::compose::locate;
use crate::error::Result;
use crate::event::Event;
use crate::input_file::LocalFiles;
use crate::plan::{Observed, Plan, Scope};
use crate::project::LoadedProject;
use crate::session::Context;
use crate::session::endpoint::endpoint;
use crate::session::load::{LoadedStack, load_args, load_stack};
use crate::session::other_folder;

/// Asks whether to go on where the engine holds a project of this name from another folder. `system`: what the project
/// is yet to be made from, which has given it its name.
pub(super) async fn ask(
    context: &Context,
    project: &LoadedProject,
    (directory, system): (&Path, Option<&str>),
) -> Result<()> {
    let located = load_args(context, project).ok().and_then(|args| locate(&args, &LocalFiles).ok());
    let name = match (context.project_name(), system, located) {
        (Some(name), ..) => name.to_owned(),
        (None, Some(system), _) => system.to_owned(),
        (None, None, Some(located)) => located.name,
        (None, None, None) => return Ok(()),
    };
    let Some(observed) = observed(context, project, &name).await else { return Ok(()) };
    other_folder::ask(context, (&name, "quickstart"), &other_folder::touched(&observed, &Plan::default(), directory))
}

/// An engine that is not there yet holds nothing.
async fn observed(context: &Context, project: &LoadedProject, name: &str) -> Option<Observed> {
    let target = endpoint(context, project).ok()?.connect().await.ok()?;
    target.observe(&Scope { project: name.to_owned(), ..Default::default() }).await.ok()
}

/// Names volumes that were there before a password their service is given was generated: a database keeps the password
/// it was set up with.
pub(super) async fn warn_of_older_data(context: &Context, generated: &[String]) -> Result<()> {
    if generated.is_empty() {
        return Ok(());
    }
    let loaded = load_stack(context)?;
    let observed = loaded.connect(context).await?.observe(&loaded.scope(None)).await?;
    for (volume, service, secret) in older(&loaded, &observed, generated) {
        let message = format!(
            "volume {volume} already exists, and {secret} was generated just now: service `{service}` may still \
             expect the earlier value"
        );
        let hint = "put the earlier value into the env file, delete the data with `aictl stop --remove --volumes`, or \
                    choose another project name with `-p NAME`";
        context.reporter.report(Event::Warning { message, hint: Some(hint.to_owned()) });
    }
    Ok(())
}

/// Volume, service and secret, where a service that mounts a volume that exists is given a secret that is new.
fn older<'a>(
    loaded: &'a LoadedStack,
    observed: &'a Observed,
    generated: &'a [String],
) -> Vec<(&'a str, &'a str, &'a str)> {
    let Some(stack) = &loaded.stack else { return Vec::new() };
    let exists = |name: &str| observed.volumes.iter().any(|volume| volume.name == name);
    let mut found = Vec::new();
    for (name, service) in &stack.services {
        let given = |secret: &&String| {
            let value = stack.environment.get(*secret).filter(|value| !value.is_empty());
            let holds = |text: &String| value.is_some_and(|value| text.contains(value.as_str()));
            service.environment.values().flatten().any(holds)
        };
        let Some(secret) = generated.iter().find(given) else { continue };
        let named = service.volumes.iter().filter_map(|mount| stack.volumes.get(&mount.source));
        let standing = named.map(|volume| volume.name.as_str()).filter(|name| exists(name));
        found.extend(standing.map(|volume| (volume, name.as_str(), secret.as_str())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{Service, ServiceVolume, Stack, Volume};
    use crate::plan::ObservedVolume;

    #[test]
    fn only_data_that_is_there_under_a_password_that_is_new_is_named() {
        let mut stack = Stack::default();
        stack.environment.insert("DB_PASSWORD".into(), "s3cret".into());
        stack.volumes.insert("data".into(), Volume { name: "shop_data".into(), ..Default::default() });
        let mount = ServiceVolume { source: "data".into(), target: "/d".into(), ..Default::default() };
        let mut db = Service { volumes: vec![mount.clone()], ..Default::default() };
        db.environment.insert("URL".into(), Some("postgres://u:s3cret@db".into()));
        stack.services.insert("db".into(), db);
        stack.services.insert("web".into(), Service { volumes: vec![mount], ..Default::default() });
        let project = LoadedProject::default();
        let loaded =
            LoadedStack { name: "shop".into(), stack: Some(stack), project, env_files: Vec::new(), source: None };
        let volumes = vec![ObservedVolume { name: "shop_data".into(), ..Default::default() }];
        let observed = Observed { volumes, ..Default::default() };
        let new = ["DB_PASSWORD".to_owned()];
        assert_eq!(older(&loaded, &observed, &new), [("shop_data", "db", "DB_PASSWORD")]);
        assert_eq!(older(&loaded, &observed, &["OTHER".to_owned()]), []);
        assert_eq!(older(&loaded, &Observed::default(), &new), []);
    }
}
