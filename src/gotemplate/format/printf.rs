//! Go's fmt.Sprintf: flags, width, precision, and `%!d(string=x)` for verbs that do not fit.

use super::{float, print, quoted, with_exponent};
use crate::value::Value;

#[derive(Default, Clone)]
struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Widths beyond this are taken as this; Go stops at a million.
const WIDEST: usize = 100_000;

/// `printf`.
pub fn printf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    let mut next = 0;
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let verb = flags(&mut rest, arguments, &mut next);
        let Some(letter) = rest.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if letter == '%' {
            out.push('%');
        } else if let Some(argument) = arguments.get(next) {
            next += 1;
            out.push_str(&one(&verb, letter, argument));
        } else {
            out.push_str(&format!("%!{letter}(MISSING)"));
        }
    }
    if next < arguments.len() {
        let extra: Vec<String> = arguments[next..].iter().map(typed).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn typed(value: &Value) -> String {
    if value.is_nil() { "<nil>".into() } else { format!("{}={}", value.type_name(), print(value)) }
}

type Characters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

fn flags(rest: &mut Characters, arguments: &[Value], next: &mut usize) -> Verb {
    let mut verb = Verb::default();
    while let Some(c) = rest.peek() {
        match c {
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            '#' => verb.sharp = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            _ => break,
        }
        rest.next();
    }
    verb.width = amount(rest, arguments, next);
    if rest.peek() == Some(&'.') {
        rest.next();
        verb.precision = Some(amount(rest, arguments, next).unwrap_or(0));
    }
    verb
}

fn amount(rest: &mut Characters, arguments: &[Value], next: &mut usize) -> Option<usize> {
    if rest.peek() == Some(&'*') {
        rest.next();
        let given = arguments.get(*next);
        *next += 1;
        return match given {
            Some(Value::Int(value, _)) => usize::try_from(*value).ok().map(|value| value.min(WIDEST)),
            _ => None,
        };
    }
    let mut digits = String::new();
    while let Some(c) = rest.peek().filter(|c| c.is_ascii_digit()) {
        digits.push(*c);
        rest.next();
    }
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(WIDEST).min(WIDEST)) }
}

fn one(verb: &Verb, letter: char, value: &Value) -> String {
    match letter {
        'T' => return padded(verb, value.type_name()),
        'v' if verb.sharp => return padded(verb, go_syntax(value)),
        'v' => {}
        _ if value.is_nil() => return format!("%!{letter}(<nil>)"),
        _ => {}
    }
    match (value, letter) {
        (Value::List(list), letter) if letter != 'v' => {
            let items: Vec<String> = list.items.iter().map(|item| one(verb, letter, item)).collect();
            format!("[{}]", items.join(" "))
        }
        (Value::Map(map), letter) if letter != 'v' => {
            let items = map
                .pairs()
                .into_iter()
                .map(|(key, item)| format!("{}:{}", one(verb, letter, &Value::Str(key)), one(verb, letter, &item)));
            format!("map[{}]", items.collect::<Vec<_>>().join(" "))
        }
        (Value::Int(number, _), letter) => integer(verb, letter, *number, value),
        (Value::Float(number), letter) => real(verb, letter, *number, value),
        (Value::Bool(_), 't' | 'v') => padded(verb, print(value)),
        (Value::Str(_) | Value::Bytes(_) | Value::Time(_) | Value::Duration(_), 's' | 'v' | 'q' | 'x' | 'X') => {
            text(verb, letter, &print(value))
        }
        (_, 'v') => padded(verb, print(value)),
        (Value::Object(_), 's') => padded(verb, print(value)),
        (Value::Duration(nanos), 'd') => integer(verb, letter, *nanos, value),
        _ => format!("%!{letter}({})", typed(value)),
    }
}

