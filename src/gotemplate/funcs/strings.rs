//! Strings. Sprig cuts and counts bytes in most of them.

mod case;
mod random;
mod shape;

use crate::format;
use crate::funcs::builtins::text;
use crate::funcs::numbers::to_int;
use crate::signature::{Answer, Call, Function, Param, fixed, variadic};
use crate::value::{Map, MapKind, Value};

pub const TABLE: &[Function] = &[
    fixed("trim", &[Param::Str], |call, v| text(call, str(&v[0]).trim().into())),
    fixed("upper", &[Param::Str], |call, v| text(call, str(&v[0]).to_uppercase())),
    fixed("lower", &[Param::Str], |call, v| text(call, str(&v[0]).to_lowercase())),
    fixed("title", &[Param::Str], |call, v| text(call, case::title(&str(&v[0])))),
    fixed("untitle", &[Param::Str], |call, v| text(call, case::untitle(&str(&v[0])))),
    fixed("swapcase", &[Param::Str], |call, v| text(call, case::swapped(&str(&v[0])))),
    fixed("snakecase", &[Param::Str], |call, v| text(call, case::joined(&str(&v[0]), '_'))),
    fixed("kebabcase", &[Param::Str], |call, v| text(call, case::joined(&str(&v[0]), '-'))),
    fixed("camelcase", &[Param::Str], |call, v| text(call, case::pascal(&str(&v[0])))),
    fixed("initials", &[Param::Str], |call, v| text(call, case::initials(&str(&v[0])))),
    fixed("nospace", &[Param::Str], |call, v| text(call, str(&v[0]).split_whitespace().collect())),
    fixed("repeat", &[Param::Int, Param::Str], repeat),
    fixed("trimAll", &[Param::Str, Param::Str], trim_all),
    fixed("trimall", &[Param::Str, Param::Str], trim_all),
    fixed("trimSuffix", &[Param::Str, Param::Str], |call, v| {
        let (suffix, given) = (str(&v[0]), str(&v[1]));
        text(call, given.strip_suffix(&suffix).unwrap_or(&given).into())
    }),
    fixed("trimPrefix", &[Param::Str, Param::Str], |call, v| {
        let (prefix, given) = (str(&v[0]), str(&v[1]));
        text(call, given.strip_prefix(&prefix).unwrap_or(&given).into())
    }),
    fixed("contains", &[Param::Str, Param::Str], |_, v| Ok(Value::Bool(str(&v[1]).contains(&str(&v[0]))))),
    fixed("hasPrefix", &[Param::Str, Param::Str], |_, v| Ok(Value::Bool(str(&v[1]).starts_with(&str(&v[0]))))),
    fixed("hasSuffix", &[Param::Str, Param::Str], |_, v| Ok(Value::Bool(str(&v[1]).ends_with(&str(&v[0]))))),
    fixed("replace", &[Param::Str, Param::Str, Param::Str], replace),
    fixed("plural", &[Param::Str, Param::Str, Param::Int], |_, v| Ok(v[usize::from(to_int(&v[2]) != 1)].clone())),
    variadic("quote", &[], Param::Any, |call, v| text(call, each(v, |value| format::quoted(&strval(value))))),
    variadic("squote", &[], Param::Any, |call, v| text(call, each(v, |value| format!("'{}'", format::print(value))))),
    variadic("cat", &[], Param::Any, |call, v| text(call, each(v, format::print))),
    fixed("indent", &[Param::Int, Param::Str], |call, v| shape::indent(call, v, "")),
    fixed("nindent", &[Param::Int, Param::Str], |call, v| shape::indent(call, v, "\n")),
    fixed("trunc", &[Param::Int, Param::Str], shape::trunc),
    fixed("substr", &[Param::Int, Param::Int, Param::Str], shape::substr),
    fixed("abbrev", &[Param::Int, Param::Str], shape::abbrev),
    fixed("abbrevboth", &[Param::Int, Param::Int, Param::Str], shape::abbrev_both),
    fixed("wrap", &[Param::Int, Param::Str], shape::wrap),
    fixed("wrapWith", &[Param::Int, Param::Str, Param::Str], shape::wrap_with),
    fixed("toString", &[Param::Any], |call, v| match &v[0] {
        bytes @ Value::Bytes(_) => Ok(bytes.clone()),
        other => text(call, strval(other)),
    }),
    fixed("toStrings", &[Param::Any], |_, v| Ok(Value::strings(strings_of(&v[0])))),
    fixed("join", &[Param::Str, Param::Any], |call, v| text(call, strings_of(&v[1]).join(&str(&v[0])))),
    fixed("split", &[Param::Str, Param::Str], |call, v| split(call, &pieces(&str(&v[0]), &str(&v[1])))),
    fixed("splitn", &[Param::Str, Param::Int, Param::Str], |call, v| {
        let (separator, count, given) = (str(&v[0]), to_int(&v[1]), str(&v[2]));
        match usize::try_from(count) {
            Err(_) => split(call, &pieces(&separator, &given)),
            Ok(0) => split(call, &[]),
            Ok(count) => split(call, &given.splitn(count, &*separator).map(str::to_owned).collect::<Vec<_>>()),
        }
    }),
    fixed("splitList", &[Param::Str, Param::Str], |call, v| {
        let pieces = pieces(&str(&v[0]), &str(&v[1]));
        call.budget.step(pieces.len() as u64)?;
        Ok(Value::strings(pieces))
    }),
    fixed("randAlphaNum", &[Param::Int], |call, v| random::text(call, &v[0], random::ALPHANUMERIC)),
    fixed("randAlpha", &[Param::Int], |call, v| random::text(call, &v[0], random::LETTERS)),
    fixed("randNumeric", &[Param::Int], |call, v| random::text(call, &v[0], random::DIGITS)),
    fixed("randAscii", &[Param::Int], random::ascii),
    fixed("randBytes", &[Param::Int], random::bytes),
    fixed("shuffle", &[Param::Str], random::shuffle),
    fixed("uuidv4", &[], |call, _| random::uuid(call)),
];

