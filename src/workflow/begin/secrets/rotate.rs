//! `aictl secrets rotate`: new values for secrets, in the env file and in the containers that use them.
//! Reads the setting and randomness; the change itself is a release.
//! Never shows a value.

use std::collections::BTreeMap;

use clap::Args;

use super::fill::Fill;
use super::generate::{cannot, destination};
use super::judgement::{Circumstances, fault};
use crate::compose::env_file::{entries, replace};
use crate::error::{Result, nearest};
use crate::secret::{self, Secret};
use crate::session::deploy::{Rotation, ShipReport, rotate};
use crate::session::env_files::{EnvFile, EnvVariable, Origin, Setting, load_setting, load_wanted};
use crate::session::load::load_stack;
use crate::session::{Context, WorkflowError};

/// Options of `secrets rotate`.
#[derive(Debug, Clone, Default, Args)]
pub struct RotateArgs {
    /// Names of the secrets to replace
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    /// Read the new value from standard input; for one secret
    #[arg(long)]
    pub from_stdin: bool,
    /// Record a reason with the release
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// Rotates.
pub async fn run(context: &Context, args: RotateArgs) -> Result<ShipReport> {
    let setting = load_setting(context)?;
    let wanted = load_wanted(context, &setting)?.0;
    let keys = with_signed(&wanted, &args.keys);
    check_keys(&wanted, &args)?;
    let file = env_file(context, &setting, &keys)?;
    let source = FileUpdate { context, setting: &setting, file, wanted: &wanted };
    let after = match args.from_stdin {
        true => source.given(&args.keys[0])?,
        false => source.generated(&keys)?,
    };
    let values = new_values(&after, &keys);
    context.redactor.learn(&values.values().cloned().collect::<Vec<_>>());
    let destination = destination(context, &setting, &file.path)?;
    let (path, before) = (file.path.clone(), file.text.clone());
    let loaded = load_stack(context)?;
    let rotation = Rotation { values, file: destination, path, before, after, message: args.message };
    rotate(context, &loaded, rotation).await
}

/// The named secrets, and the tokens that are signed with them.
fn with_signed(wanted: &[EnvVariable], named: &[String]) -> Vec<String> {
    let is_signed = |wanted: &&EnvVariable| matches!(&wanted.origin, Origin::Signed(by) if named.contains(by));
    let mut keys = named.to_vec();
    keys.extend(wanted.iter().filter(is_signed).map(|wanted| wanted.key.clone()));
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn check_keys(wanted: &[EnvVariable], args: &RotateArgs) -> Result<()> {
    let is_rotatable = |wanted: &&EnvVariable| wanted.is_secret();
    let known: Vec<String> = wanted.iter().filter(is_rotatable).map(|wanted| wanted.key.clone()).collect();
    for key in &args.keys {
        let Some(found) = wanted.iter().filter(is_rotatable).find(|wanted| wanted.key == *key) else {
            let nearest = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(WorkflowError::NoSecret { name: key.clone(), nearest, known }.into());
        };
        if !args.from_stdin && !found.is_made() {
            let message = format!("`{key}` is issued by a third party and cannot be generated");
            let hint = Some(format!("get a new value there, then run `aictl secrets rotate {key} --from-stdin`"));
            return Err(WorkflowError::Usage { message, hint }.into());
        }
    }
    if args.from_stdin && args.keys.len() != 1 {
        return Err(WorkflowError::usage("`--from-stdin` takes the value of one secret".to_owned()).into());
    }
    Ok(())
}

/// The env file that gives the secrets their values.
fn env_file<'s>(context: &Context, setting: &'s Setting, keys: &[String]) -> Result<&'s EnvFile> {
    let refused = |message: String, hint: String| WorkflowError::Refused { message, hint: Some(hint) };
    let mut file: Option<&EnvFile> = None;
    for key in keys {
        if context.variables.contains_key(key) {
            let message =
                format!("`{key}` is set in the environment of this process, which the env file does not change");
            return Err(refused(message, format!("unset it with `unset {key}`")).into());
        }
        let found = setting.found(key).filter(|(_, entry)| entry.value.as_ref().is_some_and(|v| !v.is_empty()));
        let Some((found, _)) = found else {
            let message = format!("`{key}` has no value in an env file");
            return Err(refused(message, format!("give it one with `aictl secrets generate {key}`")).into());
        };
        if file.is_some_and(|file| file.path != found.path) {
            let message = "the secrets are in different env files".to_owned();
            return Err(refused(message, format!("rotate them one by one: `aictl secrets rotate {key}`")).into());
        }
        file = Some(found);
    }
    file.ok_or_else(|| WorkflowError::usage("name a secret".to_owned()).into())
}

/// What new values are made from.
struct FileUpdate<'a> {
    context: &'a Context,
    setting: &'a Setting,
    file: &'a EnvFile,
    wanted: &'a [EnvVariable],
}

impl FileUpdate<'_> {
    /// The text of the env file with generated values.
    fn generated(&self, keys: &[String]) -> Result<String> {
        let fill = Fill {
            existing: Some(self.file),
            template: self.setting.template.as_ref(),
            wanted: self.wanted,
            elsewhere: &Default::default(),
            only: keys,
            replace: true,
        };
        let mut random = self.context.random;
        let filled = fill.fill(&mut |form| secret::generate(form, &mut random));
        Ok(filled.map_err(|error| cannot(self.context, self.setting, &error))?.text)
    }

    /// The text of the env file with a value that the operator gives.
    fn given(&self, key: &str) -> Result<String> {
        let refused = |message: String| WorkflowError::Refused { message, hint: None };
        let unreadable =
            |e: std::io::Error| WorkflowError::File { path: "standard input".into(), reason: e.to_string() };
        let read = (self.context.read_stdin)().map_err(unreadable)?;
        let value = read.strip_suffix('\n').map_or(read.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        self.context.redactor.learn(&[Secret::new(value)]);
        let min_length = self.wanted.iter().find(|wanted| wanted.key == key).and_then(|wanted| wanted.min_length);
        if let Some((_, reason)) = fault(value, &Circumstances { min_length, ..Circumstances::default() }) {
            return Err(refused(format!("the new value of `{key}` is not used: it {reason}")).into());
        }
        let mut text = self.file.text.clone();
        let Some(entry) = self.file.entry(key) else { return Ok(text) };
        if entry.value.as_deref() == Some(value) {
            return Err(refused(format!("`{key}` has this value already")).into());
        }
        replace(&mut text, entry, value).map_err(|error| refused(format!("`{key}`: {error}")))?;
        Ok(text)
    }
}

/// The values that a text gives these names.
fn new_values(text: &str, keys: &[String]) -> BTreeMap<String, Secret> {
    let found = entries(text, &BTreeMap::new()).unwrap_or_default().into_iter();
    let named = found.filter(|entry| keys.contains(&entry.key));
    named.filter_map(|entry| Some((entry.key, Secret::new(entry.value?)))).collect()
}
