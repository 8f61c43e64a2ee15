//! What the project wants in its env file, and where each value is to come from.
//! Reads the `secrets:` of aictl.yaml, the template and the variables of the compose files; returns one entry a name.
//! Never reads a value of the operator's.

use std::collections::BTreeMap;

use super::setting::{EnvFile, Setting, load_setting};
use crate::compose::{self, ComposeError, Variable};
use crate::error::Result;
use crate::input_file::LocalFiles;
use crate::project::{GenerateKind, LoadedProject, Project, SecretRequirement};
use crate::secret::{Alphabet, is_secret_name, placeholder_reason};
use crate::session::Context;
use crate::session::load::load_args;

/// Random bytes where the project file says nothing.
const BYTES: u32 = 32;

/// Words of names whose value somebody else gives out.
const ISSUED: &[&str] =
    &["API", "TOKEN", "WEBHOOK", "ACCESS", "SMTP", "CREDENTIAL", "CREDENTIALS", "CLIENT", "LICENSE"];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// We make it.
    Generated { alphabet: Alphabet, bytes: usize },
    /// The operator gives it; nothing works without it.
    Required,
    /// The operator may give it.
    Optional,
    /// The template's own value is meant.
    Copied,
}

/// One name of the env file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVariable {
    pub key: String,
    pub origin: Origin,
    pub min_length: Option<u32>,
    pub description: Option<String>,
}

impl EnvVariable {
    fn new(key: &str, origin: Origin) -> Self {
        Self { key: key.to_owned(), origin, min_length: None, description: None }
    }

    /// Whether it is a secret, as opposed to a setting that is copied.
    pub fn is_secret(&self) -> bool {
        self.origin != Origin::Copied || is_secret_name(&self.key)
    }
}

/// Every name, the project file's first, then the template's, then what only the compose files refer to.
fn wanted(
    project: Option<&Project>,
    template: Option<&EnvFile>,
    variables: &BTreeMap<String, Variable>,
) -> Vec<EnvVariable> {
    let declared = project.into_iter().flat_map(|project| &project.secrets);
    let mut all: Vec<EnvVariable> = declared.map(|(key, requirement)| of_requirement(key, requirement)).collect();
    for entry in template.into_iter().flat_map(|file| &file.entries) {
        if !all.iter().any(|known| known.key == entry.key) {
            all.push(EnvVariable::new(&entry.key, of_template(&entry.key, entry.value.as_deref().unwrap_or_default())));
        }
    }
    for (name, variable) in variables {
        // `${NAME:-}` says that it may be missing.
        let needed = variable.required || variable.plain && is_secret_name(name);
        if needed && !all.iter().any(|known| known.key == *name) {
            let origin = if is_generated(name) { generated() } else { Origin::Required };
            all.push(EnvVariable::new(name, origin));
        }
    }
    for wanted in all.iter_mut().filter(|wanted| wanted.origin == Origin::Optional) {
        if variables.get(&wanted.key).is_some_and(|variable| variable.required) {
            wanted.origin = Origin::Required;
        }
    }
    all
}

/// Names of the secrets that `generate` would make where they are missing.
pub fn generated_names(context: &Context) -> Result<Vec<String>> {
    let wanted = load_wanted(context, &load_setting(context)?)?;
    let generated = wanted.into_iter().filter(|wanted| matches!(wanted.origin, Origin::Generated { .. }));
    Ok(generated.map(|wanted| wanted.key).collect())
}

/// What the project wants; compose files that cannot be read are an error, none at all is not.
pub fn load_wanted(context: &Context, setting: &Setting) -> Result<Vec<EnvVariable>> {
    let variables = load_variables(context, &setting.project)?;
    Ok(wanted(setting.project.project.as_ref(), setting.template.as_ref(), &variables))
}

fn load_variables(context: &Context, project: &LoadedProject) -> Result<BTreeMap<String, Variable>> {
    let mut args = load_args(context, project)?;
    // The env file itself may not be there yet.
    args.env_files.clear();
    args.environment.insert("COMPOSE_DISABLE_ENV_FILE".to_owned(), "1".to_owned());
    match compose::load_variables(&args, &LocalFiles) {
        Err(ComposeError::NotFound { .. }) => Ok(BTreeMap::new()),
        result => Ok(result?),
    }
}

