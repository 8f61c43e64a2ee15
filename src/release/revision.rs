//! Releases: the configuration and images that a deploy or rollback started.
//! Holds no value of a secret: fingerprints are keyed, the configuration itself is stored apart from the records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Migration;

/// One of the two sides of a blue-green service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Odd container numbers.
    Blue,
    /// Even container numbers.
    Green,
}

impl Side {
    /// The side of a container number.
    pub const fn of_number(number: u32) -> Self {
        if number.is_multiple_of(2) { Self::Green } else { Self::Blue }
    }

    /// The first container number of the side.
    pub const fn number(self) -> u32 {
        match self {
            Self::Blue => 1,
            Self::Green => 2,
        }
    }

    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// `blue` or `green`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

/// Why a release was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseCause {
    /// `deploy`: from the files.
    Deploy,
    /// `rollback`: from the stored configuration of an earlier revision.
    Rollback { to: u32 },
    /// `secrets rotate`: the present release with new values of secrets.
    Rotate,
}

/// The version of a secret's value that a release has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersion {
    /// Number of the value; the first is 1.
    pub version: u32,
    /// Keyed digest of the value.
    pub hash: String,
}

/// A service of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedService {
    /// Image reference.
    pub image: String,
    /// Id of the image; unknown until it was pulled or built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Repository digests of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
    /// How a new version takes over: `blue-green`, `recreate`.
    pub strategy: String,
    /// Why that strategy.
    pub strategy_cause: String,
    /// The side that serves; only for blue-green services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Keyed digest of its configuration and content.
    pub fingerprint: String,
}

/// What a deploy or rollback brings up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Deploy or rollback.
    pub cause: ReleaseCause,
    /// The operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The services by name.
    pub services: BTreeMap<String, ReleasedService>,
    /// Whether it serves although the operation did not end well: only the removal of the old side was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub serves: bool,
    /// When requests were switched to it, RFC 3339 by the engine's clock; known of releases that bake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<String>,
    /// The backup set that was taken before it was deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<ReleaseBackup>,
    /// Earlier revisions whose configuration was dropped with this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<u32>,
    /// The secrets it has, by the name of their variable; not known of releases made by an earlier aictl.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretVersion>,
    /// The release of another environment whose images it has: `staging@12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<String>,
    /// The secrets that got a new value with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotated: Vec<String>,
    /// Its migrations, with the schema before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<Migration>,
}

/// The backup set of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseBackup {
    /// The address of the repository.
    pub repository: String,
    /// Id of the set.
    pub set: String,
}

impl Release {
    /// A release before it is brought up.
    pub const fn new(
        cause: ReleaseCause,
        message: Option<String>,
        services: BTreeMap<String, ReleasedService>,
    ) -> Self {
        Self {
            cause,
            message,
            services,
            serves: false,
            switched: None,
            backup: None,
            promoted: None,
            dropped: Vec::new(),
            secrets: BTreeMap::new(),
            rotated: Vec::new(),
            migrations: Vec::new(),
        }
    }

    /// Whether two releases bring up the same: images, configuration, content.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |name: &String, service: &ReleasedService| {
            other.services.get(name).is_some_and(|found| {
                found.fingerprint == service.fingerprint
                    && found.image_id == service.image_id
                    && found.strategy == service.strategy
            })
        };
        self.services.len() == other.services.len() && self.services.iter().all(|(name, service)| same(name, service))
    }
}

/// Status of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseStatus {
    /// It is being deployed.
    Running,
    /// It serves, and the release before it is kept until it has baked.
    Baking,
    /// It serves.
    Deployed,
    /// A later release took its place.
    Superseded,
    /// A rollback took its place.
    RolledBack,
    /// It was never deployed; the release before it serves.
    Failed,
    /// Its process died before it recorded an end.
    Interrupted,
}

impl ReleaseStatus {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Baking => "baking",
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}
