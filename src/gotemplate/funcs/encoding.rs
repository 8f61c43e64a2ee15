//! JSON, YAML, TOML, base64 and base32.

mod toml;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Failure;
use crate::format;
use crate::funcs::builtins::text;
use crate::funcs::defaults::size;
use crate::signature::{Answer, Call, Function, Param, fixed, unsupported};
use crate::text::json;
use crate::value::{DEEPEST, Map, Value};
use crate::yaml::{read::from_yaml, write};

pub const TABLE: &[Function] = &[
    fixed("toYaml", &[Param::Any], |call, v| encoded(call, &v[0], write::to_yaml)),
    fixed("mustToYaml", &[Param::Any], |call, v| encoded(call, &v[0], write::to_yaml)),
    fixed("toYamlPretty", &[Param::Any], |call, v| encoded(call, &v[0], write::to_yaml_pretty)),
    fixed("fromYaml", &[Param::Str], from_yaml_map),
    fixed("fromYamlArray", &[Param::Str], |call, v| {
        read(call, &v[0])?;
        Ok(match from_yaml(&format::print(&v[0])) {
            Ok(list @ Value::List(_)) => list,
            Ok(other) if other.is_nil() => Value::list(Vec::new()),
            Ok(other) => Value::list(vec![Value::str(not_into(&other, "[]interface {}"))]),
            Err(error) => Value::list(vec![Value::str(error.to_string())]),
        })
    }),
    fixed("toJson", &[Param::Any], |call, v| encoded(call, &v[0], json::to_json)),
    fixed("mustToJson", &[Param::Any], |call, v| encoded(call, &v[0], json::to_json)),
    fixed("toRawJson", &[Param::Any], |call, v| encoded(call, &v[0], json::to_raw_json)),
    fixed("mustToRawJson", &[Param::Any], |call, v| encoded(call, &v[0], json::to_raw_json)),
    fixed("toPrettyJson", &[Param::Any], |call, v| encoded(call, &v[0], json::to_pretty_json)),
    fixed("mustToPrettyJson", &[Param::Any], |call, v| encoded(call, &v[0], json::to_pretty_json)),
    fixed("fromJson", &[Param::Str], |call, v| {
        read(call, &v[0])?;
        Ok(match json::from_json(&format::print(&v[0])) {
            Ok(map @ Value::Map(_)) => map,
            Ok(other) if other.is_nil() => Value::Map(Map::new()),
            Ok(other) => error_map(&not_into(&other, "map[string]interface {}")),
            Err(error) => error_map(&error),
        })
    }),
    fixed("fromJsonArray", &[Param::Str], |call, v| {
        read(call, &v[0])?;
        Ok(match json::from_json(&format::print(&v[0])) {
            Ok(list @ Value::List(_)) => list,
            Ok(other) if other.is_nil() => Value::list(Vec::new()),
            Ok(other) => Value::list(vec![Value::str(not_into(&other, "[]interface {}"))]),
            Err(error) => Value::list(vec![Value::str(error)]),
        })
    }),
    fixed("mustFromJson", &[Param::Str], |call, v| {
        read(call, &v[0])?;
        Ok(json::from_json(&format::print(&v[0]))?.unwrapped())
    }),
    fixed("toToml", &[Param::Any], |call, v| {
        v[0].check_depth(DEEPEST)?;
        text(call, toml::to_toml(&v[0]).unwrap_or_else(|error| error))
    }),
    fixed("mustToToml", &[Param::Any], |call, v| {
        v[0].check_depth(DEEPEST)?;
        text(call, toml::to_toml(&v[0])?)
    }),
    fixed("fromToml", &[Param::Str], |_, _| unsupported("fromToml")),
    fixed("b64enc", &[Param::Str], |call, v| text(call, STANDARD.encode(bytes_of(&v[0])))),
    fixed("b64dec", &[Param::Str], b64dec),
    fixed("b32enc", &[Param::Str], |call, v| text(call, base32(&bytes_of(&v[0])))),
    fixed("b32dec", &[Param::Str], |_, v| Ok(unbase32(&format::print(&v[0])))),
];

/// The bytes of a string argument.
pub fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        other => format::print(other).into_bytes(),
    }
}

fn encoded(call: &Call, value: &Value, encode: fn(&Value) -> String) -> Answer {
    value.check_depth(DEEPEST)?;
    call.budget.step(size(value))?;
    text(call, encode(value))
}

/// Reading costs as much as the text is long.
fn read(call: &Call, value: &Value) -> Result<(), Failure> {
    let length = value.text().map_or(0, str::len) as u64;
    call.budget.step(length / 4)?;
    call.budget.bytes(length)
}

fn error_map(error: &str) -> Value {
    let map = Map::new();
    map.set("Error", Value::str(error));
    Value::Map(map)
}

fn not_into(value: &Value, wanted: &str) -> String {
    let kind = match value {
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Str(_) | Value::Bytes(_) => "string",
        _ => "number",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

fn from_yaml_map(call: &Call, values: &[Value]) -> Answer {
    read(call, &values[0])?;
    Ok(match from_yaml(&format::print(&values[0])) {
        Ok(map @ Value::Map(_)) => map,
        Ok(other) if other.is_nil() => Value::Map(Map::new()),
        Ok(other) => error_map(&format!(
            "error unmarshaling JSON: while decoding JSON: {}",
            not_into(&other, "map[string]interface {}")
        )),
        Err(error) => error_map(&format!("error converting YAML to JSON: {error}")),
    })
}

fn b64dec(_: &Call, values: &[Value]) -> Answer {
    // Go's decoder skips line ends.
    let given: Vec<u8> = bytes_of(&values[0]).into_iter().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    Ok(match STANDARD.decode(&given) {
        Ok(bytes) => Value::bytes(&bytes),
        Err(_) => {
            let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
            let bad = given.iter().position(|byte| !is_digit(byte)).unwrap_or(given.len() / 4 * 4);
            Value::str(format!("illegal base64 data at input byte {bad}"))
        }
    })
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let digits = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or(0);
            out.push(if at < digits { char::from(BASE32[digit]) } else { '=' });
        }
    }
    out
}

fn unbase32(text: &str) -> Value {
    let digits = text.trim_end_matches('=');
    let (mut bits, mut held, mut out) = (0_u32, 0_u32, Vec::new());
    for (at, byte) in digits.bytes().enumerate() {
        let Some(digit) = BASE32.iter().position(|known| *known == byte) else {
            return Value::str(format!("illegal base32 data at input byte {at}"));
        };
        bits = bits << 5 | u32::try_from(digit).unwrap_or(0);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 255).unwrap_or(0));
        }
    }
    if !text.len().is_multiple_of(8) {
        return Value::str(format!("illegal base32 data at input byte {}", text.len() / 8 * 8));
    }
    Value::bytes(&out)
}
