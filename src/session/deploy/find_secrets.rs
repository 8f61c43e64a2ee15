//! Finds where the secrets of the env files stand in a stack: loads it again with a mark in place of each value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::edited_files::EditedFiles;
use super::secret_places::{SecretPlaces, StackContents, mark};
use crate::compose::env_file::{Entry, entries, replace};
use crate::compose::model::Stack;
use crate::compose::{self, LoadArgs, Observer};
use crate::input_file::{Files as _, LocalFiles};
use crate::plan::api_socket;
use crate::plan::content::{ServiceContent, load_content};
use crate::secret::{Secret, SecretKind, secret_kind};
use crate::session::Context;
use crate::session::env_files::EnvFile;
use crate::session::load::{LoadedStack, docker_settings};

/// The secrets of the env files and their places in the stack; none where they cannot be told.
pub(super) fn find_secrets(
    context: &Context,
    loaded: &LoadedStack,
    plain: StackContents<'_>,
    local: bool,
) -> SecretPlaces {
    find(context, loaded, plain, local).unwrap_or_default()
}

fn find(context: &Context, loaded: &LoadedStack, plain: StackContents<'_>, local: bool) -> Option<SecretPlaces> {
    let source = loaded.source.as_ref()?;
    let declared: BTreeSet<&String> = loaded.project.project.iter().flat_map(|file| file.secrets.keys()).collect();
    let mut values = BTreeMap::new();
    let mut texts: Vec<(&Path, String)> = Vec::new();
    let mut environment = source.args.environment.clone();
    // A later file and a later line win.
    for path in source.env_files.iter().rev() {
        let file = env_file(path)?;
        let is_secret = |entry: &&Entry| {
            let written = file.written(entry);
            let kind = secret_kind(&entry.key, &written);
            // What refers to other variables gets their values.
            !written.contains('$') && (declared.contains(&entry.key) || kind != SecretKind::None)
        };
        let mut text = file.text.clone();
        // From the end, so that the places of those before stay right.
        for entry in file.entries.iter().rev().filter(is_secret) {
            let Some(value) = entry.value.clone().filter(|value| !value.is_empty()) else { continue };
            replace(&mut text, entry, &mark(&entry.key)).ok()?;
            let value = environment.get_mut(&entry.key).map_or(value, |own| std::mem::replace(own, mark(&entry.key)));
            values.entry(entry.key.clone()).or_insert(Secret::new(value));
        }
        texts.push((path, text));
    }
    if values.is_empty() {
        return Some(SecretPlaces::none());
    }
    let files = EditedFiles::new(texts.into_iter()).ok()?;
    let args = LoadArgs { environment, observer: Observer::default(), ..source.args.clone() };
    let marked = load_edited(context, &args, &files)?;
    let contents = load_all_contents(&marked, plain.stack.services.keys(), local)?;
    SecretPlaces::between(values, plain, StackContents { stack: &marked, contents: &contents })
}

/// The stack as it is with edited files.
pub(super) fn load_edited(context: &Context, args: &LoadArgs, files: &EditedFiles) -> Option<Stack> {
    let mut stack = compose::load(args, files).ok()?.stack;
    api_socket::grant(&mut stack, docker_settings(context).as_deref(), &LocalFiles);
    Some(stack)
}

/// The contents of services.
pub(super) fn load_all_contents<'n>(
    stack: &Stack,
    names: impl Iterator<Item = &'n String>,
    local: bool,
) -> Option<BTreeMap<String, ServiceContent>> {
    names.map(|name| Some((name.clone(), load_content(stack, name, local, &LocalFiles).ok()?))).collect()
}

fn env_file(path: &Path) -> Option<EnvFile> {
    // A pipe was read to its end.
    let text = LocalFiles.has_file(path).then(|| LocalFiles.read_text(path).ok()).flatten()?;
    let entries = entries(&text, &BTreeMap::new()).ok()?;
    Some(EnvFile { path: path.to_owned(), text, entries })
}
