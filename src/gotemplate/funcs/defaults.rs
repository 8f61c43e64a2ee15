//! Defaults, types, flow: `default`, `empty`, `ternary`, `required`, `fail`, `typeOf`, `lookup`.

use crate::error::Failure;
use crate::format;
use crate::signature::{Answer, Call, Function, Param, fixed, variadic};
use crate::value::{DEEPEST, Map, Value, deep_equal};
use crate::world::Lookup;

pub const TABLE: &[Function] = &[
    variadic("default", &[Param::Any], Param::Any, |_, v| {
        Ok(v.get(1).filter(|given| !is_empty(given)).unwrap_or(&v[0]).clone())
    }),
    fixed("empty", &[Param::Any], |_, v| Ok(Value::Bool(is_empty(&v[0])))),
    variadic("coalesce", &[], Param::Any, |_, v| Ok(v.iter().find(|v| !is_empty(v)).cloned().unwrap_or(Value::Nil))),
    variadic("all", &[], Param::Any, |_, v| Ok(Value::Bool(!v.iter().any(is_empty)))),
    variadic("any", &[], Param::Any, |_, v| Ok(Value::Bool(v.iter().any(|v| !is_empty(v))))),
    fixed("ternary", &[Param::Any, Param::Any, Param::Bool], |_, v| Ok(v[usize::from(!v[2].is_true())].clone())),
    fixed("required", &[Param::Str, Param::Any], required),
    fixed("fail", &[Param::Str], |_, v| Err(Failure::Said(format::print(&v[0])))),
    fixed("deepCopy", &[Param::Any], deep_copy),
    fixed("mustDeepCopy", &[Param::Any], deep_copy),
    fixed("deepEqual", &[Param::Any, Param::Any], |_, v| Ok(Value::Bool(deep_equal(&v[0], &v[1])))),
    fixed("typeOf", &[Param::Any], |_, v| Ok(Value::str(v[0].type_name()))),
    fixed("typeIs", &[Param::Str, Param::Any], |_, v| Ok(Value::Bool(format::print(&v[0]) == v[1].type_name()))),
    fixed("typeIsLike", &[Param::Str, Param::Any], |_, v| {
        let (wanted, name) = (format::print(&v[0]), v[1].type_name());
        Ok(Value::Bool(wanted == name || format!("*{wanted}") == name))
    }),
    fixed("kindOf", &[Param::Any], |_, v| Ok(Value::str(v[0].kind()))),
    fixed("kindIs", &[Param::Str, Param::Any], |_, v| Ok(Value::Bool(format::print(&v[0]) == v[1].kind()))),
    fixed("hello", &[], |_, _| Ok(Value::str("Hello!"))),
    fixed("lookup", &[Param::Str, Param::Str, Param::Str, Param::Str], lookup),
    // As helm without --enable-dns.
    fixed("getHostByName", &[Param::Str], |_, _| Ok(Value::str(""))),
];

/// Sprig's `empty`: a struct never is.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.entries().is_some_and(|entries| entries.is_empty()),
        Value::Time(_) => false,
        other => !other.is_true(),
    }
}

fn required(_: &Call, values: &[Value]) -> Answer {
    if values[1].is_nil() || values[1].text() == Some("") {
        return Err(Failure::Said(format::print(&values[0])));
    }
    Ok(values[1].clone())
}

fn deep_copy(call: &Call, values: &[Value]) -> Answer {
    values[0].check_depth(DEEPEST)?;
    call.budget.step(size(&values[0]))?;
    Ok(values[0].deep_copy())
}

/// The number of values in a value.
pub fn size(value: &Value) -> u64 {
    match value {
        Value::Map(map) => map.entries.borrow().values().map(size).sum::<u64>() + 1,
        Value::List(list) => list.items.iter().map(size).sum::<u64>() + 1,
        _ => 1,
    }
}

fn lookup(call: &Call, values: &[Value]) -> Answer {
    let [api_version, kind, namespace, name] = [0, 1, 2, 3].map(|at| format::print(&values[at]));
    let found = call.world.lookup(&Lookup { api_version, kind, namespace, name })?;
    Ok(found.unwrap_or_else(|| Value::Map(Map::new())))
}
