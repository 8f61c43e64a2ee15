//! Saves the plan of a deploy to a file, reads it, and compares it with the plan made again. The file holds no secret.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::changes::document;
use super::prepare::Prepared;
use super::proxy_config::without_secret;
use super::rehearsed_plan::{RehearsedPlan, StoredVerdict};
use crate::error::Result;
use crate::input_file::{Files as _, LocalFiles};
use crate::output_file::{Content, Existing, OutputFile, Rules};
use crate::plan::saved::{REST, SavedPlan, SavedStep, is_saved_plan};
use crate::plan::{Operation, Plan, ProxyOperation, Step, TaskOperation};
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};

/// The file a plan is saved to; a file that is something else is not replaced.
pub fn open_saved_plan(context: &Context, file: &Path) -> Result<OutputFile> {
    let rules = Rules { existing: Existing::ReplaceOwn(is_saved_plan), content: Content::Plain };
    let out = OutputFile::open(&context.cwd.join(file), rules)?;
    if out.is_standard_output() {
        let hint = Some("print the plan with `aictl plan --output json`".to_owned());
        let message = "a plan is not saved to standard output, where its report goes".to_owned();
        return Err(WorkflowError::Usage { message, hint }.into());
    }
    Ok(out)
}

/// Reads a saved plan.
pub fn load_saved_plan(context: &Context, file: &Path) -> Result<SavedPlan> {
    let again = Some("save a plan with `aictl plan --out FILE`".to_owned());
    let bytes = LocalFiles.read(&context.cwd.join(file)).map_err(|error| WorkflowError::Usage {
        message: format!("cannot read {}: {error}", file.display()),
        hint: again.clone(),
    })?;
    let named = |error| WorkflowError::Configuration { message: format!("{}: {error}", file.display()), hint: again };
    Ok(SavedPlan::decode(&bytes).map_err(named)?)
}

/// Refuses a plan that was made for another project or environment.
pub fn check_saved_plan(loaded: &LoadedStack, saved: &SavedPlan) -> Result<()> {
    let environment = loaded.project.environment_name.as_deref();
    let words = |name: Option<&str>| name.map_or("no environment".to_owned(), |name| format!("environment {name}"));
    if saved.project != loaded.name {
        return Err(refused(
            format!("the plan was saved for project {}, not for {}", saved.project, loaded.name),
            None,
        ));
    }
    if saved.environment.as_deref() != environment {
        let (theirs, ours) = (words(saved.environment.as_deref()), words(environment));
        let hint =
            saved.environment.as_ref().map(|name| format!("deploy it with `aictl --env {name} deploy --plan FILE`"));
        return Err(refused(format!("the plan was saved for {theirs}, not for {ours}"), hint));
    }
    Ok(())
}

fn refused(message: String, hint: Option<String>) -> crate::error::Error {
    WorkflowError::Usage { message, hint }.into()
}

/// What a saved plan is made from, besides the steps.
pub struct SavedFrom<'a> {
    /// The context of the verb.
    pub context: &'a Context,
    /// The project.
    pub loaded: &'a LoadedStack,
    /// The deploy.
    pub prepared: &'a Prepared,
}

