//! Hooks of a chart: objects that are created at a point of an install, upgrade or rollback and run to their end.

use std::time::Duration;

use serde::Serialize;

use super::ClusterObject;
use crate::chart::install_rank;

/// When the object of a hook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletePolicy {
    /// Before it is created again; the default.
    BeforeHookCreation,
    /// After it succeeded.
    HookSucceeded,
    /// After it failed.
    HookFailed,
}

impl DeletePolicy {
    /// Reads Helm's word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "before-hook-creation" => Some(Self::BeforeHookCreation),
            "hook-succeeded" => Some(Self::HookSucceeded),
            "hook-failed" => Some(Self::HookFailed),
            _ => None,
        }
    }
}

/// A hook of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookObject {
    /// The object.
    pub object: ClusterObject,
    /// The events it runs at: `pre-upgrade`.
    pub events: Vec<String>,
    /// Its place among the hooks of an event.
    pub weight: i64,
    /// When it is deleted; empty means before it is created again.
    pub delete: Vec<DeletePolicy>,
}

/// One run of a hook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HookRun {
    /// The object.
    pub object: ClusterObject,
    /// The event it runs for.
    pub event: String,
    /// When it is deleted.
    pub delete: Vec<DeletePolicy>,
    /// How long it may take.
    pub timeout: Duration,
}

impl HookObject {
    /// The hooks of an event in the order they run: by weight, then kind, then name.
    pub fn of_event<'h>(hooks: &'h [Self], event: &str) -> Vec<&'h Self> {
        let mut found: Vec<&Self> = hooks.iter().filter(|hook| hook.events.iter().any(|e| e == event)).collect();
        found.sort_by_key(|hook| {
            let object = &hook.object.reference;
            (hook.weight, install_rank(&object.kind), object.kind.clone(), object.name.clone())
        });
        found
    }
}

impl HookRun {
    /// Whether its object is deleted at this point.
    pub fn deletes(&self, policy: DeletePolicy) -> bool {
        match policy {
            DeletePolicy::BeforeHookCreation => self.delete.is_empty() || self.delete.contains(&policy),
            DeletePolicy::HookSucceeded | DeletePolicy::HookFailed => self.delete.contains(&policy),
        }
    }
}
