//! What the project wants in its env file, and where each value is to come from.
//! Reads the `secrets:` of aictl.yaml, the template and the variables of the compose files; returns one entry a name.
//! Never reads a value of the operator's.

use std::collections::{BTreeMap, BTreeSet};

use super::compose_secrets::{ComposeSecrets, load_compose_secrets};
use super::setting::{EnvFile, Setting, load_setting};
use crate::compose::Variable;
use crate::compose::env_file::Entry;
use crate::error::Result;
use crate::project::{GenerateKind, Project, SecretRequirement};
use crate::secret::{Alphabet, Form, SecretKind, form_of, is_off_when_empty, jwt, placeholder_reason, secret_kind};
use crate::session::Context;

/// Random bytes where the project file says nothing.
const BYTES: u32 = 32;

/// Phrases in comments about values that may be empty.
#[rustfmt::skip]
const MAY_BE_EMPTY: &[&str] = &[
    "leave empty", "leave blank", "leave it empty", "leave this empty", "left empty", "optional", "if empty", "when empty", "if blank",
    "empty to", "empty for", "empty disables", "empty means", "or empty", "if not set", "if unset", "unset to",
    "only needed", "only required",
];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// We make it.
    Generated(Form),
    /// A token that is signed with the secret of this name.
    Signed(String),
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
    pub kind: SecretKind,
    /// Whether the project file names it.
    pub is_declared: bool,
    /// Generated only if named: the compose files already have a value.
    pub on_request: bool,
    pub min_length: Option<u32>,
    pub description: Option<String>,
}

impl EnvVariable {
    fn new(key: &str, origin: Origin, kind: SecretKind) -> Self {
        let key = key.to_owned();
        Self { key, origin, kind, is_declared: false, on_request: false, min_length: None, description: None }
    }

    /// Whether it is a secret, as opposed to a setting.
    pub fn is_secret(&self) -> bool {
        self.kind != SecretKind::None
    }

