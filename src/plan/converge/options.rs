//! Input of `plan_converge`: the stack, selected services, contents and options.
//! The observed state is passed separately.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::compose::model::Stack;
use crate::plan::AcceptedAs;
use crate::plan::content::ServiceContent;

/// When containers are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Recreate {
    /// When something about them changed.
    #[default]
    Changed,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which key of a service says in which order its containers are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rolling {
    /// None: all at once, as Compose does.
    #[default]
    Off,
    /// `deploy.update_config`.
    Update,
    /// `deploy.rollback_config`.
    Rollback,
}

impl Rolling {
    /// The key in the compose file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Off => "deploy",
            Self::Update => "deploy.update_config",
            Self::Rollback => "deploy.rollback_config",
        }
    }
}

/// The operator's wishes about a convergence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConvergeOptions {
    /// The services the switches below on replacing and renewing are for; all when empty. What they depend on is left.
    pub named: BTreeSet<String>,
    /// When containers are replaced.
    pub recreate: Recreate,
    /// Remove containers of services the files no longer have.
    pub remove_orphans: bool,
    /// Services whose containers are removed without that option: the present release has them, the wanted one does not.
    pub dropped_services: BTreeSet<String>,
    /// Say nothing of them either.
    pub ignore_orphans: bool,
    /// Wait for every started service, not only where a dependent needs it.
    pub wait: bool,
    /// Create only, start nothing.
    pub create_only: bool,
    /// Seconds between stop signal and kill, instead of the service's own.
    pub stop_timeout: Option<Duration>,
    /// How long to wait for each service, instead of what its health check implies.
    pub ready_timeout: Option<Duration>,
    /// Make the networks and volumes no selected service uses too.
    pub all_resources: bool,
    /// Do not carry anonymous volumes over to replacements.
    pub renew_anonymous_volumes: bool,
    /// New containers belong to a release and carry its revision.
    pub release: bool,
    /// Containers that stay although they were made with other values.
    pub accepted: AcceptedAs,
    /// In which order containers are replaced.
    pub rolling: Rolling,
}

/// Everything wanted of a project.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The stack, with `--scale` applied.
    pub stack: &'a Stack,
    /// The services to converge; the others are left alone.
    pub selected: &'a BTreeSet<String>,
    /// Contents by service.
    pub contents: &'a BTreeMap<String, ServiceContent>,
    /// Env files given on the command line, absolute, for the label.
    pub env_files: &'a [String],
    /// Version for the label.
    pub version: &'a str,
    /// Wishes.
    pub options: &'a ConvergeOptions,
}

impl Wanted<'_> {
    /// The name on the engine of a network of the files.
    pub fn network_name(&self, key: &str) -> String {
        let name = self.stack.networks.get(key).map(|n| n.name.clone()).filter(|n| !n.is_empty());
        name.unwrap_or_else(|| format!("{}_{key}", self.stack.name))
    }

    /// Whether switches that ask for a change are for this service.
    pub(super) fn is_named(&self, service: &str) -> bool {
        self.options.named.is_empty() || self.options.named.contains(service)
    }

    pub(super) fn renews_volumes(&self, service: &str) -> bool {
        self.options.renew_anonymous_volumes && self.is_named(service)
    }

    pub(in crate::plan) fn is_selected(&self, service: &str) -> bool {
        self.selected.contains(service)
    }
}
