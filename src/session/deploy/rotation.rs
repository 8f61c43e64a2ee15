//! Rotating secrets: the release that serves, brought up again with new values, as a new release. The env file gets them
//! once that release is recorded; a process that dies afterwards leaves what the next deploy finishes.

use std::collections::BTreeMap;

use super::configuration::Configuration;
use super::edited_files::EditedFiles;
use super::env_file_edit::EnvFileEdit;
use super::find_secrets::{load_all_contents, load_edited};
use super::password_steps::NewPassword;
use super::releases::{Current, Releases};
use super::secret_places::VersionedSecret;
use super::ship::{ShipReport, Shipment, Shipping};
use crate::compose::env_file::{entries, replace};
use crate::error::{Error, Result};
use crate::output_file::PrivateFile;
use crate::probe::Kind;
use crate::secret::Secret;
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};

/// New values of secrets and the env file they are written into.
pub struct Rotation {
    /// By name.
    pub values: BTreeMap<String, Secret>,
    /// The env file.
    pub file: PrivateFile,
    /// Its path.
    pub path: std::path::PathBuf,
    /// Its text as it was read.
    pub before: String,
    /// Its text with the new values.
    pub after: String,
    /// The operator's words.
    pub message: Option<String>,
}

/// Brings the release that serves up with the new values.
pub async fn rotate(context: &Context, loaded: &LoadedStack, rotation: Rotation) -> Result<ShipReport> {
    let target = loaded.connect(context).await?;
    let releases = Releases::load(&*target, &loaded.name).await?;
    if let Some(baking) = releases.baking() {
        let message = format!("release {} is still baking", baking.revision);
        let hint = "finish it with `aictl deploy --resume`, or go back with `aictl rollback`";
        return Err(refused(message, hint));
    }
    let current = releases.load_current(context, &*target).await?;
    let Some(current) = current else {
        return Err(refused(format!("{} has no release", loaded.name), "make one with `aictl deploy`"));
    };
    check_keys(&current, &rotation)?;
    let local = target.observe_engine().await?.local;
    let source = PresentRelease { context, loaded, releases: &releases, current: &current };
    let mut configuration = source.configuration(&rotation, local)?;
    let mut passwords = releases.settle((context, &*target), &mut configuration).await?;
    for key in rotation.values.keys() {
        passwords.retain(|password| password.key != *key);
        passwords.extend(source.passwords(key, &mut configuration));
    }
    learn(context, &current, &rotation);
    let keys = rotation.values.keys().cloned().collect();
    let served = with_served_values(&rotation, &current)?;
    let edit = EnvFileEdit::new((rotation.path, rotation.file), rotation.before, rotation.after).undone_as(served);
    let limits = passwords.iter().map(NewPassword::limit).collect();
    let shipment =
        Shipment { message: rotation.message, passwords, limits, ..Shipment::rotate(configuration, (keys, edit)) };
    let shipping =
        Shipping { context, loaded, target: target.clone(), releases: &releases, approval: None, data: None };
    match shipping.ship(&shipment).await {
        Ok(report) => Ok(report),
        Err(error) => Err(after_failure(&shipping, &shipment, error).await),
    }
}

/// Services must use the secrets, and none of those may be a store that keeps them as its own.
fn check_keys(current: &Current, rotation: &Rotation) -> Result<()> {
    let secrets = &current.configuration.secrets;
    if !secrets.is_known() {
        let message = format!("where release {} uses its secrets was not recorded", current.revision);
        return Err(refused(message, "make a new release from the files with `aictl deploy`"));
    }
    let stack = &current.configuration.stack;
    for key in rotation.values.keys() {
        if !secrets.values.contains_key(key) {
            let message = format!("no service of release {} uses `{key}`", current.revision);
            let hint = format!("replace it in the env file with `aictl secrets generate --replace {key}`");
            return Err(WorkflowError::Refused { message, hint: Some(hint) }.into());
        }
        for name in secrets.services(key) {
            let image = stack.services.get(name).map(|service| service.image_or_default(&stack.name, name));
            let keeps = image.is_some_and(|image| Kind::of(&image).is_some_and(keeps_passwords));
            if keeps && current.configuration.own_account(name, key).is_none() {
                let what = format!("`{key}` is a password of `{name}`, which keeps it: rotating it");
                let hint = format!("change it in `{name}` and in the env file, then run `aictl deploy`");
                return Err(WorkflowError::Unsupported { what, hint }.into());
            }
        }
    }
    Ok(())
}

