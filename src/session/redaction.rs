//! Adds a project's secret values and public names to the redactor.
//! Pipes and devices are not read, and unreadable files are skipped: the loader or the engine reports them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::public_names;
use crate::compose::Observer;
use crate::compose::env_file::entries;
use crate::compose::model::Stack;
use crate::notify;
use crate::project::LoadedProject;
use crate::secret::{Secret, is_secret_name, secrets_in};
use crate::session::Context;

/// Bytes read of a secret file.
const LARGEST_FILE: u64 = 256 << 10;

/// Adds the secrets and public names of the stack to the redactor.
pub fn redact<'a>(context: &Context, stack: &Stack, variables: impl Iterator<Item = &'a String>) {
    context.redactor.publish(public_names::of_stack(stack));
    let mut secrets: Vec<Secret> = Vec::new();
    let declared = stack.secrets.values().filter_map(|s| stack.environment.get(&s.environment));
    secrets.extend(declared.map(|value| Secret::new(value.as_str())));
    secrets.extend(stack.secrets.values().flat_map(|secret| in_file(Path::new(&secret.file))));
    // Of the process environment, only variables the files refer to.
    for name in variables {
        secrets.extend(stack.environment.get(name).into_iter().flat_map(|value| secrets_in(name, value)));
    }
    let hooks = |service: &crate::compose::Service| {
        let hooks = service.post_start.iter().chain(&service.pre_stop);
        let of_hooks: Vec<_> = hooks.flat_map(|hook| hook.environment.clone()).collect();
        let args = service.build.iter().flat_map(|build| build.args.clone());
        of_hooks.into_iter().chain(args).chain(service.environment.clone()).collect::<Vec<_>>()
    };
    for (name, value) in stack.all_services().flat_map(|(_, service)| hooks(service)) {
        secrets.extend(value.iter().flat_map(|value| secrets_in(&name, value)));
    }
    context.redactor.learn(&secrets);
}

/// Adds secret values while compose files are loaded, so that no error of theirs can show one.
pub(super) fn observer(context: &Context, project: &LoadedProject) -> Observer {
    let redactor = context.redactor.clone();
    let declared: BTreeSet<String> = project.project.iter().flat_map(|file| file.secrets.keys().cloned()).collect();
    Observer::new(move |seen| {
        let secrets = seen.iter().flat_map(|variable| match variable.is_secret || declared.contains(variable.name) {
            true => vec![Secret::new(variable.value)],
            false => secrets_in(variable.name, variable.value),
        });
        redactor.learn(&secrets.collect::<Vec<_>>());
    })
}

/// Adds the public names of the project file.
pub(super) fn publish(context: &Context, project: &LoadedProject) {
    context.redactor.publish(public_names::of_project(project));
}

/// The values of secrets declared in the project file.
pub(super) fn learn_declared(context: &Context, project: &LoadedProject, stack: &Stack) {
    let declared = project.project.iter().flat_map(|file| file.secrets.keys());
    let values = declared.filter_map(|name| stack.environment.get(name));
    context.redactor.learn(&values.map(|value| Secret::new(value.as_str())).collect::<Vec<_>>());
}

/// The secrets of the channels in the project file.
pub(super) fn learn_channels(context: &Context, project: &LoadedProject, environment: &BTreeMap<String, String>) {
    let notify = project.project.as_ref().and_then(|file| file.notify.as_ref());
    context.redactor.learn(&notify.map(|notify| notify::secrets(notify, environment)).unwrap_or_default());
}

/// The content of a secret file, and the secrets in it if it is an env file or JSON.
fn in_file(path: &Path) -> Vec<Secret> {
    let is_file = path.metadata().is_ok_and(|found| found.is_file());
    let Some(file) = Some(path).filter(|_| is_file).and_then(|path| fs::File::open(path).ok()) else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    if file.take(LARGEST_FILE).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut secrets = within(&text);
    secrets.push(Secret::new(text));
    secrets
}

fn within(text: &str) -> Vec<Secret> {
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        let mut found = Vec::new();
        in_json("", &value, &mut found);
        return found;
    }
    let statements = entries(text, &Default::default()).unwrap_or_default();
    let values = statements.iter().filter_map(|entry| Some((&entry.key, entry.value.as_deref()?)));
    values.flat_map(|(key, value)| secrets_in(key, value)).collect()
}

fn in_json(key: &str, value: &serde_json::Value, found: &mut Vec<Secret>) {
    use serde_json::Value;
    match value {
        Value::String(text) if key.is_empty() || is_secret_name(key) => found.push(Secret::new(text.as_str())),
        Value::String(text) => found.extend(secrets_in(key, text)),
        Value::Array(items) => items.iter().for_each(|item| in_json(key, item, found)),
        Value::Object(map) => map.iter().for_each(|(key, item)| in_json(key, item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, text).unwrap();
        in_file(&path).iter().map(|secret| secret.expose().to_owned()).collect()
    }

    #[test]
    fn a_file_is_a_secret_and_may_hold_more() {
        assert_eq!(found("s3cr3t-word\n"), ["s3cr3t-word\n"]);
        assert_eq!(found("PORT=80\nDB_PASSWORD='w0rd'\n"), ["w0rd", "PORT=80\nDB_PASSWORD='w0rd'\n"]);
        let json = r#"{"type":"account","private_key":"k3y","list":[{"apiToken":"t0k"}]}"#;
        assert_eq!(found(json), ["k3y", "t0k", json]);
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        assert!(in_file(Path::new("/dev/zero")).is_empty());
        assert!(in_file(Path::new("")).is_empty());
        assert!(in_file(Path::new("/nowhere")).is_empty());
    }
}
