//! What an API server's refusal means: kube's errors become a `TargetError`.

use kube::core::response::Status;

use crate::error::innermost;
use crate::target::TargetError;

/// The general mapping; `doing` is the operation in words: `applying Deployment api`.
pub(super) fn map(address: &str, doing: &str, error: kube::Error) -> TargetError {
    let operation = doing.to_owned();
    match error {
        kube::Error::Api(status) => refused(operation, &status),
        kube::Error::HyperError(_) | kube::Error::Service(_) => TargetError::Unreachable {
            address: address.to_owned(),
            reason: format!("{operation}: {}", innermost(&error)),
        },
        kube::Error::Auth(_) => TargetError::NoClusterAccess { address: address.to_owned(), reason: innermost(&error) },
        _ => TargetError::Broken { operation, message: innermost(&error) },
    }
}

fn refused(operation: String, status: &Status) -> TargetError {
    let message = status.message.trim().to_owned();
    match status.code {
        401 => TargetError::NoClusterAccess { address: operation, reason: message },
        code => TargetError::Refused { operation, status: code, message },
    }
}

/// The HTTP status of a refusal.
pub(super) fn status_of(error: &kube::Error) -> Option<&Status> {
    match error {
        kube::Error::Api(status) => Some(status),
        _ => None,
    }
}

pub(super) fn is_missing(error: &kube::Error) -> bool {
    status_of(error).is_some_and(Status::is_not_found)
}

/// Whether the object itself is refused, or its kind is not known (yet). An unknown field is answered with 500.
pub(super) fn is_invalid(error: &kube::Error) -> bool {
    status_of(error).is_some_and(|status| [400, 404, 422, 500].contains(&status.code))
}

/// Whether a precondition did not hold, or the object exists already.
pub(super) fn is_conflict(error: &kube::Error) -> bool {
    status_of(error).is_some_and(|status| status.is_conflict() || status.is_already_exists())
}

/// Whether a field that Kubernetes calls a reason, which is a word of a fixed list, is this one.
pub(super) fn is_code(field: &Option<String>, code: &str) -> bool {
    field.as_deref() == Some(code)
}
