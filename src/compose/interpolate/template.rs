//! Variables inside one text: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `${VAR:+other}`, nested, `$$`.
//! Reads a text and a lookup; returns the text filled in, with what was unset, required or malformed.
//! Never reads the process environment itself.

/// What goes wrong inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A `${…}` that is none of the forms.
    Malformed,
    /// A variable that must have a value has none; the second field is the author's message.
    Required(String, String),
}

/// Where values come from, and who hears of variables without one.
pub(crate) trait Variables {
    /// The value of a variable.
    fn value(&self, name: &str) -> Option<String>;

    /// A plain reference found nothing and becomes empty.
    fn unset(&mut self, name: &str);
}

/// The forms that test a variable; of those in a reference the leftmost counts.
const OPERATORS: [&str; 6] = [":?", "?", ":-", "-", ":+", "+"];

/// One reference at the start of a text.
enum Reference<'a> {
    Escaped,
    Named(&'a str),
    /// Up to the last closing brace of the line; what is beyond the matching one follows it.
    Braced(&'a str),
    Malformed,
}

/// Fills in a text. All faults are collected; the text is complete only when there is none.
pub(crate) fn substitute(text: &str, variables: &mut dyn Variables, faults: &mut Vec<Fault>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some((reference, length)) = reference(rest) else {
            filled.push('$');
            rest = &rest[1..];
            continue;
        };
        match reference {
            Reference::Escaped => filled.push('$'),
            Reference::Named(name) => filled.push_str(&plain(name, variables)),
            Reference::Braced(whole) => filled.push_str(&braced(whole, variables, faults)),
            Reference::Malformed => faults.push(Fault::Malformed),
        }
        rest = &rest[length..];
    }
    filled.push_str(rest);
    filled
}

/// The reference a text starting with `$` begins with, and its length.
fn reference(text: &str) -> Option<(Reference<'_>, usize)> {
    match text.as_bytes().get(1)? {
        b'$' => Some((Reference::Escaped, 2)),
        b'{' => Some(match braced_length(text) {
            Some(length) => (Reference::Braced(&text[..length]), length),
            None => (Reference::Malformed, 2),
        }),
        _ => {
            let length = name_length(&text[1..]);
            (length > 0).then(|| (Reference::Named(&text[1..=length]), 1 + length))
        }
    }
}

/// For a text starting with `$`: the length of the reference, what is inside it, and what follows its closing brace.
pub(super) fn located(text: &str) -> (usize, Option<&str>, Option<&str>) {
    match reference(text) {
        None => (1, None, None),
        Some((Reference::Escaped, length)) => (length, None, None),
        // Compose lists what it cannot read as a variable without a name.
        Some((Reference::Malformed, length)) => (length, Some(""), None),
        Some((Reference::Named(name), length)) => (length, Some(name), None),
        Some((Reference::Braced(whole), length)) => match closing_brace(whole) {
            Some(end) => (length, Some(&whole[2..end]), Some(&whole[end + 1..])),
            None => (length, Some(&whole[2..length - 1]), None),
        },
    }
}

fn name_length(text: &str) -> usize {
    let starts = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    if !starts {
        return 0;
    }
    text.bytes().take_while(|c| *c == b'_' || c.is_ascii_alphanumeric()).count()
}

/// The length of `${…}`: to the brace after a bare name, or with an operator to the last brace of the line.
fn braced_length(text: &str) -> Option<usize> {
    let name = name_length(&text[2..]);
    if name == 0 {
        return None;
    }
    let after = &text[2 + name..];
    if after.starts_with('}') {
        return Some(2 + name + 1);
    }
    let operator = after.strip_prefix(':').unwrap_or(after);
    if !operator.starts_with(['-', '+', '?']) {
        return None;
    }
    let line = after.find('\n').map_or(after, |end| &after[..end]);
    line.rfind('}').map(|end| 2 + name + end + 1)
}

fn plain(name: &str, variables: &mut dyn Variables) -> String {
    variables.value(name).unwrap_or_else(|| {
        variables.unset(name);
        String::new()
    })
}

fn braced(whole: &str, variables: &mut dyn Variables, faults: &mut Vec<Fault>) -> String {
    let operator = leftmost_operator(whole);
    let (inner, rest) = match closing_brace(whole) {
        Some(end) => (&whole[2..end], &whole[end + 1..]),
        None => (&whole[2..whole.len() - 1], ""),
    };
    let Some((operator, (name, operand))) = operator.and_then(|op| Some((op, inner.split_once(op)?))) else {
        return plain(inner, variables);
    };
    let value = Tested { name, operator, operand }.value(variables, faults);
    value + &substitute(rest, variables, faults)
}

/// `NAME:-operand` and its like.
struct Tested<'t> {
    name: &'t str,
    operator: &'t str,
    operand: &'t str,
}

impl Tested<'_> {
    fn value(&self, variables: &mut dyn Variables, faults: &mut Vec<Fault>) -> String {
        let value = variables.value(self.name);
        let counts_empty = !self.operator.starts_with(':');
        let present = value.as_deref().is_some_and(|value| counts_empty || !value.is_empty());
        match (self.operator.trim_start_matches(':'), present) {
            ("-", false) | ("+", true) => substitute(self.operand, variables, faults),
            ("?", false) => {
                let message = substitute(self.operand, variables, faults);
                faults.push(Fault::Required(self.name.to_owned(), message));
                String::new()
            }
            _ => value.unwrap_or_default(),
        }
    }
}

fn leftmost_operator(text: &str) -> Option<&'static str> {
    OPERATORS.into_iter().filter_map(|op| Some((text.find(op)?, op))).min_by_key(|(at, _)| *at).map(|(_, op)| op)
}

/// The brace that closes the first one; a character after an opening brace is never looked at.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Fault, Variables, substitute};

    struct Fixed;

    impl Variables for Fixed {
        fn value(&self, name: &str) -> Option<String> {
            match name {
                "A" => Some("a".to_owned()),
                "EMPTY" => Some(String::new()),
                "B" => Some("b".to_owned()),
                _ => None,
            }
        }

        fn unset(&mut self, _name: &str) {}
    }

    #[test]
    fn every_form_is_filled_in() {
        let cases = [
            ("$A-${A}", "a-a"),
            ("$$A $${A}", "$A ${A}"),
            ("${X:-d}", "d"),
            ("${X-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${A:+yes}", "yes"),
            ("${X:+yes}", ""),
            ("${EMPTY+yes}", "yes"),
            ("${EMPTY:+yes}", ""),
            ("${X:-${A}-${B}}", "a-b"),
            ("${X:-${Y:-deep}}", "deep"),
            ("${A:?must} ${B:?must}", "a b"),
            ("${X:-http://h:80/?q=1}", "http://h:80/?q=1"),
            ("$1 $ a$", "$1 $ a$"),
            ("${X:-a}b${X:-c}d", "abcd"),
            ("$X", ""),
            ("${A}${X-}", "a"),
        ];
        for (text, expected) in cases {
            let mut faults = Vec::new();
            assert_eq!(substitute(text, &mut Fixed, &mut faults), expected, "{text}");
            assert_eq!(faults, [], "{text}");
        }
    }

    #[test]
    fn every_fault_of_a_text_is_collected() {
        let mut faults = Vec::new();
        substitute("${X:?first}", &mut Fixed, &mut faults);
        substitute("${ } ${A", &mut Fixed, &mut faults);
        let required = Fault::Required("X".to_owned(), "first".to_owned());
        assert_eq!(faults, [required, Fault::Malformed, Fault::Malformed]);
    }
}
