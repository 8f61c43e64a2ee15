//! The steps that change passwords which data services keep, and where they stand in the plan of a deploy.
//!
//! A role of PostgreSQL has one password: it is changed before the first new container, and from then until the switch the
//! present containers cannot open new connections. Redis takes the old password beside the new one until they are gone.

use std::collections::BTreeMap;

use super::accounts::Account;
use super::configuration::Configuration;
use super::releases::Releases;
use crate::error::Result;
use crate::plan::{
    AcceptedPasswords, ContainerOperation, DataOperation, Login, Observed, Operation, PasswordChange, Phase, Plan,
    StepId, WaitOperation,
};
use crate::release::{PastRelease, ReleaseCause, ReleaseStatus};
use crate::secret::Secret;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// A password that a service gets.
#[derive(Clone)]
pub struct NewPassword {
    pub(super) account: Account,
    /// The name of the secret.
    pub(super) key: String,
    pub(super) value: Secret,
    /// What it may be now.
    pub(super) known: Vec<Secret>,
    /// What it is again after a failure.
    pub(super) undo: Option<Secret>,
}

impl NewPassword {
    /// The passwords of the logins that a secret of a configuration is for. `undo`: what serves, if it comes back after a
    /// failure.
    pub(super) fn of(
        configuration: &Configuration,
        key: &str,
        (known, undo): (&[Secret], Option<&Secret>),
    ) -> Vec<Self> {
        let Some(value) = configuration.secrets.values.get(key).map(|secret| &secret.value) else { return Vec::new() };
        let new = |account| Self {
            account,
            key: key.to_owned(),
            value: value.clone(),
            known: known.to_vec(),
            undo: undo.cloned(),
        };
        configuration.accounts(key).into_iter().map(new).collect()
    }

    /// What clients of the service notice.
    pub(super) fn limit(&self) -> String {
        let (key, service) = (&self.key, &self.account.service);
        match &self.account.login {
            Login::PostgresRole(role) => format!(
                "`{key}` is the password of role {role} in {service}: containers with the old one cannot open new \
                 connections from its change until the switch; open connections stay"
            ),
            Login::RedisUser(_) => format!("{service} restarts with the new `{key}` and does not answer meanwhile"),
        }
    }

    fn change(&self, container: &str, accepted: AcceptedPasswords, value: &Secret) -> Operation {
        let known = self.known.iter().chain([&self.value]).filter(|known| *known != value).cloned().collect();
        let (service, login) = (self.account.service.clone(), self.account.login.clone());
        let container = container.to_owned();
        let change = PasswordChange { service, container, login, accepted, value: value.clone(), known };
        DataOperation::ChangePassword(Box::new(change)).into()
    }
}

/// The plan with the steps that change passwords.
pub(super) fn with_passwords(passwords: &[NewPassword], observed: &Observed, plan: Plan) -> Plan {
    let mut plan = plan;
    let mut first = Plan { project: plan.project.clone(), ..Plan::default() };
    for password in passwords {
        match password.account.login {
            Login::PostgresRole(_) => set_role_password(password, observed, (&mut first, &mut plan)),
            Login::RedisUser(_) => set_redis_password(password, observed, &mut plan),
        }
    }
    if first.is_empty() {
        return plan;
    }
    first.then(plan);
    first
}

/// Before everything else, or as soon as the server is ready.
fn set_role_password(password: &NewPassword, observed: &Observed, (first, plan): (&mut Plan, &mut Plan)) {
    let cause = "new containers log in with it";
    let set = |container: &str, value| password.change(container, AcceptedPasswords::Only, value);
    let service = &password.account.service;
    if let Some((ready, container)) = ready(plan, service) {
        let step = plan.insert_after(ready, set(&container, &password.value), cause);
        if !creates(plan, service) {
            undo(plan, step, password, &container);
        }
    } else if let Some(container) = running(observed, service) {
        let after: Vec<StepId> = first.last_step().into_iter().collect();
        let step = first.push(Phase::Prepare, set(container, &password.value), cause, &after);
        undo(first, step, password, container);
    }
}

fn undo(plan: &mut Plan, step: StepId, password: &NewPassword, container: &str) {
    if let Some(before) = &password.undo {
        plan.on_failure(step, password.change(container, AcceptedPasswords::Only, before), &[]);
    }
}

