//! What aictl.yaml says about backups: refuses by name what is not supported, and finds repository and password.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::location::{address, location};
use crate::backup::{Address, Location, LockOwner, Repository};
use crate::compose::load_environment;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::input_file::{Files as _, LocalFiles};
use crate::project::{BackupPolicy, LoadedProject, PasswordSource};
use crate::secret::Secret;
use crate::session::endpoint::endpoint;
use crate::session::load::own_args;
use crate::session::{Context, WorkflowError};

/// How long a command that prints the password may take.
const PASSWORD_COMMAND: Duration = Duration::from_secs(60);

/// The backups of a project.
pub struct BackupSettings {
    /// The policy.
    pub policy: BackupPolicy,
    /// The repository and its password.
    pub location: Location,
}

impl BackupSettings {
    /// Reads the settings; the variables of a stack may hold the password, too.
    pub async fn load(context: &Context, project: &LoadedProject, stack: Option<&Stack>) -> Result<Self> {
        let policy = project.project.as_ref().and_then(|file| file.backup.clone());
        let policy = policy.ok_or_else(|| WorkflowError::Configuration {
            message: "aictl.yaml has no `backup`".to_owned(),
            hint: Some(
                "add `backup: { repository: /var/backups/NAME, password: { env: BACKUP_PASSWORD } }` to it".to_owned(),
            ),
        })?;
        refuse_unsupported(&policy)?;
        let address = address(&project.directory, &expanded(context, &policy.repository), "backup.repository")?;
        let password = password(context, project, (&policy.password, stack)).await?;
        context.redactor.learn(std::slice::from_ref(&password));
        // Read once, and only where a server is reached.
        let of_files = match (&address, stack) {
            (Address::S3(_), Some(stack)) => stack.environment.clone(),
            (Address::S3(_), None) => of_env_files(context, project).unwrap_or_default(),
            _ => BTreeMap::new(),
        };
        let location = location(context, (address, password), |name| of_files.get(name).cloned());
        Ok(Self { policy, location })
    }

    /// A directory is one of this machine: refused for a stack elsewhere, unless that is meant.
    pub fn check_place(&self, context: &Context, project: &LoadedProject) -> Result<()> {
        if !matches!(self.location.address, Address::Directory(_)) {
            return Ok(());
        }
        let endpoint = endpoint(context, project)?;
        if endpoint.address().starts_with("unix://") || self.policy.local {
            return Ok(());
        }
        let message = format!(
            "backup.repository: `{}` is a local directory, but the stack runs on {}",
            self.policy.repository,
            endpoint.address()
        );
        let hint = Some("to use it anyway, set `backup: { local: true }` in aictl.yaml".to_owned());
        Err(WorkflowError::Configuration { message, hint }.into())
    }
}

/// Opens a repository that exists.
pub async fn open_to_read(location: &Location) -> Result<Repository> {
    let location = location.clone();
    let opened = tokio::task::spawn_blocking(move || location.open()).await;
    Ok(opened.map_err(|error| WorkflowError::usage(error.to_string()))??)
}

/// This process as the owner of a repository's lock.
pub fn lock_owner(context: &Context) -> LockOwner {
    let owner = &context.owner;
    LockOwner { host: owner.host.clone(), user: owner.user.clone(), pid: owner.pid }
}

fn refuse_unsupported(policy: &BackupPolicy) -> Result<()> {
    let unsupported = |what: String, hint: &str| Err(WorkflowError::Unsupported { what, hint: hint.to_owned() }.into());
    if policy.schedule.is_some() {
        return unsupported("backup.schedule".to_owned(), "remove it and run `aictl backup create` from cron");
    }
    let before_slash = policy.repository.split('/').next().unwrap_or_default();
    if let Some((scheme, _)) = before_slash.split_once(':').filter(|(scheme, _)| !matches!(*scheme, "s3" | "sftp")) {
        let hint = "name a directory, `sftp:USER@HOST:/PATH` or `s3:https://HOST/BUCKET/PREFIX`";
        return unsupported(format!("backup.repository: `{scheme}:` repositories"), hint);
    }
    Ok(())
}

/// `~` as a shell takes it.
fn expanded(context: &Context, path: &str) -> String {
    match (path.strip_prefix("~/"), context.variables.get("HOME")) {
        (Some(rest), Some(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

async fn password(
    context: &Context,
    project: &LoadedProject,
    (source, stack): (&PasswordSource, Option<&Stack>),
) -> Result<Secret> {
    let wrong = |message: String, hint: String| WorkflowError::Configuration { message, hint: Some(hint) };
    let text = if let Some(name) = &source.env {
        let of_files = || match stack {
            Some(stack) => stack.environment.get(name).cloned(),
            None => of_env_files(context, project)?.remove(name),
        };
        let value = context.variables.get(name).cloned().or_else(of_files).unwrap_or_default();
        if value.is_empty() {
            let message = format!("backup.password: the variable {name} is not set");
            return Err(wrong(message, format!("set it: `export {name}=…`")).into());
        }
        value
    } else if let Some(file) = &source.file {
        let path = project.directory.join(expanded(context, file));
        let failed =
            |error: std::io::Error| WorkflowError::File { path: path.display().to_string(), reason: error.to_string() };
        LocalFiles.read_text(&path).map_err(failed)?
    } else {
        printed(source, &project.directory).await?
    };
    let first = text.lines().next().unwrap_or_default();
    if first.is_empty() {
        return Err(wrong(
            "backup.password: it is empty".to_owned(),
            "write a password of at least 16 characters".to_owned(),
        )
        .into());
    }
    Ok(Secret::new(first))
}

/// The variables of the project's env files. The stack itself may not be readable yet: a restore brings its files back.
fn of_env_files(context: &Context, project: &LoadedProject) -> Option<BTreeMap<String, String>> {
    load_environment(&own_args(context, project).ok()?, &LocalFiles).ok()
}

/// What the command prints.
async fn printed(source: &PasswordSource, directory: &Path) -> Result<String> {
    let words = source.command.as_ref().map(|command| command.0.clone()).unwrap_or_default();
    let failed = |reason: String| WorkflowError::Configuration {
        message: format!("backup.password: the command failed: {reason}"),
        hint: Some("run it yourself to see why".to_owned()),
    };
    let (program, arguments) = words.split_first().ok_or_else(|| failed("it is empty".to_owned()))?;
    let mut command = crate::process::command(program).map_err(|error| failed(error.to_string()))?;
    command.args(arguments).current_dir(directory).kill_on_drop(true);
    let late = |_| failed(format!("no answer within {}s", PASSWORD_COMMAND.as_secs()));
    let output = tokio::time::timeout(PASSWORD_COMMAND, command.output()).await.map_err(late)?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()).into());
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it did not print text".to_owned()).into())
}
