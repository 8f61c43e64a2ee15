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
    let message = said(status);
    match status.code {
        401 => TargetError::NoClusterAccess { address: operation, reason: message },
        code => TargetError::Refused { operation, status: code, message },
    }
}

/// Values that the API server quotes at more than this length are left out: it quotes whole objects.
const LONGEST: usize = 200;

/// What the API server says of a refusal. Of what is invalid, each field is named with the reason; its value, which may be
/// a whole object in Go's notation, only where it is short.
pub(super) fn said(status: &Status) -> String {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let invalid = causes.iter().filter(|cause| !cause.field.is_empty() && !cause.message.is_empty());
    let invalid: Vec<String> =
        invalid.map(|cause| format!("{}: {}", cause.field, without_value(&cause.message))).collect();
    let text = undoubled(&status.message);
    if text.chars().count() <= LONGEST || invalid.is_empty() {
        return text;
    }
    invalid.join("; ")
}

/// `Invalid value: VALUE: field is immutable` without its value.
fn without_value(message: &str) -> String {
    let parts: Vec<&str> = message.split(": ").collect();
    match parts.as_slice() {
        [begin, .., end] if message.chars().count() > LONGEST => format!("{begin}: {end}"),
        _ => message.to_owned(),
    }
}

/// A message without parts that repeat the one before: servers that call one another each add the same words.
pub(super) fn undoubled(message: &str) -> String {
    let mut parts: Vec<&str> = message.trim().split(": ").collect();
    parts.dedup();
    parts.join(": ")
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_fields_and_reasons_but_no_whole_object() {
        let value = format!("core.PodTemplateSpec{{{}}}", "x".repeat(3000));
        let cause = format!("Invalid value: {value}: field is immutable");
        let status = json!({"status": "Failure", "message": format!("Job.batch \"m\" is invalid: spec.template: {cause}"),
            "code": 422, "reason": "Invalid", "details": {"causes": [{"reason": "FieldValueInvalid",
            "message": cause, "field": "spec.template"}]}});
        let status: Status = serde_json::from_value(status).unwrap();
        assert_eq!(said(&status), "spec.template: Invalid value: field is immutable");
        let short: Status = serde_json::from_value(json!({"status": "Failure", "message": "no", "code": 403})).unwrap();
        assert_eq!(said(&short), "no");
    }

    #[test]
    fn words_that_are_said_twice_are_said_once() {
        let said = undoubled("Internal error occurred: Internal error occurred: error executing command");
        assert_eq!(said, "Internal error occurred: error executing command");
    }
}
