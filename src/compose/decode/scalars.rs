//! Scalars of the model from nodes.
//! Reads one node, returns text, a boolean, a number, a size, a duration or a mode.
//! Never guesses a unit.

use super::context::{Context, Decode};
use crate::compose::go::duration;
use crate::compose::go::text::sprint;
use crate::compose::model::{ByteSize, Condition, DeviceCount, FileMode, Float32, GoDuration, OptOut};
use crate::compose::short_form::size;
use crate::compose::value::{Node, Value};

impl Decode for String {
    const TEXT: bool = true;

    fn decode(node: &Node, context: &mut Context) -> Self {
        if matches!(node.value, Value::Time(_)) {
            return refused(node, context, "a quoted string");
        }
        sprint(&node.value)
    }

    fn from_pair(value: Option<&str>) -> Option<Self> {
        Some(value.unwrap_or_default().to_owned())
    }
}

impl Decode for bool {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Bool(value) => *value,
            Value::Str(text) => match text.to_lowercase().as_str() {
                "true" | "y" | "yes" | "on" => true,
                "false" | "n" | "no" | "off" => false,
                _ => refused(node, context, "true or false"),
            },
            _ => refused(node, context, "true or false"),
        }
    }
}

impl Decode for OptOut {
    fn decode(node: &Node, context: &mut Context) -> Self {
        Self(bool::decode(node, context))
    }
}

impl Decode for i64 {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Int(value) => *value,
            #[expect(clippy::cast_possible_truncation, reason = "Compose truncates here")]
            Value::Float(value) => *value as Self,
            Value::Str(text) => text.parse().unwrap_or_else(|_| refused(node, context, "an integer")),
            _ => refused(node, context, "an integer"),
        }
    }
}

macro_rules! unsigned {
    ($($int:ty),*) => { $(
        impl Decode for $int {
            fn decode(node: &Node, context: &mut Context) -> Self {
                let value = match &node.value {
                    Value::Int(value) => Self::try_from(*value).ok(),
                    Value::Uint(value) => Self::try_from(*value).ok(),
                    #[expect(clippy::cast_possible_truncation, reason = "Compose truncates here")]
                    Value::Float(value) => Self::try_from(*value as i64).ok(),
                    _ => None,
                };
                value.unwrap_or_else(|| refused(node, context, "an integer that is not negative"))
            }
        }
    )* };
}
unsigned!(u16, u32, u64);

impl Decode for Float32 {
    fn decode(node: &Node, context: &mut Context) -> Self {
        sprint(&node.value).parse().map(Self).unwrap_or_else(|_| refused(node, context, "a number"))
    }
}

impl Decode for ByteSize {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Int(value) => Self(*value),
            Value::Str(text) => size::parse(text).map(Self).unwrap_or_else(|message| misfit(node, context, &message)),
            // A fraction of a byte: Compose reads nothing then.
            _ => Self::default(),
        }
    }
}

impl Decode for GoDuration {
    fn decode(node: &Node, context: &mut Context) -> Self {
        duration::parse(&sprint(&node.value)).map(Self).unwrap_or_else(|message| misfit(node, context, &message))
    }
}

impl Decode for DeviceCount {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Int(value) => Self(*value),
            Value::Str(text) if text.eq_ignore_ascii_case("all") => Self(-1),
            Value::Str(text) => text.parse().map(Self).unwrap_or_else(|_| refused(node, context, "`all` or a number")),
            _ => refused(node, context, "`all` or a number"),
        }
    }
}

impl Decode for FileMode {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match &node.value {
            Value::Int(value) => Self(*value),
            Value::Str(text) => match i64::from_str_radix(text, 8) {
                Ok(mode) => Self(mode),
                Err(_) => refused(node, context, "a file mode in octal digits"),
            },
            _ => refused(node, context, "a file mode in octal digits"),
        }
    }
}

impl Decode for Condition {
    fn decode(node: &Node, context: &mut Context) -> Self {
        match node.as_str() {
            Some("service_started") => Self::ServiceStarted,
            Some("service_healthy") => Self::ServiceHealthy,
            Some("service_completed_successfully") => Self::ServiceCompletedSuccessfully,
            _ => refused(node, context, "service_started, service_healthy or service_completed_successfully"),
        }
    }
}

fn refused<T: Default>(node: &Node, context: &mut Context, wanted: &str) -> T {
    misfit(node, context, &format!("must be {wanted}, got {}", shown(&node.value)))
}

fn misfit<T: Default>(node: &Node, context: &mut Context, message: &str) -> T {
    context.misfit(node, message);
    T::default()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) => format!("{text:?}"),
        other => sprint(other),
    }
}