/// The old one is good until the old containers are gone.
fn set_redis_password(password: &NewPassword, observed: &Observed, plan: &mut Plan) {
    let service = &password.account.service;
    let new = ready(plan, service).filter(|_| creates(plan, service));
    let container = match &new {
        Some((ready, container)) => {
            if let Some(old) = password.undo.as_ref().or(password.known.first()) {
                let add = password.change(container, AcceptedPasswords::Also, old);
                let step = plan.insert_after(*ready, add, "containers that are about to be replaced log in with it");
                plan.tolerate(step);
            }
            container.clone()
        }
        None => match running(observed, service) {
            Some(container) => container.to_owned(),
            None => return,
        },
    };
    let all: Vec<StepId> = (0..plan.steps.len()).map(StepId).collect();
    let only = password.change(&container, AcceptedPasswords::Only, &password.value);
    plan.push(Phase::Retire, only, "the old password is no longer in use", &all);
}

/// The step after which a service is ready, and its container.
fn ready(plan: &Plan, service: &str) -> Option<(StepId, String)> {
    plan.steps.iter().enumerate().rev().find_map(|(index, step)| match &step.operation {
        Operation::Wait(WaitOperation::Ready { service: of, container, .. }) if of == service => {
            Some((StepId(index), container.clone()))
        }
        _ => None,
    })
}

/// Whether the service gets a new container.
fn creates(plan: &Plan, service: &str) -> bool {
    plan.steps.iter().any(|step| match &step.operation {
        Operation::Container(ContainerOperation::Create(spec)) => spec.service_name == service,
        _ => false,
    })
}

fn running<'o>(observed: &'o Observed, service: &str) -> Option<&'o str> {
    let found = observed.instances.iter().find(|c| c.service == service && !c.one_off && c.state.is_up());
    found.map(|container| container.id.as_str())
}

impl Releases {
    /// Rotations since the present release of which it is not known how far they came, and the present one if it ended
    /// before all was done.
    fn unsettled(&self) -> impl Iterator<Item = &PastRelease> {
        let present = self.current().map(|current| current.revision).unwrap_or_default();
        let rotations = self.list.iter().filter(|past| matches!(past.release.cause, ReleaseCause::Rotate));
        rotations.filter(move |past| match past.status {
            ReleaseStatus::Failed | ReleaseStatus::Interrupted => past.revision > present,
            ReleaseStatus::Deployed => past.revision == present && past.release.serves,
            ReleaseStatus::Running | ReleaseStatus::Baking | ReleaseStatus::Superseded | ReleaseStatus::RolledBack => {
                false
            }
        })
    }

    /// The passwords that data services must get with a configuration, because a rotation before did not come to its
    /// end; containers that such a rotation left as they were count as they are.
    pub async fn settle(
        &self,
        (context, target): (&Context, &dyn Target),
        configuration: &mut Configuration,
    ) -> Result<Vec<NewPassword>> {
        let mut known: BTreeMap<String, Vec<Secret>> = BTreeMap::new();
        let current = match self.current() {
            Some(past) => self.usable(target, past).await?,
            None => None,
        };
        let unsettled: Vec<&PastRelease> = self.unsettled().collect();
        let mut before: Vec<Configuration> = Vec::new();
        for past in &unsettled {
            before.extend(self.usable(target, past).await?);
        }
        for key in unsettled.iter().flat_map(|past| &past.release.rotated) {
            let all = current.iter().chain(&before).filter_map(|one| one.secrets.values.get(key));
            known.entry(key.clone()).or_default().extend(all.map(|secret| secret.value.clone()));
        }
        for earlier in current.iter().chain(&before) {
            configuration.keep_made_as(earlier);
        }
        context.redactor.learn(&known.values().flatten().cloned().collect::<Vec<_>>());
        Ok(known.iter().flat_map(|(key, known)| NewPassword::of(configuration, key, (known, None))).collect())
    }

    /// A stored configuration; none where it cannot be used: what died before it was stored changed nothing.
    async fn usable(&self, target: &dyn Target, past: &PastRelease) -> Result<Option<Configuration>> {
        match self.configuration(target, past).await {
            Ok(configuration) => Ok(Some(configuration)),
            Err(error) if matches!(error.downcast_ref(), Some(WorkflowError::UnusableConfiguration { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