/// Whether a service checks its clients' passwords against a state of its own.
fn keeps_passwords(kind: Kind) -> bool {
    match kind {
        Kind::Postgres | Kind::Redis | Kind::Qdrant | Kind::Elasticsearch | Kind::Grafana | Kind::Registry => true,
        Kind::Prometheus
        | Kind::Alertmanager
        | Kind::Nginx
        | Kind::PostgresExporter
        | Kind::RedisExporter
        | Kind::NodeExporter
        | Kind::Cadvisor
        | Kind::Kibana
        | Kind::Logstash
        | Kind::Ollama => false,
    }
}

/// What a rotation starts from.
struct PresentRelease<'a> {
    context: &'a Context,
    loaded: &'a LoadedStack,
    releases: &'a Releases,
    current: &'a Current,
}

impl PresentRelease<'_> {
    /// The configuration that serves with the new values. Digests of file contents are those that the files will have.
    fn configuration(&self, rotation: &Rotation, local: bool) -> Result<Configuration> {
        let PresentRelease { context, loaded, releases, current } = *self;
        let new =
            |(key, value): (&String, &Secret)| (key.clone(), VersionedSecret { version: 0, value: value.clone() });
        let values = rotation.values.iter().map(new).collect();
        let unfit = || {
            let message = format!("the secrets of release {} cannot be exchanged", current.revision);
            refused(message, "make a new release from the files with `aictl deploy`")
        };
        let mut configuration = current.configuration.with_values(&values).ok_or_else(unfit)?;
        configuration.number_secrets(&releases.list);
        let names: Vec<String> = configuration.secrets.services_with_files().map(str::to_owned).collect();
        let edited = EditedFiles::new([(rotation.path.as_path(), rotation.after.clone())].into_iter());
        let stack = loaded
            .source
            .as_ref()
            .zip(edited.ok())
            .and_then(|(source, edited)| load_edited(context, &source.args, &edited));
        let fresh = stack.and_then(|stack| load_all_contents(&stack, names.iter(), local)).unwrap_or_default();
        for (name, fresh) in fresh {
            if let Some(content) = configuration.contents.get_mut(&name)
                && content.files == fresh.files
            {
                content.digest = fresh.digest;
            }
        }
        Ok(configuration)
    }
}

impl PresentRelease<'_> {
    /// The passwords that data services get with a secret. Containers that need not be made again for it stay.
    fn passwords(&self, key: &str, configuration: &mut Configuration) -> Vec<NewPassword> {
        let before = &self.current.configuration;
        for name in before.secrets.services(key) {
            if before.is_initial_only(name, key) {
                configuration.keep_container(name, before);
            }
        }
        let old = before.secrets.values.get(key).map(|secret| &secret.value);
        NewPassword::of(configuration, key, (old.map(std::slice::from_ref).unwrap_or_default(), old))
    }
}

/// The text of the env file before, with the values that serve: an earlier rotation may have been cut off.
fn with_served_values(rotation: &Rotation, current: &Current) -> Result<String> {
    let mut text = rotation.before.clone();
    for key in rotation.values.keys() {
        let found = entries(&text, &BTreeMap::new()).unwrap_or_default();
        let entry = found.into_iter().rev().find(|entry| entry.key == *key);
        let served = current.configuration.secrets.values.get(key);
        if let Some((entry, served)) = entry.zip(served)
            && entry.value.as_deref() != Some(served.value.expose())
        {
            let invalid = |_| refused(format!("the value of `{key}` contains a NUL byte"), "");
            replace(&mut text, &entry, served.value.expose()).map_err(invalid)?;
        }
    }
    Ok(text)
}

/// Whatever is said from here on, no value is in it.
fn learn(context: &Context, current: &Current, rotation: &Rotation) {
    let before = current.configuration.secrets.values.values().map(|secret| secret.value.clone());
    context.redactor.learn(&before.chain(rotation.values.values().cloned()).collect::<Vec<_>>());
}

/// Where the old values serve, the env file gets them back.
async fn after_failure(shipping: &Shipping<'_>, shipment: &Shipment, error: Error) -> Error {
    let Shipping { context, target, releases: before, .. } = shipping;
    let revision = |releases: &Releases| releases.current().map(|current| current.revision);
    let Ok(after) = Releases::load(&**target, &before.project).await else {
        return error.with_hint("finish the rotation with `aictl deploy` if the env file has the new value");
    };
    let serves = revision(&after) != revision(before);
    let undone = shipment.env_file.as_ref().filter(|_| !serves).map_or(Ok(()), |edit| edit.undo(context));
    if let Err(undone) = undone {
        context.reporter.warn(format!("the env file still has the new value: {undone}"));
    }
    error
}

fn refused(message: String, hint: &str) -> Error {
    let hint = Some(hint).filter(|hint| !hint.is_empty()).map(str::to_owned);
    WorkflowError::Refused { message, hint }.into()
}