impl SavedFrom<'_> {
    /// The plan as it is saved.
    pub fn saved(&self, plan: &Plan) -> Result<SavedPlan> {
        let step = |step: &Step| {
            let text = self.context.redactor.redact(&step.line(&plan.names)).into_owned();
            let details = serde_json::to_value(comparable(step)).map_err(|e| unwritten(&e))?;
            Ok(SavedStep { text, details: self.context.redactor.redact_json(&details) })
        };
        Ok(SavedPlan {
            aictl: env!("CARGO_PKG_VERSION").to_owned(),
            saved_at: (self.context.now)(),
            project: self.loaded.name.clone(),
            environment: self.loaded.project.environment_name.clone(),
            engine: self.prepared.engine.host.name.clone(),
            release: self.prepared.current.as_ref().map(|current| current.revision),
            remove_orphans: self.prepared.shipment.remove_orphans,
            configuration: self.digests()?,
            steps: plan.steps.iter().map(step).collect::<Result<_>>()?,
        })
    }

    /// Writes the plan.
    pub fn save(&self, plan: &Plan, out: OutputFile) -> Result<()> {
        let bytes = self.saved(plan)?.encode().map_err(|e| unwritten(&e))?;
        Ok(out.write(&bytes)?)
    }

    /// What a rehearsal of the deploy is valid for.
    pub fn rehearsed(&self, stored: Option<StoredVerdict>, required: bool) -> Result<RehearsedPlan> {
        Ok(RehearsedPlan {
            configuration: format!("{:?}", self.digests()?),
            release: self.prepared.current.as_ref().map(|current| current.revision),
            allow_incompatible: self.prepared.shipment.allow_incompatible,
            stored,
            required,
        })
    }

    /// Digests of the services and of the rest. The key is on the engine; before the first release there is none, and
    /// secrets are left out.
    fn digests(&self) -> Result<BTreeMap<String, String>> {
        let configuration = &self.prepared.shipment.configuration;
        let Value::Object(mut whole) = document(configuration)? else { return Ok(BTreeMap::new()) };
        let services = whole.shift_remove("services").and_then(|all| all.as_object().cloned()).unwrap_or_default();
        let mut found = BTreeMap::new();
        for (name, mut service) in services {
            if self.prepared.current.is_none()
                && let Some(map) = service.as_object_mut()
            {
                map.shift_remove("content");
            }
            found.insert(name, self.digest(&service));
        }
        let tasks = self.prepared.shipment.tasks.iter().map(|task| format!("{} {:?}", task.name, task.task));
        let checks = self.loaded.project.checks().map(|check| format!("{check:?}"));
        whole.insert("tasks and checks".to_owned(), tasks.chain(checks).collect::<Vec<_>>().into());
        found.insert(REST.to_owned(), self.digest(&Value::Object(whole)));
        Ok(found)
    }

    fn digest(&self, value: &Value) -> String {
        match &self.prepared.current {
            Some(current) => current.configuration.key.digest(value.to_string().as_bytes()),
            None => hex::encode(Sha256::digest(self.context.redactor.redact_json(value).to_string())),
        }
    }
}

fn unwritten(error: &serde_json::Error) -> crate::error::Error {
    WorkflowError::Refused { message: format!("the plan cannot be saved: {error}"), hint: None }.into()
}

/// The step without what is drawn anew each time: the name of a task's container, the secret of a new proxy.
fn comparable(step: &Step) -> Step {
    let mut step = step.clone();
    for operation in std::iter::once(&mut step.operation).chain(&mut step.undo) {
        match operation {
            Operation::Task(TaskOperation::Run { spec, .. }) => {
                // Its only alias is its name.
                spec.name.clear();
                spec.networks.iter_mut().for_each(|network| network.aliases.clear());
            }
            Operation::Proxy(ProxyOperation::Write { configuration, .. }) => {
                *configuration = without_secret(configuration);
            }
            _ => {}
        }
    }
    step
}

/// A saved plan that must be the one carried out.
pub struct Approval<'a> {
    /// The saved plan.
    pub saved: SavedPlan,
    /// What the plan is made from now.
    pub from: SavedFrom<'a>,
}

impl Approval<'_> {
    /// Refuses a plan for another engine.
    pub fn check_engine(&self) -> Result<()> {
        let (theirs, ours) = (&self.saved.engine, &self.from.prepared.engine.host.name);
        if theirs == ours {
            return Ok(());
        }
        Err(refused(format!("the plan was saved for the engine on {theirs}, not for the one on {ours}"), None))
    }

    /// Fails where the plan made again is another one.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        let differences = self.saved.outdated_by(&self.from.saved(plan)?);
        if differences.is_empty() {
            return Ok(());
        }
        Err(WorkflowError::StalePlan { project: self.saved.project.clone(), differences }.into())
    }
}
