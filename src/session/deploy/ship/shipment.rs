//! A planned deploy or rollback.

use std::collections::BTreeSet;

use crate::error::ErrorKind;
use crate::plan::PullPolicy;
use crate::plan::blue_green::OtherSide;
use crate::release::{Record, ReleaseCause};
use crate::session::deploy::configuration::Configuration;
use crate::session::deploy::env_file_edit::EnvFileEdit;
use crate::session::deploy::password_steps::NewPassword;
use crate::session::deploy::promotion::Promotion;
use crate::session::deploy::rehearsed_plan::RehearsedPlan;
use crate::session::one_off::NamedTask;

/// A planned deploy or rollback.
pub struct Shipment {
    /// The verb.
    pub operation: &'static str,
    /// Where the configuration comes from.
    pub cause: ReleaseCause,
    /// The operator's words.
    pub message: Option<String>,
    /// The configuration to start.
    pub configuration: Configuration,
    /// Tasks before new containers.
    pub tasks: Vec<NamedTask>,
    /// Build images first.
    pub build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// Remove containers of services that the configuration does not have.
    pub remove_orphans: bool,
    /// Services of the present release that this one does not have.
    pub dropped_services: BTreeSet<String>,
    /// What becomes of the other side of services that stay.
    pub other_side: OtherSide,
    /// The record of the release whose bake is continued.
    pub resumes: Option<Record>,
    /// What it does not do, said where it changes anything.
    pub limits: Vec<String>,
    /// Whether a bake that saw nothing fails.
    pub strict: bool,
    /// Whether migrations may run that the release before cannot survive.
    pub allow_incompatible: bool,
    /// The secrets that get a new value.
    pub rotated: Vec<String>,
    /// Passwords that data services get.
    pub passwords: Vec<NewPassword>,
    /// The env file that gets the new values once the release is recorded.
    pub env_file: Option<EnvFileEdit>,
    /// The release of another environment whose images are used.
    pub promotion: Option<Promotion>,
    /// What a rehearsal of it is valid for, where one is looked for.
    pub rehearsed: Option<RehearsedPlan>,
    /// The exit code of a failure after which the old release serves.
    pub failed: ErrorKind,
}

impl Shipment {
    /// A deploy of a configuration, without options.
    pub fn deploy(configuration: Configuration) -> Self {
        Self {
            operation: "deploy",
            cause: ReleaseCause::Deploy,
            message: None,
            configuration,
            tasks: Vec::new(),
            build: false,
            pull: None,
            remove_orphans: false,
            dropped_services: BTreeSet::new(),
            other_side: OtherSide::Remove,
            resumes: None,
            limits: Vec::new(),
            strict: false,
            allow_incompatible: false,
            rotated: Vec::new(),
            passwords: Vec::new(),
            env_file: None,
            promotion: None,
            rehearsed: None,
            failed: ErrorKind::DeployFailed,
        }
    }

    /// The present release with new values of these secrets, which are written into an env file.
    pub fn rotate(configuration: Configuration, (rotated, env_file): (Vec<String>, EnvFileEdit)) -> Self {
        let (cause, env_file) = (ReleaseCause::Rotate, Some(env_file));
        Self { operation: "secrets rotate", cause, rotated, env_file, ..Self::deploy(configuration) }
    }

    /// The stored configuration of an earlier release.
    pub fn restore(configuration: Configuration, revision: u32) -> Self {
        let cause = ReleaseCause::Rollback { to: revision };
        Self { operation: "rollback", cause, failed: ErrorKind::RollbackFailed, ..Self::deploy(configuration) }
    }
}
