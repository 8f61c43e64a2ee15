//! Lists. Each function returns a new list.

use std::rc::Rc;

use crate::error::Failure;
use crate::format;
use crate::funcs::defaults::is_empty;
use crate::funcs::numbers::to_int;
use crate::funcs::strings::strings_of;
use crate::signature::{Answer, Call, Function, Param, fixed, variadic};
use crate::value::{List, ListKind, Value, deep_equal};

pub const TABLE: &[Function] = &[
    variadic("list", &[], Param::Any, list),
    variadic("tuple", &[], Param::Any, list),
    fixed("append", &[Param::Any, Param::Any], push),
    fixed("push", &[Param::Any, Param::Any], push),
    fixed("mustAppend", &[Param::Any, Param::Any], push),
    fixed("mustPush", &[Param::Any, Param::Any], push),
    fixed("prepend", &[Param::Any, Param::Any], prepend),
    fixed("mustPrepend", &[Param::Any, Param::Any], prepend),
    fixed("first", &[Param::Any], first),
    fixed("mustFirst", &[Param::Any], first),
    fixed("last", &[Param::Any], last),
    fixed("mustLast", &[Param::Any], last),
    fixed("rest", &[Param::Any], rest),
    fixed("mustRest", &[Param::Any], rest),
    fixed("initial", &[Param::Any], initial),
    fixed("mustInitial", &[Param::Any], initial),
    fixed("reverse", &[Param::Any], reverse),
    fixed("mustReverse", &[Param::Any], reverse),
    fixed("uniq", &[Param::Any], uniq),
    fixed("mustUniq", &[Param::Any], uniq),
    variadic("without", &[Param::Any], Param::Any, without),
    variadic("mustWithout", &[Param::Any], Param::Any, without),
    fixed("has", &[Param::Any, Param::Any], has),
    fixed("mustHas", &[Param::Any, Param::Any], has),
    fixed("compact", &[Param::Any], compact),
    fixed("mustCompact", &[Param::Any], compact),
    variadic("slice", &[Param::Any], Param::Any, slice),
    variadic("mustSlice", &[Param::Any], Param::Any, slice),
    variadic("concat", &[], Param::Any, concat),
    fixed("chunk", &[Param::Int, Param::Any], chunk),
    fixed("mustChunk", &[Param::Int, Param::Any], chunk),
    fixed("sortAlpha", &[Param::Any], |_, v| {
        let mut words = strings_of(&v[0]);
        words.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        Ok(Value::strings(words))
    }),
];

/// The items of a list, or Sprig's complaint. Sprig asks nil for its type, which fails in Go's runtime.
fn items<'v>(what: &str, value: &'v Value) -> Result<&'v List, Failure> {
    match value {
        Value::List(list) => Ok(list),
        Value::Nil | Value::Null => Err("runtime error: invalid memory address or nil pointer dereference".into()),
        other => Err(Failure::Message(format!("{what} {}", other.kind()))),
    }
}

fn counted(call: &Call, items: Vec<Value>) -> Answer {
    call.budget.step(items.len() as u64)?;
    Ok(Value::list(items))
}

fn list(call: &Call, values: &[Value]) -> Answer {
    counted(call, values.iter().cloned().map(Value::stored).collect())
}

fn push(call: &Call, values: &[Value]) -> Answer {
    let mut all = items("Cannot push on type", &values[0])?.items.to_vec();
    all.push(values[1].clone().stored());
    counted(call, all)
}

fn prepend(call: &Call, values: &[Value]) -> Answer {
    let mut all = vec![values[1].clone().stored()];
    all.extend(items("Cannot prepend on type", &values[0])?.items.iter().cloned());
    counted(call, all)
}

fn first(_: &Call, values: &[Value]) -> Answer {
    Ok(items("Cannot find first on type", &values[0])?.items.first().cloned().unwrap_or(Value::Nil).unwrapped())
}

fn last(_: &Call, values: &[Value]) -> Answer {
    Ok(items("Cannot find last on type", &values[0])?.items.last().cloned().unwrap_or(Value::Nil).unwrapped())
}

fn rest(call: &Call, values: &[Value]) -> Answer {
    match &items("Cannot find rest on type", &values[0])?.items[..] {
        [] => Ok(Value::nil_list()),
        [_, rest @ ..] => counted(call, rest.to_vec()),
    }
}

fn initial(call: &Call, values: &[Value]) -> Answer {
    match &items("Cannot find initial on type", &values[0])?.items[..] {
        [] => Ok(Value::nil_list()),
        [initial @ .., _] => counted(call, initial.to_vec()),
    }
}

fn reverse(call: &Call, values: &[Value]) -> Answer {
    counted(call, items("Cannot find reverse on type", &values[0])?.items.iter().rev().cloned().collect())
}

fn is_in(call: &Call, all: &[Value], wanted: &Value) -> Result<bool, Failure> {
    call.budget.step(all.len() as u64)?;
    Ok(all.iter().any(|item| deep_equal(item, wanted)))
}

fn uniq(call: &Call, values: &[Value]) -> Answer {
    let mut kept = Vec::new();
    for item in items("Cannot find uniq on type", &values[0])?.items.iter() {
        if !is_in(call, &kept, item)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn without(call: &Call, values: &[Value]) -> Answer {
    let mut kept = Vec::new();
    for item in items("Cannot find without on type", &values[0])?.items.iter() {
        if !is_in(call, &values[1..], item)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn has(call: &Call, values: &[Value]) -> Answer {
    if values[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    let list = items("Cannot find has on type", &values[1])?;
    is_in(call, &list.items, &values[0]).map(Value::Bool)
}

fn compact(call: &Call, values: &[Value]) -> Answer {
    let list = items("Cannot compact on type", &values[0])?;
    counted(call, list.items.iter().filter(|item| !is_empty(item)).cloned().collect())
}

fn slice(_: &Call, values: &[Value]) -> Answer {
    let list = items("list should be type of slice or array but", &values[0])?;
    let length = list.items.len();
    if length == 0 {
        return Ok(Value::Nil);
    }
    let place = |at: usize, otherwise: usize| match values.get(at) {
        None => Some(otherwise),
        Some(value) => usize::try_from(to_int(value)).ok(),
    };
    match (place(1, 0), place(2, length)) {
        (Some(start), Some(end)) if start <= end && end <= length => {
            let items = Rc::new(list.items[start..end].to_vec());
            Ok(Value::List(List { items, kind: list.kind, nil: false }))
        }
        _ => Err("reflect.Value.Slice: slice index out of bounds".into()),
    }
}

fn concat(call: &Call, values: &[Value]) -> Answer {
    let mut all = Vec::new();
    for value in values {
        match value {
            Value::List(list) => all.extend(list.items.iter().cloned()),
            Value::Nil | Value::Null => return items("", value).map(|_| Value::Nil),
            other => return Err(Failure::Message(format!("Cannot concat type {} as list", other.kind()))),
        }
    }
    if all.is_empty() { Ok(Value::nil_list()) } else { counted(call, all) }
}

fn chunk(call: &Call, values: &[Value]) -> Answer {
    let size = match &values[0] {
        Value::Int(size, _) => usize::try_from(*size).unwrap_or(0),
        other => return Err(Failure::Message(format!("invalid size {}", format::print(other)))),
    };
    let list = items("Cannot chunk type", &values[1])?;
    if size == 0 {
        return Err("runtime error: makeslice: len out of range".into());
    }
    call.budget.step(list.items.len() as u64)?;
    let chunks = list.items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List { items: Rc::new(chunks), kind: ListKind::Lists, nil: false }))
}