    /// Whether a value is generated.
    pub fn is_made(&self) -> bool {
        matches!(self.origin, Origin::Generated(_) | Origin::Signed(_))
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
    for (file, entry) in template.into_iter().flat_map(|file| file.entries.iter().map(move |entry| (file, entry))) {
        if !all.iter().any(|known| known.key == entry.key) {
            all.push(of_template(file, entry, variables.get(&entry.key)));
        }
    }
    let commented_out: BTreeSet<&str> = template.into_iter().flat_map(EnvFile::commented_out).collect();
    for (name, variable) in variables {
        if !all.iter().any(|known| known.key == *name) {
            all.extend(of_variable(name, variable, commented_out.contains(name.as_str())));
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
    let wanted = load_wanted(context, &load_setting(context)?)?.0;
    let generated = wanted.into_iter().filter(|wanted| wanted.is_made() && !wanted.on_request);
    Ok(generated.map(|wanted| wanted.key).collect())
}

/// What the project wants, and what its compose files hold; files that cannot be read are an error, none at all is not.
pub fn load_wanted(context: &Context, setting: &Setting) -> Result<(Vec<EnvVariable>, ComposeSecrets)> {
    let mut found = load_compose_secrets(context, &setting.project)?;
    let variables = std::mem::take(&mut found.variables);
    Ok((wanted(setting.project.project.as_ref(), setting.template.as_ref(), &variables), found))
}

/// What only the compose files refer to. `${NAME:-}` says that it may be missing, and so does a template that has it
/// commented out.
fn of_variable(name: &str, variable: &Variable, optional: bool) -> Option<EnvVariable> {
    let published = variable.default_value.as_str();
    let kind = secret_kind(name, published);
    let secret = kind != SecretKind::None;
    let origin = if kind == SecretKind::Own { Origin::Generated(form_of(published, "")) } else { Origin::Required };
    if variable.required || variable.plain && secret && !optional {
        return Some(EnvVariable::new(name, origin, kind));
    }
    let on_request = kind == SecretKind::Own;
    on_request.then(|| EnvVariable { on_request, ..EnvVariable::new(name, origin, kind) })
}

fn of_requirement(key: &str, requirement: &SecretRequirement) -> EnvVariable {
    let bytes = usize::try_from(requirement.bytes.unwrap_or(BYTES)).unwrap_or(usize::MAX);
    let (origin, kind) = match requirement.generate {
        Some(kind) => (Origin::Generated(Form::new(alphabet(kind), bytes)), SecretKind::Own),
        None if requirement.required => (Origin::Required, SecretKind::Issued),
        None => (Origin::Optional, SecretKind::Issued),
    };
    let mut wanted = EnvVariable::new(key, origin, kind);
    wanted.is_declared = true;
    wanted.min_length = requirement.min_length;
    wanted.description.clone_from(&requirement.description);
    wanted
}

fn of_template(file: &EnvFile, entry: &Entry, variable: Option<&Variable>) -> EnvVariable {
    let (key, written, comment) = (entry.key.as_str(), file.written(entry), file.comment(entry));
    let kind = secret_kind(key, &written);
    let origin = match kind {
        _ if jwt::is_token(&written) => signed(file, &written).map_or(Origin::Optional, Origin::Signed),
        SecretKind::None if is_stand_in(kind, &written) => Origin::Optional,
        SecretKind::None => Origin::Copied,
        SecretKind::Issued => Origin::Optional,
        SecretKind::Own if written.is_empty() && may_be_empty(key, &comment, variable) => Origin::Optional,
        // A password published in a template is not a secret.
        SecretKind::Own => Origin::Generated(form_of(&written, &comment)),
    };
    EnvVariable::new(key, origin, kind)
}

/// Whether the template's value must be replaced: a placeholder or a published secret, but not a reference.
pub fn is_stand_in(kind: SecretKind, written: &str) -> bool {
    let refers = written.contains("${") || written.starts_with('$') && !written.starts_with("$(");
    !written.is_empty() && !refers && (kind != SecretKind::None || placeholder_reason(written).is_some())
}

/// Whether a secret that is empty in the template may stay empty, judged by its use in the compose files.
fn may_be_empty(key: &str, comment: &str, variable: Option<&Variable>) -> bool {
    if let Some(variable) = variable {
        return !variable.required && !variable.plain;
    }
    let comment = comment.to_lowercase();
    is_off_when_empty(key) || MAY_BE_EMPTY.iter().any(|said| comment.contains(said))
}

/// The secret of the template that signed a token of it.
fn signed(file: &EnvFile, token: &str) -> Option<String> {
    let signs = |entry: &&Entry| entry.value.as_deref().is_some_and(|secret| jwt::is_signed_by(token, secret));
    file.entries.iter().find(signs).map(|entry| entry.key.clone())
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
        let text = "SESSION=x\nPOSTGRES_PASSWORD=postgres\nGITLAB_API_TOKEN=\nAPI_PORT=8000\nADMIN_EMAIL=your-email-here\n#HIDDEN_PASSWORD=x\n";
        let read = entries(text, &BTreeMap::new()).unwrap();
        let template = EnvFile { entries: read, text: text.to_owned(), ..EnvFile::default() };
        let required = |required| Variable { required, plain: !required, ..Variable::default() };
        let variables = [
            ("SLACK_WEBHOOK", required(true)),
            ("REDIS_PASSWORD", required(false)),
            ("REGION", required(true)),
            ("TAG", required(false)),
            ("STRIPE_SECRET", Variable::default()),
            ("GRAFANA_SECRET", Variable::default()),
            ("HIDDEN_PASSWORD", required(false)),
            ("JWT_SECRET", Variable { default_value: "x".into(), ..Variable::default() }),
        ];
        let variables = variables.map(|(name, variable)| (name.to_owned(), variable)).into();
        let all = wanted(Some(&project), Some(&template), &variables);
        let made = all.iter().filter(|wanted| !wanted.on_request);
        let named: Vec<(&str, &Origin)> = made.map(|wanted| (wanted.key.as_str(), &wanted.origin)).collect();
        let on_request = all.iter().filter(|wanted| wanted.on_request).map(|wanted| wanted.key.as_str());
        assert_eq!(on_request.collect::<Vec<_>>(), ["GRAFANA_SECRET", "HIDDEN_PASSWORD", "JWT_SECRET"]);
        let url_safe = Origin::Generated(Form::default());
        assert_eq!(
            named,
            [
                ("SESSION", &Origin::Generated(Form::new(Alphabet::Hex, 16))),
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