fn go_syntax(value: &Value) -> String {
    match value {
        Value::Str(text) => quoted(text),
        Value::List(list) => {
            let items: Vec<String> = list.items.iter().map(go_syntax).collect();
            format!("{}{{{}}}", value.type_name(), items.join(", "))
        }
        Value::Map(map) => {
            let pairs = map.pairs();
            let items: Vec<String> =
                pairs.iter().map(|(key, item)| format!("{}:{}", quoted(key), go_syntax(item))).collect();
            format!("{}{{{}}}", value.type_name(), items.join(", "))
        }
        other => print(other),
    }
}

fn text(verb: &Verb, letter: char, text: &str) -> String {
    let cut: String = match verb.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    };
    let hex = |upper: bool| {
        cut.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect::<String>()
    };
    padded(
        verb,
        match letter {
            'q' if verb.sharp && !cut.contains('`') => format!("`{cut}`"),
            'q' => quoted(&cut),
            'x' => hex(false),
            'X' => hex(true),
            _ => cut,
        },
    )
}

fn integer(verb: &Verb, letter: char, number: i64, value: &Value) -> String {
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match letter {
        'd' | 'v' => ("", magnitude.to_string()),
        'b' => (if verb.sharp { "0b" } else { "" }, format!("{magnitude:b}")),
        'o' => (if verb.sharp { "0" } else { "" }, format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => (if verb.sharp { "0x" } else { "" }, format!("{magnitude:x}")),
        'X' => (if verb.sharp { "0X" } else { "" }, format!("{magnitude:X}")),
        'c' | 'q' | 'U' => {
            let point = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            return padded(
                verb,
                match letter {
                    'c' => point.to_string(),
                    'q' => format!("'{point}'"),
                    _ => format!("U+{number:04X}"),
                },
            );
        }
        _ => return format!("%!{letter}({})", typed(value)),
    };
    let least = verb.precision.unwrap_or(0);
    let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
    signed(verb, number < 0, &format!("{prefix}{digits}"), verb.precision.is_none())
}

fn real(verb: &Verb, letter: char, number: f64, value: &Value) -> String {
    let magnitude = number.abs();
    let text = match letter {
        _ if !number.is_finite() => return padded(verb, float(number)),
        'f' | 'F' => format!("{magnitude:.*}", verb.precision.unwrap_or(6)),
        'e' | 'E' => {
            let text = format!("{magnitude:.*e}", verb.precision.unwrap_or(6));
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let text = with_exponent(digits, exponent.parse().unwrap_or(0));
            if letter == 'E' { text.to_uppercase() } else { text }
        }
        'g' | 'G' | 'v' => match verb.precision {
            None => float(magnitude),
            Some(digits) => significant(magnitude, digits.max(1)),
        },
        _ => return format!("%!{letter}({})", typed(value)),
    };
    signed(verb, number.is_sign_negative(), &text, true)
}

/// `%.3g`.
fn significant(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    if exponent < -4 || exponent >= i32::try_from(digits).unwrap_or(i32::MAX) {
        return with_exponent(&trimmed(mantissa), exponent);
    }
    let places = usize::try_from(i32::try_from(digits).unwrap_or(0) - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{value:.places$}"))
}

fn signed(verb: &Verb, negative: bool, digits: &str, may_zero: bool) -> String {
    let sign = match (negative, verb.plus, verb.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let filled = match verb.width {
        Some(width) if verb.zero && !verb.minus && may_zero => {
            "0".repeat(width.saturating_sub(sign.len() + digits.len()))
        }
        _ => String::new(),
    };
    let plain = Verb { zero: false, ..verb.clone() };
    padded(&plain, format!("{sign}{filled}{digits}"))
}

fn padded(verb: &Verb, text: String) -> String {
    let missing = verb.width.unwrap_or(0).saturating_sub(text.chars().count());
    match (missing, verb.minus, verb.zero) {
        (0, ..) => text,
        (_, true, _) => text + &" ".repeat(missing),
        (_, _, true) => "0".repeat(missing) + &text,
        _ => " ".repeat(missing) + &text,
    }
}
