//! Collects secrets in compose files with their positions: literals, defaults, variables passed through, env files and
//! files of `secrets:`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::compose::value::{Node, Position};
use crate::compose::{self, ComposeError, Variable, Written};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::project::LoadedProject;
use crate::secret::{SecretKind, secret_kind};
use crate::session::Context;
use crate::session::load::load_args;
use crate::template;

/// A value that is written in a compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub key: String,
    pub value: String,
    pub file: PathBuf,
    pub line: u32,
    /// Names beside it that have the same value, and are no secrets.
    pub same: Option<String>,
}

/// A file of `secrets:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    pub name: String,
    pub path: PathBuf,
}

/// Secrets in the compose files.
#[derive(Debug, Default)]
pub struct ComposeSecrets {
    pub variables: BTreeMap<String, Variable>,
    pub literals: Vec<Literal>,
    /// Name → default, where that is a value and no reference.
    pub defaults: BTreeMap<String, String>,
    /// Env files of services.
    pub env_files: Vec<PathBuf>,
    pub secret_files: Vec<SecretFile>,
    /// Names of the project, its services and images.
    pub names: Vec<String>,
}

/// Collects them; empty without compose files.
pub fn load_compose_secrets(context: &Context, project: &LoadedProject) -> Result<ComposeSecrets> {
    let mut args = load_args(context, project)?;
    // The env file itself may not be there yet.
    args.env_files.clear();
    args.environment.insert("COMPOSE_DISABLE_ENV_FILE".to_owned(), "1".to_owned());
    match compose::load_written(&args, &LocalFiles) {
        Err(ComposeError::NotFound { .. }) => Ok(ComposeSecrets::default()),
        result => Ok(Reader { root: &project.directory, written: &result? }.read()),
    }
}

struct Reader<'w> {
    root: &'w Path,
    written: &'w Written,
}

impl Reader<'_> {
    fn read(&self) -> ComposeSecrets {
        let variables = self.written.variables.clone();
        let published = variables.iter().filter(|(_, variable)| !variable.default_value.is_empty());
        let defaults = published.map(|(name, variable)| (name.clone(), variable.default_value.clone()));
        let mut found = ComposeSecrets { defaults: defaults.collect(), variables, ..ComposeSecrets::default() };
        found.defaults.retain(|_, value| !value.contains('$'));
        found.names.extend(self.written.root.get("name").and_then(Node::as_str).map(str::to_owned));
        for section in ["services", "jobs"] {
            for (name, service) in self.section(section) {
                found.names.push(name.to_owned());
                self.service(service, &mut found);
            }
        }
        for (name, secret) in self.section("secrets") {
            if let Some(path) = secret.get("file").and_then(Node::as_str).filter(|path| !path.contains("${")) {
                found.secret_files.push(SecretFile { name: name.to_owned(), path: self.root.join(path) });
            }
            if let Some(variable) = secret.get("environment").and_then(Node::as_str) {
                needed(&mut found.variables, variable).required = true;
            }
        }
        found.env_files.sort();
        found.env_files.dedup();
        found
    }

    fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Node)> {
        let entries = self.written.root.get(name).and_then(Node::as_map);
        entries.into_iter().flatten().map(|(name, node)| (name.as_str(), node))
    }

    fn service(&self, service: &Node, found: &mut ComposeSecrets) {
        let image = service.get("image").and_then(Node::as_str).filter(|image| !image.contains('$'));
        found.names.extend(image.map(str::to_owned));
        let settings = [service.get("environment"), service.get("build").and_then(|build| build.get("args"))];
        for (number, node) in settings.into_iter().enumerate() {
            let pairs = node.map(pairs).unwrap_or_default();
            for (key, value, at) in &pairs {
                match value {
                    Some(value) => found.literals.extend(self.literal((key, value, *at), &pairs)),
                    // A provider's secret that is passed through is optional.
                    None if number == 0 && secret_kind(key, "") == SecretKind::Own => {
                        needed(&mut found.variables, key).plain = true;
                    }
                    None => {}
                }
            }
        }
        for file in listed(service.get("env_file")) {
            let path = file.as_str().or_else(|| file.get("path")?.as_str()).filter(|path| !path.contains("${"));
            found.env_files.extend(path.map(|path| self.root.join(path)));
        }
    }

    fn literal(&self, (key, value, at): (&String, &String, Position), pairs: &[Pair]) -> Option<Literal> {
        // `$$` is a dollar sign, any other begins a reference.
        if value.is_empty() || value.replace("$$", "").contains('$') {
            return None;
        }
        let open = |(other, theirs, _): &&Pair| {
            theirs.as_ref() == Some(value) && other != key && secret_kind(other, value) == SecretKind::None
        };
        let file = self.written.files.get(usize::from(at.file)).map(PathBuf::from).unwrap_or_default();
        Some(Literal {
            key: key.clone(),
            value: value.replace("$$", "$"),
            file: of_template(file),
            line: at.line,
            same: pairs.iter().find(open).map(|(other, ..)| other.clone()),
        })
    }
}

/// The file to edit: for a rendered file its template.
fn of_template(file: PathBuf) -> PathBuf {
    let template = PathBuf::from(format!("{}{}", file.display(), template::SUFFIX));
    if !file.exists() && template.exists() { template } else { file }
}

fn needed<'v>(variables: &'v mut BTreeMap<String, Variable>, name: &str) -> &'v mut Variable {
    variables.entry(name.to_owned()).or_insert_with(|| Variable { name: name.to_owned(), ..Variable::default() })
}

/// Name, value and place.
type Pair = (String, Option<String>, Position);

/// `NAME=value`, `NAME`, or `NAME: value`.
fn pairs(node: &Node) -> Vec<Pair> {
    let of_list = listed(Some(node)).filter_map(|item| {
        let text = item.as_str()?;
        Some(match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned()), item.at),
            None => (text.to_owned(), None, item.at),
        })
    });
    let of_map = node.as_map().into_iter().flatten().map(|(key, value)| {
        let text = value.as_str().map(str::to_owned);
        (key.clone(), text, value.at)
    });
    of_list.chain(of_map).collect()
}

/// One or several.
fn listed(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let list = node.and_then(Node::as_list).unwrap_or_default();
    list.iter().chain(node.filter(|node| node.as_str().is_some()))
}
