//! Dictionaries. `set`, `unset` and `merge` change the map they are given, for everyone who holds it.

use crate::error::Failure;
use crate::format;
use crate::funcs::defaults::{is_empty, size};
use crate::funcs::strings::strval;
use crate::signature::{Answer, Call, Function, Param, fixed, map_of, variadic};
use crate::value::{DEEPEST, Map, Value};

pub const TABLE: &[Function] = &[
    variadic("dict", &[], Param::Any, dict),
    fixed("get", &[Param::Map, Param::Str], |_, v| {
        Ok(map_of(&v[0]).get(&format::print(&v[1])).map_or_else(|| Value::str(""), Value::unwrapped))
    }),
    fixed("set", &[Param::Map, Param::Str, Param::Any], set),
    fixed("unset", &[Param::Map, Param::Str], |_, v| {
        map_of(&v[0]).remove(&format::print(&v[1]));
        Ok(v[0].clone())
    }),
    fixed("hasKey", &[Param::Map, Param::Str], |_, v| {
        Ok(Value::Bool(map_of(&v[0]).get(&format::print(&v[1])).is_some()))
    }),
    variadic("pluck", &[Param::Str], Param::Map, |_, v| {
        let key = format::print(&v[0]);
        Ok(Value::list(v[1..].iter().filter_map(|map| map_of(map).get(&key)).collect()))
    }),
    variadic("keys", &[], Param::Map, |_, v| {
        Ok(Value::strings(v.iter().flat_map(|map| map_of(map).keys()).map(|key| key.to_string()).collect()))
    }),
    fixed("values", &[Param::Map], |_, v| {
        Ok(Value::list(map_of(&v[0]).pairs().into_iter().map(|(_, value)| value).collect()))
    }),
    variadic("pick", &[Param::Map], Param::Str, |_, v| {
        let (from, picked) = (map_of(&v[0]), Map::new());
        for key in v[1..].iter().map(format::print) {
            if let Some(value) = from.get(&key) {
                picked.set(&key, value);
            }
        }
        Ok(Value::Map(picked))
    }),
    variadic("omit", &[Param::Map], Param::Str, |_, v| {
        let omitted: Vec<String> = v[1..].iter().map(format::print).collect();
        let kept = map_of(&v[0]).pairs().into_iter().filter(|(key, _)| !omitted.iter().any(|name| **name == **key));
        Ok(Value::Map(Map::of(kept.collect())))
    }),
    variadic("merge", &[Param::Map], Param::Map, |call, v| merge_all(call, v, false)),
    variadic("mustMerge", &[Param::Map], Param::Map, |call, v| merge_all(call, v, false)),
    variadic("mergeOverwrite", &[Param::Map], Param::Map, |call, v| merge_all(call, v, true)),
    variadic("mustMergeOverwrite", &[Param::Map], Param::Map, |call, v| merge_all(call, v, true)),
    variadic("dig", &[], Param::Any, dig),
];

fn dict(call: &Call, values: &[Value]) -> Answer {
    call.budget.step(values.len() as u64)?;
    let map = Map::new();
    for pair in values.chunks(2) {
        map.set(&strval(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| Value::str("")));
    }
    Ok(Value::Map(map))
}

fn set(_: &Call, values: &[Value]) -> Answer {
    let Value::Map(map) = &values[0] else { return Err("assignment to entry in nil map".into()) };
    map.set(&format::print(&values[1]), values[2].clone());
    Ok(values[0].clone())
}

fn merge_all(call: &Call, values: &[Value], overwrite: bool) -> Answer {
    let [first, others @ ..] = values else { return Ok(Value::Nil) };
    let Value::Map(target) = first else {
        // Go cannot write through the nil map it was given, and returns it as it is.
        return if others.iter().all(|other| map_of(other).is_empty()) {
            Ok(first.clone())
        } else {
            Err("cannot merge into a nil map".into())
        };
    };
    for other in others {
        let other = map_of(other);
        if other.is(target) {
            continue;
        }
        Value::Map(other.clone()).check_depth(DEEPEST)?;
        call.budget.step(size(&Value::Map(other.clone())))?;
        merge(target, &other, overwrite);
    }
    Ok(first.clone())
}

/// mergo's rules: an empty value of the target is filled; with `overwrite` every value replaces, empty ones and nil too.
fn merge(target: &Map, source: &Map, overwrite: bool) {
    if target.is(source) {
        return;
    }
    for (key, value) in source.pairs() {
        if value.is_nil() {
            if overwrite {
                target.set(&key, value);
            }
            continue;
        }
        let held = target.get(&key);
        if let (Some(Value::Map(held)), Value::Map(value)) = (&held, &value) {
            merge(held, value, overwrite);
            if !held.is_empty() {
                continue;
            }
        }
        if overwrite || held.as_ref().is_none_or(is_empty) {
            target.set(&key, value);
        }
    }
}

fn dig(_: &Call, values: &[Value]) -> Answer {
    let [keys @ .., default, from] = values else { return Err("dig needs at least three arguments".into()) };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut at = from.clone();
    for (place, key) in keys.iter().enumerate() {
        let map = match &at {
            Value::Map(map) if map.kind == crate::value::MapKind::Any => map.clone(),
            other => {
                let shown = if other.is_nil() { "nil".into() } else { other.type_name() };
                return Err(Failure::Message(format!(
                    "interface conversion: interface {{}} is {shown}, not map[string]interface {{}}"
                )));
            }
        };
        let Some(key) = key.text() else {
            return Err(Failure::Message(format!(
                "interface conversion: interface {{}} is {}, not string",
                key.type_name()
            )));
        };
        match map.get(key) {
            None => return Ok(default.clone()),
            Some(found) if place + 1 == keys.len() => return Ok(found.unwrapped()),
            Some(found) => at = found,
        }
    }
    Ok(at)
}
