//! Fields and methods: `.a.b`, `$x.y`, `(f x).z "argument"`.

use std::rc::Rc;

use super::{Outcome, Run, methods};
use crate::tree::Node;
use crate::value::{Map, MapKind, Value};

/// The node, its arguments, the dot they are evaluated with, and the value of the pipeline so far.
pub(super) type Called<'n> = (&'n Node, &'n [Node], &'n Value, Option<Value>);

impl Run<'_, '_> {
    pub(super) fn fields(&mut self, first: Value, names: &[Rc<str>], called: Called) -> Outcome<Value> {
        let (node, arguments, dot, last) = called;
        let [before @ .., end] = names else { return Ok(first) };
        let mut value = first;
        for name in before {
            value = self.field(value, name, (node, &[], dot, None))?;
        }
        self.field(value, end, (node, arguments, dot, last))
    }

    fn field(&mut self, receiver: Value, name: &str, called: Called) -> Outcome<Value> {
        let (node, arguments, dot, last) = called;
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &receiver {
            Value::Nil => Ok(Value::Nil),
            Value::Null => Err(self.fault(node, format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Map(map) => self.entry(map, name, node, has_arguments),
            Value::Object(object) => {
                if let Some(value) = object.field(name) {
                    if has_arguments {
                        let message = format!("{name} has arguments but cannot be invoked as function");
                        return Err(self.fault(node, message));
                    }
                    return Ok(value.stored());
                }
                let given = self.method_arguments(arguments, dot, last)?;
                match object.method(name, &given) {
                    Some(result) => {
                        result.map_err(|message| self.fault(node, format!("error calling {name}: {message}")))
                    }
                    None => Err(self.no_field(node, name, object.type_name())),
                }
            }
            Value::Time(time) => {
                let given = self.method_arguments(arguments, dot, last)?;
                let result = methods::of_time(*time, name, &given);
                result.ok_or_else(|| self.no_field(node, name, "time.Time"))
            }
            Value::Duration(nanos) => {
                let result = methods::of_duration(*nanos, name);
                result.ok_or_else(|| self.no_field(node, name, "time.Duration"))
            }
            other => Err(self.no_field(node, name, &other.type_name())),
        }
    }

    /// A key of a map that is read as a field, or the method of Helm's values.
    fn entry(&self, map: &Map, name: &str, node: &Node, has_arguments: bool) -> Outcome<Value> {
        if map.kind == MapKind::Values && name == "AsMap" {
            return Ok(Value::Map(map.typed(MapKind::Any)));
        }
        if has_arguments {
            return Err(self.fault(node, format!("{name} is not a method but has arguments")));
        }
        let missing = if map.kind == MapKind::Strings { Value::str("") } else { Value::Null };
        Ok(map.get(name).unwrap_or(missing))
    }

    fn no_field(&self, node: &Node, name: &str, kind: &str) -> super::Fault {
        // A value of an interface is named by it.
        let kind = match kind {
            "string" | "bool" | "float64" | "int64" | "int" => "interface {}",
            kind => kind,
        };
        self.fault(node, format!("can't evaluate field {name} in type {kind}"))
    }

    fn method_arguments(&mut self, arguments: &[Node], dot: &Value, last: Option<Value>) -> Outcome<Vec<Value>> {
        let mut given = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            given.push(self.argument_any(dot, argument)?);
        }
        given.extend(last);
        Ok(given)
    }
}
