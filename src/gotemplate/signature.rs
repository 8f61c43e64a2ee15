//! What a function of templates is: its name, the Go types of its parameters, what it may use and what it returns.
//! A function that is known but not supported fails with its name; it never returns something else in silence.

use crate::error::Failure;
use crate::limits::Budget;
use crate::value::{Map, Value};
use crate::world::World;

/// The Go type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    Any,
    Str,
    Int,
    Float,
    Bool,
    Map,
    Time,
    Certificate,
}

impl Param {
    /// Go's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Param::Any => "interface {}",
            Param::Str => "string",
            Param::Int => "int",
            Param::Float => "float64",
            Param::Bool => "bool",
            Param::Map => "map[string]interface {}",
            Param::Time => "time.Time",
            Param::Certificate => "sprig.certificate",
        }
    }

    /// Whether `nil` can be passed.
    pub fn takes_nil(self) -> bool {
        matches!(self, Param::Any | Param::Map)
    }
}

/// What a function can use besides its arguments.
pub struct Call<'c> {
    pub world: &'c dyn World,
    pub budget: &'c Budget,
}

/// What a function returns.
pub type Answer = Result<Value, Failure>;

/// A function.
#[derive(Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub params: &'static [Param],
    /// The type of further arguments.
    pub rest: Option<Param>,
    pub body: fn(&Call, &[Value]) -> Answer,
}

impl Function {
    /// The type of the parameter at a place.
    pub fn param(&self, at: usize) -> Param {
        self.params.get(at).copied().or(self.rest).unwrap_or(Param::Any)
    }
}

/// A function with a fixed number of parameters.
pub const fn fixed(name: &'static str, params: &'static [Param], body: fn(&Call, &[Value]) -> Answer) -> Function {
    Function { name, params, rest: None, body }
}

/// A function that takes any number of further arguments.
pub const fn variadic(
    name: &'static str,
    params: &'static [Param],
    rest: Param,
    body: fn(&Call, &[Value]) -> Answer,
) -> Function {
    Function { name, params, rest: Some(rest), body }
}

/// A known function that is not supported.
pub fn unsupported(name: &str) -> Answer {
    Err(Failure::Message(format!("function {name:?} is not supported by aictl")))
}

/// A map parameter; a nil map is empty and cannot be written to.
pub fn map_of(value: &Value) -> Map {
    value.map().cloned().unwrap_or_default()
}
