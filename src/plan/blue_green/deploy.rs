//! The input of a deploy besides the stack: proxy, migrations, images of an earlier release.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::strategy::Choice;
use crate::plan::ContainerSpec;
use crate::plan::converge::Wanted;

/// The proxy as it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedProxy {
    /// Service.
    pub service: String,
    /// Its whole configuration.
    pub configuration: String,
    /// Identifies the configuration in the answers to probes.
    pub fingerprint: String,
    /// Value of the header that selects a side.
    pub secret: String,
    /// Ports it listens on and paths of the routes there, by routed service: what is probed.
    pub paths: BTreeMap<String, Vec<(u16, String)>>,
}

/// A task that runs before the new containers of its service.
#[derive(Debug, Clone)]
pub struct DeployTask {
    /// Name in aictl.yaml.
    pub name: String,
    /// Its container.
    pub spec: ContainerSpec,
    /// How long it may run.
    pub timeout: Option<Duration>,
}

/// A check that a deploy must pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployCheck {
    /// Name in aictl.yaml, or of a recognised check.
    pub name: String,
    /// The service it is about, if any.
    pub service: Option<String>,
    /// Recognised from an image, not in aictl.yaml.
    pub recognised: bool,
    /// How long it is repeated.
    pub timeout: Duration,
}

/// What becomes of the other side of a service whose serving container stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OtherSide {
    /// An interrupted deploy left it: it is removed.
    #[default]
    Remove,
    /// A release bakes: it stays, and is started where it was stopped.
    Keep,
    /// An interrupted bake continues: it is removed when the bake has ended well, else requests are switched to it.
    Judge {
        /// When requests were switched, RFC 3339 by the engine's clock.
        since: String,
    },
}

/// Everything a deploy wants.
#[derive(Clone, Copy)]
pub struct Deploy<'a> {
    /// The stack.
    pub wanted: &'a Wanted<'a>,
    /// How each service is replaced.
    pub strategies: &'a BTreeMap<String, Choice>,
    /// The proxy, where there are routes.
    pub proxy: Option<&'a WantedProxy>,
    /// Migrations.
    pub tasks: &'a [DeployTask],
    /// Checks of the stack.
    pub checks: &'a [DeployCheck],
    /// Ids of images that references must lead to, by service: those of an earlier release.
    pub pins: &'a BTreeMap<String, String>,
    /// How long connections of the old side may go on.
    pub drain: Duration,
    /// How long the new side is watched before the old one is removed.
    pub bake: Duration,
    /// What becomes of other sides.
    pub other_side: &'a OtherSide,
    /// Tag the images of all services, not only of new containers.
    pub keep_all: bool,
    /// Image tags of dropped releases.
    pub forget: &'a BTreeSet<String>,
}
