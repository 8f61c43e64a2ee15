//! A project file around compose files that are there already: their names, their secrets, their migration.
//! Reads the compose files as they are written; returns the text of aictl.yaml.
//! Never changes a compose file, and never changes the project's name: what runs stays the same project.

use std::path::Path;

use super::written::{Draft, InitReport, write};
use crate::compose::value::Node;
use crate::compose::{ComposeError, LoadArgs, LoadOptions, Located, load, load_model, locate};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::project::PROJECT_FILE;
use crate::session::env_files::generated_names;
use crate::session::load::{load_args, load_project_file};
use crate::session::{Context, WorkflowError, managed_proxy};

/// Environment of an adopted project unless the command line names one.
const ENVIRONMENT: &str = "dev";

/// Writes the project file of the compose files in a directory.
pub(super) fn adopt(context: &Context, directory: &Path) -> Result<InitReport> {
    let project = load_project_file(context)?;
    if let Some(file) = &project.file {
        if project.directory != directory && !same_folder(&project.directory, directory) {
            return Err(inside_another(directory, file).into());
        }
        let (directory, dry_run) = (project.directory.display().to_string(), context.options.dry_run);
        let kept = vec![file.display().to_string()];
        return Ok(InitReport {
            directory,
            environment: project.environment_name,
            dry_run,
            kept,
            ..Default::default()
        });
    }
    let mut args: LoadArgs = load_args(context, &project)?;
    args.options.no_interpolate = true;
    let found = match locate(&args, &LocalFiles) {
        Err(ComposeError::NotFound { .. }) => return Err(nothing_here(directory).into()),
        result => result?,
    };
    let model = load_model(&args, &LocalFiles)?;
    let environment = context.options.environment.clone().unwrap_or_else(|| ENVIRONMENT.to_owned());
    let secrets = generated_names(context)?;
    let text = project_file(
        directory,
        &found,
        &FileParts {
            environment: &environment,
            secrets: &secrets,
            migration: migration(&model.root),
            routable: routable(args),
        },
    );
    let draft = Draft { path: PROJECT_FILE.to_owned(), bytes: text.into_bytes(), is_program: false };
    let report = write(context, directory, vec![draft], None)?;
    Ok(InitReport { environment: Some(environment), ..report })
}

fn same_folder(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// The project file of a folder above counts here as well: nothing is written, and nothing is up to date either.
fn inside_another(directory: &Path, file: &Path) -> WorkflowError {
    WorkflowError::Refused {
        message: format!("{} is inside the project of {}", directory.display(), file.display()),
        hint: Some(
            "use that project from here, or create another one from a built-in system: `aictl init --list`".to_owned(),
        ),
    }
}

fn nothing_here(directory: &Path) -> WorkflowError {
    WorkflowError::Refused {
        message: format!("{} contains no compose file", directory.display()),
        hint: Some("create a project from a built-in system with `aictl init --from ai-assistant`; list them with `aictl init --list`".to_owned()),
    }
}

/// Parts of the project file that are not from compose files.
struct FileParts<'a> {
    environment: &'a str,
    secrets: &'a [String],
    /// The service that runs the migration task.
    migration: Option<String>,
    /// Services whose ports a managed proxy would publish.
    routable: Vec<String>,
}

/// Services that a managed proxy would take over ports of. Files that lack variables yet propose nothing.
fn routable(args: LoadArgs) -> Vec<String> {
    let options = LoadOptions { all_resources: true, ..LoadOptions::default() };
    let loaded = load(&LoadArgs { options, ..args }, &LocalFiles);
    loaded.map(|loaded| managed_proxy::proposed(&loaded.stack)).unwrap_or_default()
}

fn project_file(
    directory: &Path,
    found: &Located,
    FileParts { environment, secrets, migration, routable }: &FileParts<'_>,
) -> String {
    let relative = |file: &String| {
        let path = Path::new(file);
        quoted(&path.strip_prefix(directory).unwrap_or(path).to_string_lossy())
    };
    let files: Vec<String> = found.files.iter().map(relative).collect();
    let mut text = String::from("# Created by `aictl init`; see `aictl schema` for all keys.\n");
    let (name, environment) = (quoted(&found.name), quoted(environment));
    text += &format!("name: {name}\ndefault_environment: {environment}\n\n");
    text += &format!("environments:\n  {environment}:\n    compose: [{}]\n", files.join(", "));
    if !routable.is_empty() {
        text += &format!(
            "    # Deploy without downtime: an nginx of aictl publishes the ports of {}.\n",
            routable.join(", ")
        );
        text += "    # proxy: { managed: true }\n";
    }
    if !secrets.is_empty() {
        text += "\n# Generate missing values in .env with `aictl secrets generate`.\nsecrets:\n";
    }
    for name in *secrets {
        text += &format!("  {name}: {{ generate: url-safe, bytes: 32 }}\n");
    }
    if let Some(service) = migration {
        let service = quoted(service);
        text += &format!("\ntasks:\n  migrate: {{ service: {service}, command: [alembic, upgrade, head] }}\n");
    }
    text
}

/// JSON's strings are YAML's; a plain word needs no quotes.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts && text.chars().all(is_plain) && !words.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

/// The first service that is built from a folder with alembic's configuration.
fn migration(root: &Node) -> Option<String> {
    let services = root.get("services")?.as_map()?;
    let mut built = services.iter().filter_map(|(name, service)| {
        let build = service.get("build")?;
        let context = build.get("context").unwrap_or(build).as_str()?;
        Path::new(context).join("alembic.ini").is_file().then(|| name.to_owned())
    });
    built.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_file_of_adopted_files_reads_back() {
        let found = Located {
            directory: "/srv/shop".into(),
            name: "shop".into(),
            files: vec!["/srv/shop/compose.yaml".into(), "/srv/shop/it's odd: {x}.yaml".into()],
        };
        let secrets = ["DB_PASSWORD".to_owned()];
        let text = project_file(
            Path::new("/srv/shop"),
            &found,
            &FileParts {
                environment: "on",
                secrets: &secrets,
                migration: Some("1c-api".into()),
                routable: vec!["web".into()],
            },
        );
        let project = crate::project::parse_project(&text).unwrap();
        assert_eq!(project.name.as_deref(), Some("shop"));
        assert_eq!(project.environments["on"].compose, ["compose.yaml", "it's odd: {x}.yaml"]);
        assert_eq!(project.tasks["migrate"].service, "1c-api");
        assert!(project.secrets.contains_key("DB_PASSWORD"));
        let project = crate::project::parse_project(&text.replace("# proxy:", "proxy:")).unwrap();
        assert!(project.environments["on"].proxy.as_ref().is_some_and(|proxy| proxy.managed));
    }
}