fn of_requirement(key: &str, requirement: &SecretRequirement) -> EnvVariable {
    let origin = match requirement.generate {
        Some(kind) => Origin::Generated {
            alphabet: alphabet(kind),
            bytes: usize::try_from(requirement.bytes.unwrap_or(BYTES)).unwrap_or(usize::MAX),
        },
        None if requirement.required => Origin::Required,
        None => Origin::Optional,
    };
    let mut wanted = EnvVariable::new(key, origin);
    wanted.min_length = requirement.min_length;
    wanted.description.clone_from(&requirement.description);
    wanted
}

fn of_template(key: &str, value: &str) -> Origin {
    if !is_secret_name(key) {
        return if placeholder_reason(value).is_some() && !value.is_empty() {
            Origin::Optional
        } else {
            Origin::Copied
        };
    }
    // A password that is published in a template is nobody's secret.
    if is_generated(key) { generated() } else { Origin::Optional }
}

fn generated() -> Origin {
    Origin::Generated { alphabet: Alphabet::UrlSafe, bytes: usize::try_from(BYTES).unwrap_or(usize::MAX) }
}

/// Whether a secret is the stack's own: anybody may choose it. `OPENAI_API_KEY` is not.
fn is_generated(key: &str) -> bool {
    let upper = key.to_ascii_uppercase();
    is_secret_name(key) && !upper.split(['_', '-', '.']).any(|word| ISSUED.contains(&word))
}

fn alphabet(kind: GenerateKind) -> Alphabet {
    match kind {
        GenerateKind::UrlSafe => Alphabet::UrlSafe,
        GenerateKind::Hex => Alphabet::Hex,
        GenerateKind::Alphanumeric => Alphabet::Alphanumeric,
        GenerateKind::Password => Alphabet::Password,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::env_file::entries;

    #[test]
    fn each_name_has_one_origin() {
        let project: Project = serde_json::from_value(serde_json::json!({ "secrets": {
            "SESSION": { "generate": "hex", "bytes": 16, "min_length": 20, "description": "signs cookies" },
            "OPENAI_API_KEY": { "required": true },
            "SLACK_WEBHOOK": {},
        }}))
        .unwrap();
        let text =
            "SESSION=x\nPOSTGRES_PASSWORD=postgres\nGITLAB_API_TOKEN=\nAPI_PORT=8000\nADMIN_EMAIL=your-email-here\n";
        let template = EnvFile { entries: entries(text, &BTreeMap::new()).unwrap(), ..EnvFile::default() };
        let required = |required| Variable { required, plain: !required, ..Variable::default() };
        let variables = [
            ("SLACK_WEBHOOK", required(true)),
            ("REDIS_PASSWORD", required(false)),
            ("REGION", required(true)),
            ("TAG", required(false)),
            ("STRIPE_SECRET", Variable::default()),
            ("JWT_SECRET", Variable { default_value: "x".into(), ..Variable::default() }),
        ];
        let variables = variables.map(|(name, variable)| (name.to_owned(), variable)).into();
        let all = wanted(Some(&project), Some(&template), &variables);
        let named: Vec<(&str, &Origin)> = all.iter().map(|wanted| (wanted.key.as_str(), &wanted.origin)).collect();
        let url_safe = generated();
        assert_eq!(
            named,
            [
                ("SESSION", &Origin::Generated { alphabet: Alphabet::Hex, bytes: 16 }),
                ("OPENAI_API_KEY", &Origin::Required),
                ("SLACK_WEBHOOK", &Origin::Required),
                ("POSTGRES_PASSWORD", &url_safe),
                ("GITLAB_API_TOKEN", &Origin::Optional),
                ("API_PORT", &Origin::Copied),
                ("ADMIN_EMAIL", &Origin::Optional),
                ("REDIS_PASSWORD", &url_safe),
                ("REGION", &Origin::Required),
            ]
        );
        assert_eq!((all[0].min_length, all[0].description.as_deref()), (Some(20), Some("signs cookies")));
    }
}
