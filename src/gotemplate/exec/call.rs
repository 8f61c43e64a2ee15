//! Function calls: arguments checked as Go's reflection checks them, and the functions that execute templates.

use std::rc::Rc;

use super::{Fault, Outcome, Run};
use crate::error::Failure;
use crate::format;
use crate::funcs;
use crate::signature::{Call, Function, Param};
use crate::tree::{Kind, Node};
use crate::value::{IntKind, Value};

/// The arguments, the dot they are evaluated with, and the value of the pipeline so far.
type Given<'n> = (&'n [Node], &'n Value, Option<Value>);

/// Calls of one template by `include` that may be under way at once; helm's number.
const MOST_INCLUDES: usize = 1000;

impl Run<'_, '_> {
    pub(super) fn function(&mut self, name: &Rc<str>, node: &Node, given: Given) -> Outcome<Value> {
        let (arguments, dot, last) = given;
        if let "and" | "or" = &**name {
            return self.short_circuit(name, node, (arguments, dot, last));
        }
        let Some(function) = funcs::find(name) else {
            return Err(self.fault(node, format!("{name:?} is not a defined function")));
        };
        self.check_count(function, node, (arguments.len(), last.is_some()))?;
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            let param = function.param(values.len());
            values.push(self.argument(dot, argument, param)?);
        }
        if let Some(last) = last {
            let at = arguments.last().unwrap_or(node);
            values.push(self.typed(last, function.param(values.len()), (at, false))?);
        }
        let result = match &**name {
            "include" => self.include(&values),
            "tpl" => self.tpl(&values),
            _ => (function.body)(&Call { world: self.executor.world, budget: self.executor.budget }, &values),
        };
        result.map_err(|failure| {
            let before = format!("error calling {name}: ");
            self.fault(
                node,
                match failure {
                    Failure::Message(text) => Failure::Message(before + &text),
                    Failure::Nested(inner, more) => Failure::Nested(inner, before + &more),
                    said @ (Failure::Said(_) | Failure::Limit(_)) => said,
                },
            )
        })
    }

    fn check_count(&self, function: &Function, node: &Node, given: (usize, bool)) -> Outcome<()> {
        let (count, last) = given;
        let (name, total, fixed) = (function.name, count + usize::from(last), function.params.len());
        if function.rest.is_some() {
            if total < fixed {
                let message = format!("wrong number of args for {name}: want at least {fixed} got {count}");
                return Err(self.fault(node, message));
            }
        } else if total != fixed {
            return Err(self.fault(node, format!("wrong number of args for {name}: want {fixed} got {total}")));
        }
        Ok(())
    }

    fn short_circuit(&mut self, name: &str, node: &Node, given: Given) -> Outcome<Value> {
        let (arguments, dot, last) = given;
        if arguments.is_empty() && last.is_none() {
            return Err(self.fault(node, format!("wrong number of args for {name}: want at least 1 got 0")));
        }
        let mut value = Value::Nil;
        for argument in arguments {
            value = self.argument_any(dot, argument)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// An argument of any type.
    pub(super) fn argument_any(&mut self, dot: &Value, node: &Node) -> Outcome<Value> {
        self.executor.budget.step(1)?;
        match &node.kind {
            Kind::Dot => Ok(dot.clone()),
            Kind::Nil => Ok(Value::Nil),
            Kind::Field(names) => self.fields(dot.clone(), names, (node, &[], dot, None)),
            Kind::Variable(names) => {
                let value = self.variable(&names[0], node)?;
                self.fields(value, &names[1..], (node, &[], dot, None))
            }
            Kind::Chain(inner, names) => {
                let value = self.argument_any(dot, inner)?;
                self.fields(value, names, (node, &[], dot, None))
            }
            Kind::Pipe(pipe) => self.pipe(dot, pipe),
            Kind::Function(name) => self.function(name, node, (&[], dot, None)),
            Kind::Bool(_) | Kind::Int { .. } | Kind::Float { .. } | Kind::Str { .. } => self.constant(node),
        }
    }

    fn argument(&mut self, dot: &Value, node: &Node, param: Param) -> Outcome<Value> {
        if matches!(node.kind, Kind::Nil) && !param.takes_nil() {
            return Err(self.fault(node, format!("cannot assign nil to {}", param.name())));
        }
        let constant = matches!(node.kind, Kind::Bool(_) | Kind::Int { .. } | Kind::Float { .. } | Kind::Str { .. });
        let value = self.argument_any(dot, node)?;
        if constant { self.literal(value, node, param) } else { self.typed(value, param, (node, true)) }
    }

    /// Constants take the type of the parameter.
    fn literal(&self, value: Value, node: &Node, param: Param) -> Outcome<Value> {
        let expected = |what: &str| Err(self.fault(node, format!("expected {what}; found {node}")));
        match (param, value) {
            (Param::Any, value) => Ok(value),
            (Param::Str, value @ Value::Str(_)) | (Param::Bool, value @ Value::Bool(_)) => Ok(value),
            (Param::Int, Value::Int(value, _)) => Ok(Value::Int(value, IntKind::Int)),
            #[expect(clippy::cast_possible_truncation, reason = "an integer")]
            (Param::Int, Value::Float(value)) if value.fract() == 0.0 => Ok(Value::int(value as i64)),
            #[expect(clippy::cast_precision_loss, reason = "as Go converts the constant")]
            (Param::Float, Value::Int(value, _)) => Ok(Value::Float(value as f64)),
            (Param::Float, value @ Value::Float(_)) => Ok(value),
            (Param::Str, _) => expected("string"),
            (Param::Bool, _) => expected("bool"),
            (Param::Int, _) => expected("integer"),
            (Param::Float, _) => expected("float"),
            (Param::Map | Param::Time | Param::Certificate, _) => {
                Err(self.fault(node, format!("can't handle {node} for arg of type {}", param.name())))
            }
        }
    }

    /// Go's validateType. A nil that was read from a map has the type of an interface.
    fn typed(&self, value: Value, param: Param, place: (&Node, bool)) -> Outcome<Value> {
        let (node, _) = place;
        match (&value, param) {
            (Value::Null, Param::Any) => return Ok(Value::Nil),
            (_, Param::Any)
            | (Value::Str(_) | Value::Bytes(_), Param::Str)
            | (Value::Bool(_), Param::Bool)
            | (Value::Int(_, IntKind::Int), Param::Int)
            | (Value::Float(_), Param::Float)
            | (Value::Time(_), Param::Time) => return Ok(value),
            (Value::Map(map), Param::Map) if map.kind != crate::value::MapKind::Strings => return Ok(value),
            (Value::Nil, Param::Map) => return Ok(Value::Nil),
            (Value::Object(object), Param::Certificate) if object.type_name() == Param::Certificate.name() => {
                return Ok(value);
            }
            _ => {}
        }
        let message = match &value {
            Value::Nil => format!("invalid value; expected {}", param.name()),
            Value::Null => format!("wrong type for value; expected {}; got interface {{}}", param.name()),
            other => format!("wrong type for value; expected {}; got {}", param.name(), other.type_name()),
        };
        Err(self.fault(node, message))
    }

    fn include(&mut self, values: &[Value]) -> Result<Value, Failure> {
        let name = format::print(&values[0]);
        let executor = self.executor;
        {
            let mut includes = executor.includes.borrow_mut();
            let count = includes.entry(name.clone()).or_default();
            if *count > MOST_INCLUDES {
                return Err(Failure::Message(format!(
                    "rendering template has a nested reference name: {name}: unable to execute template"
                )));
            }
            *count += 1;
        }
        let text = executor.execute(&name, &values[1]);
        if let Some(count) = executor.includes.borrow_mut().get_mut(&name) {
            *count -= 1;
        }
        text.map(Value::str).map_err(|error| Failure::Nested(Box::new(error), String::new()))
    }

    fn tpl(&mut self, values: &[Value]) -> Result<Value, Failure> {
        let text = format::print(&values[0]);
        let executor = self.executor;
        executor.budget.step(text.len() as u64 / 16 + 50)?;
        let mut templates = executor.templates.clone();
        let parsed = templates
            .add("gotpl", &text)
            .map_err(|error| Failure::Message(format!("cannot parse template {}: {error}", format::quoted(&text))));
        let tree = parsed?;
        let output = executor.over(&templates).execute_tree(tree, &values[1]);
        let output = output.map_err(|error| {
            let before = format!("error during tpl function execution for {}: ", format::quoted(&text));
            Failure::Nested(Box::new(error), before)
        })?;
        Ok(Value::str(output.replace("<no value>", "")))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Placed(error) => Failure::Nested(error, String::new()),
            Fault::Bare(failure) => failure,
        }
    }
}
