//! Loads the history of a project from its target and finds an operation in it.

use crate::error::Result;
use crate::release::{PastOperation, history};
use crate::session::load::load_named;
use crate::session::{Context, WorkflowError};
use crate::target::Target;

/// The history of a project.
#[derive(Debug)]
pub struct PastOperations {
    /// Project name.
    pub project: String,
    /// One entry per operation, oldest first.
    pub operations: Vec<PastOperation>,
}

impl PastOperations {
    /// Loads the history from the target; empty if the project has no state there.
    pub async fn load(context: &Context) -> Result<Self> {
        let loaded = load_named(context)?;
        let target = loaded.connect(context).await?;
        Self::of(&*target, loaded.name.clone()).await
    }

    /// Reads it from a target that is connected to.
    pub async fn of(target: &dyn Target, project: String) -> Result<Self> {
        if !target.has_state(&project, true).await? {
            return Ok(Self { project, operations: Vec::new() });
        }
        let records = target.load_records(&project).await?;
        let lease = target.observe_lease(&project).await?;
        let operations = history(&records, lease.as_ref());
        Ok(Self { project, operations })
    }

    /// The operation with this number, or the newest one.
    pub fn find(&self, number: Option<u32>) -> Result<&PastOperation> {
        let newest = self.operations.last();
        let Some(number) = number else {
            return newest.ok_or_else(|| WorkflowError::NoHistory { project: self.project.clone() }.into());
        };
        let found = self.operations.iter().find(|operation| operation.number == number);
        let newest = newest.map(|operation| operation.number);
        found.ok_or_else(|| WorkflowError::NoOperation { project: self.project.clone(), number, newest }.into())
    }
}
