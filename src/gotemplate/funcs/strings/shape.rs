//! Indentation, cutting and wrapping.

use crate::error::Failure;
use crate::format::print;
use crate::funcs::builtins::text;
use crate::funcs::numbers::to_int;
use crate::signature::{Answer, Call};
use crate::value::Value;

/// `indent` and, after a newline, `nindent`; empty lines are indented too.
pub fn indent(call: &Call, values: &[Value], before: &str) -> Answer {
    let Ok(spaces) = usize::try_from(to_int(&values[0])) else {
        return Err("strings: negative Repeat count".into());
    };
    let given = print(&values[1]);
    let lines = given.matches('\n').count() as u64 + 1;
    call.budget.bytes(lines.saturating_mul(spaces as u64))?;
    let pad = " ".repeat(spaces);
    text(call, format!("{before}{pad}{}", given.replace('\n', &format!("\n{pad}"))))
}

fn raw(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        other => print(other).into_bytes(),
    }
}

/// `trunc`: the first bytes, or with a negative count the last.
pub fn trunc(_: &Call, values: &[Value]) -> Answer {
    let (count, bytes) = (to_int(&values[0]), raw(&values[1]));
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let (from, to) = match count {
        count if count < 0 && length + count > 0 => (length + count, length),
        count if count >= 0 && length > count => (0, count),
        _ => return Ok(values[1].clone()),
    };
    Ok(part(&bytes, from, to))
}

fn part(bytes: &[u8], from: i64, to: i64) -> Value {
    let place = |at: i64| usize::try_from(at).unwrap_or(0).min(bytes.len());
    Value::bytes(&bytes[place(from)..place(to)])
}

/// `substr START END`.
pub fn substr(_: &Call, values: &[Value]) -> Answer {
    let (start, end, bytes) = (to_int(&values[0]), to_int(&values[1]), raw(&values[2]));
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let (from, to) = if start < 0 {
        (0, end)
    } else if end < 0 || end > length {
        (start, length)
    } else {
        (start, end)
    };
    if from < 0 || to < from || to > length {
        return Err("runtime error: slice bounds out of range".into());
    }
    Ok(part(&bytes, from, to))
}

/// `abbrev WIDTH`: cut with `...`.
pub fn abbrev(_: &Call, values: &[Value]) -> Answer {
    let (width, given) = (to_int(&values[0]), print(&values[1]));
    let width = usize::try_from(width).unwrap_or(0);
    if width < 4 || given.len() <= width {
        return Ok(Value::str(given));
    }
    let Value::Str(head) = part(given.as_bytes(), 0, i64::try_from(width - 3).unwrap_or(0)) else {
        return Ok(Value::str(given));
    };
    Ok(Value::str(format!("{head}...")))
}

/// `wrap WIDTH`: longer words stay whole.
pub fn wrap(call: &Call, values: &[Value]) -> Answer {
    text(call, lines(call, &values[0], &values[1], false)?.join("\n"))
}

/// `wrapWith WIDTH NEWLINE`: longer words are broken.
pub fn wrap_with(call: &Call, values: &[Value]) -> Answer {
    text(call, lines(call, &values[0], &values[2], true)?.join(&print(&values[1])))
}

/// Lines of at most a width, broken at blanks, in longer words when asked to.
fn lines(call: &Call, width: &Value, value: &Value, breaks_words: bool) -> Result<Vec<String>, Failure> {
    let width = usize::try_from(to_int(width).max(1)).unwrap_or(1);
    let mut rest: Vec<char> = print(value).chars().collect();
    let mut lines: Vec<String> = Vec::new();
    while rest.len() > width {
        if rest[0] == ' ' {
            rest.remove(0);
            continue;
        }
        call.budget.step(rest.len() as u64)?;
        let space = rest[..=width].iter().rposition(|c| *c == ' ');
        let (cut, next) = match space {
            Some(at) => (at, at + 1),
            None if breaks_words => (width, width),
            None => match rest[width..].iter().position(|c| *c == ' ') {
                Some(at) => (width + at, width + at + 1),
                None => (rest.len(), rest.len()),
            },
        };
        lines.push(rest[..cut].iter().collect());
        rest.drain(..next);
    }
    if !rest.is_empty() {
        lines.push(rest.into_iter().collect());
    }
    Ok(lines)
}

/// `abbrevboth OFFSET WIDTH`: cut at both ends with `...`.
pub fn abbrev_both(_: &Call, values: &[Value]) -> Answer {
    let (offset, width) = (to_int(&values[0]), to_int(&values[1]));
    let given = print(&values[2]).into_bytes();
    let length = i64::try_from(given.len()).unwrap_or(i64::MAX);
    if width < 4 || (offset > 0 && width < 7) || length <= width {
        return Ok(values[2].clone());
    }
    let part = |from: i64, to: i64| {
        let place = |at: i64| usize::try_from(at.clamp(0, length)).unwrap_or_default();
        &given[place(from).min(place(to))..place(to)]
    };
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    let cut = if offset <= 4 {
        [part(0, width - 3), b"..."].concat()
    } else if offset + width - 3 < length {
        // The rest is cut at its end again, in what the first dots leave.
        [b"...", part(offset, offset + width - 6), b"..."].concat()
    } else {
        [b"...", part(length - (width - 3), length)].concat()
    };
    Ok(Value::bytes(&cut))
}