/// The text of a string argument.
pub fn str(value: &Value) -> String {
    format::print(value)
}

/// Sprig's strval: `%v`, strings as they are.
pub fn strval(value: &Value) -> String {
    format::print(value)
}

/// Sprig's strslice: the items as strings, without nils.
pub fn strings_of(value: &Value) -> Vec<String> {
    match value {
        Value::List(list) => list.items.iter().filter(|item| !item.is_nil()).map(strval).collect(),
        Value::Nil | Value::Null => Vec::new(),
        other => vec![strval(other)],
    }
}

fn each(values: &[Value], shown: impl Fn(&Value) -> String) -> String {
    values.iter().filter(|value| !value.is_nil()).map(shown).collect::<Vec<_>>().join(" ")
}

fn repeat(call: &Call, values: &[Value]) -> Answer {
    let given = str(&values[1]);
    let Ok(count) = usize::try_from(to_int(&values[0])) else {
        return Err("strings: negative Repeat count".into());
    };
    // Before it is allocated.
    call.budget.bytes((given.len() as u64).saturating_mul(count as u64))?;
    Ok(Value::str(given.repeat(count)))
}

fn trim_all(call: &Call, values: &[Value]) -> Answer {
    let set: Vec<char> = str(&values[0]).chars().collect();
    text(call, str(&values[1]).trim_matches(&set[..]).into())
}

fn replace(call: &Call, values: &[Value]) -> Answer {
    let (old, new, given) = (str(&values[0]), str(&values[1]), str(&values[2]));
    let count = if old.is_empty() { given.len() + 1 } else { given.matches(&*old).count() };
    call.budget.bytes((count as u64).saturating_mul(new.len() as u64) + given.len() as u64)?;
    Ok(Value::str(given.replace(&old, &new)))
}

/// Go's strings.Split: an empty separator gives the characters.
fn pieces(separator: &str, given: &str) -> Vec<String> {
    if separator.is_empty() {
        return given.chars().map(String::from).collect();
    }
    given.split(separator).map(str::to_owned).collect()
}

fn split(call: &Call, pieces: &[String]) -> Answer {
    call.budget.step(pieces.len() as u64)?;
    let map = Map::new();
    for (at, piece) in pieces.iter().enumerate() {
        map.set(&format!("_{at}"), Value::str(piece.as_str()));
    }
    Ok(Value::Map(map.typed(MapKind::Strings)))
}
