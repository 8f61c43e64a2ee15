//! The functions that templates may call, with the Go types of their parameters. Go's own, Sprig's and Helm's.
//! A function that is known but not supported fails with its name; it never returns something else in silence.

mod builtins;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod lists;
mod numbers;
mod paths;
mod regexes;
mod strings;
mod versions;

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::error::Failure;
use crate::limits::Budget;
use crate::scope::World;
use crate::value::Value;

pub use defaults::size;
pub use strings::strval;

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
    name: &'static str,
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

const fn fixed(name: &'static str, params: &'static [Param], body: fn(&Call, &[Value]) -> Answer) -> Function {
    Function { name, params, rest: None, body }
}

const fn variadic(
    name: &'static str,
    params: &'static [Param],
    rest: Param,
    body: fn(&Call, &[Value]) -> Answer,
) -> Function {
    Function { name, params, rest: Some(rest), body }
}

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Function> {
    static ALL: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let tables = [
            builtins::TABLE,
            crypto::TABLE,
            dates::TABLE,
            defaults::TABLE,
            dicts::TABLE,
            encoding::TABLE,
            lists::TABLE,
            numbers::TABLE,
            paths::TABLE,
            regexes::TABLE,
            strings::TABLE,
            versions::TABLE,
        ];
        tables.into_iter().flatten().map(|function| (function.name, function)).collect()
    });
    all.get(name).copied()
}

/// Whether templates may call a name.
pub fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// A known function that is not supported.
fn unsupported(name: &str) -> Answer {
    Err(Failure::Message(format!("function {name:?} is not supported by aictl")))
}
