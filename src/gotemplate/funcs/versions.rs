//! Semantic versions, by Masterminds' rules.

use std::rc::Rc;

use crate::format;
use crate::signature::{Function, Param, fixed};
use crate::text::version::{Constraint, Version};
use crate::value::{Object, Value};

pub const TABLE: &[Function] = &[
    fixed("semver", &[Param::Str], |_, v| Ok(Value::Object(Rc::new(Version::parse(&format::print(&v[0]))?)))),
    fixed("semverCompare", &[Param::Str, Param::Str], |_, v| {
        let constraint = Constraint::parse(&format::print(&v[0]))?;
        Ok(Value::Bool(constraint.allows(&Version::parse(&format::print(&v[1]))?)))
    }),
];

impl Object for Version {
    fn type_name(&self) -> &str {
        "*semver.Version"
    }

    fn kind(&self) -> &str {
        "ptr"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let other = || match arguments {
            [Value::Object(other)] => Version::parse(&other.print()),
            _ => Err("wrong argument: a version is needed".to_owned()),
        };
        let compared = |decide: fn(std::cmp::Ordering) -> Value| other().map(|other| decide(self.cmp(&other)));
        Some(match name {
            "Major" => Ok(Value::Int(self.numbers[0].cast_signed(), crate::value::IntKind::Uint64)),
            "Minor" => Ok(Value::Int(self.numbers[1].cast_signed(), crate::value::IntKind::Uint64)),
            "Patch" => Ok(Value::Int(self.numbers[2].cast_signed(), crate::value::IntKind::Uint64)),
            "Prerelease" => Ok(Value::str(self.prerelease.as_str())),
            "Metadata" => Ok(Value::str(self.metadata.as_str())),
            "Original" => Ok(Value::str(self.original.as_str())),
            "String" => Ok(Value::str(self.to_string())),
            "Compare" => compared(|order| Value::int(order as i64)),
            "LessThan" => compared(|order| Value::Bool(order.is_lt())),
            "GreaterThan" => compared(|order| Value::Bool(order.is_gt())),
            "Equal" => compared(|order| Value::Bool(order.is_eq())),
            "LessThanEqual" => compared(|order| Value::Bool(order.is_le())),
            "GreaterThanEqual" => compared(|order| Value::Bool(order.is_ge())),
            "IncMajor" | "IncMinor" | "IncPatch" => Ok(Value::Object(Rc::new(self.next(name)))),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        self.to_string()
    }

    fn plain(&self) -> Value {
        Value::str(self.to_string())
    }
}

impl Version {
    /// The next version of a part. A prerelease is followed by its own release.
    fn next(&self, part: &str) -> Version {
        let [major, minor, patch] = self.numbers;
        let numbers = match part {
            "IncMajor" => [major.saturating_add(1), 0, 0],
            "IncMinor" => [major, minor.saturating_add(1), 0],
            _ if !self.prerelease.is_empty() => [major, minor, patch],
            _ => [major, minor, patch.saturating_add(1)],
        };
        let v = if self.original.starts_with('v') { "v" } else { "" };
        let original = format!("{v}{}.{}.{}", numbers[0], numbers[1], numbers[2]);
        Version { numbers, prerelease: String::new(), metadata: String::new(), original }
    }
}
