//! What lists of the engine have in common: how many inspections follow one, and what vanished meanwhile.
//! Reads an answer.
//! Never asks for anything.

use crate::target::TargetError;

/// Inspections in flight; more only queue up inside the engine.
pub(super) const PARALLEL: usize = 16;

/// What vanished between the list and the inspection is not there.
pub(super) fn present<T>(found: Result<T, TargetError>) -> Result<Option<T>, TargetError> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(TargetError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
