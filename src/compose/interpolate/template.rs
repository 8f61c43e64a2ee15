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
    /// References inside references, beyond what anybody writes.
    TooDeep,
    /// Values that repeat values make more text than fits.
    TooLong,
}

/// References inside a reference that are followed.
pub(crate) const DEEPEST: usize = 64;

/// Bytes that filling in may add to one text: Linux takes no longer variable than an eighth of it.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// Faults that are collected from one text.
const MOST_FAULTS: usize = 16;

/// Where values come from, and who hears of variables without one.
pub(crate) trait Variables {
    /// The value of a variable.
    fn value(&self, name: &str) -> Option<String>;

    /// A plain reference found nothing and becomes empty.
    fn unset(&mut self, name: &str);
}

/// The forms that test a variable, right behind its name.
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
    Filling { variables, faults }.text(text, 0)
}

/// A text being filled in.
struct Filling<'a> {
    variables: &'a mut dyn Variables,
    faults: &'a mut Vec<Fault>,
}

impl Filling<'_> {
    /// `depth`: how many references the text is inside of.
    fn text(&mut self, text: &str, depth: usize) -> String {
        if depth > DEEPEST {
            self.fault(Fault::TooDeep);
            return String::new();
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            if filled.len() > text.len() + LONGEST {
                self.fault(Fault::TooLong);
                return String::new();
            }
            let Some((reference, length)) = reference(rest) else {
                filled.push('$');
                rest = &rest[1..];
                continue;
            };
            let mut used = length;
            match reference {
                Reference::Escaped => filled.push('$'),
                Reference::Named(name) => filled.push_str(&self.plain(name)),
                Reference::Braced(whole) => {
                    let value = self.braced(whole, depth);
                    filled.push_str(&value);
                    used = closing_brace(whole).map_or(length, |end| end + 1);
                }
                Reference::Malformed => self.fault(Fault::Malformed),
            }
            rest = &rest[used..];
        }
        filled.push_str(rest);
        filled
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }

    fn plain(&mut self, name: &str) -> String {
        self.variables.value(name).unwrap_or_else(|| {
            self.variables.unset(name);
            String::new()
        })
    }

    /// The value of `${…}`; what follows the brace that closes it is not looked at.
    fn braced(&mut self, whole: &str, depth: usize) -> String {
        let inner = &whole[2..closing_brace(whole).unwrap_or(whole.len() - 1)];
        let name = &inner[..name_length(inner)];
        let behind = &inner[name.len()..];
        match OPERATORS.into_iter().find_map(|operator| Some((operator, behind.strip_prefix(operator)?))) {
            Some((operator, operand)) => self.tested(&Tested { name, operator, operand }, depth),
            None => self.plain(inner),
        }
    }

    fn tested(&mut self, tested: &Tested<'_>, depth: usize) -> String {
        let value = self.variables.value(tested.name);
        let counts_empty = !tested.operator.starts_with(':');
        let present = value.as_deref().is_some_and(|value| counts_empty || !value.is_empty());
        match (tested.operator.trim_start_matches(':'), present) {
            ("-", false) | ("+", true) => self.text(tested.operand, depth + 1),
            ("?", false) => {
                let message = self.text(tested.operand, depth + 1);
                self.fault(Fault::Required(tested.name.to_owned(), message));
                String::new()
            }
            _ => value.unwrap_or_default(),
        }
    }
}

/// `NAME:-operand` and the other operators.
struct Tested<'t> {
    name: &'t str,
    operator: &'t str,
    operand: &'t str,
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
    use super::{DEEPEST, Fault, LONGEST, MOST_FAULTS, Variables, substitute};

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

    #[test]
    fn what_would_not_end_is_a_fault_that_names_its_bound() {
        let nested = |depth: usize| format!("{}x{}", "${X:-".repeat(depth), "}".repeat(depth));
        let faults = |text: &str| {
            let mut faults = Vec::new();
            (substitute(text, &mut Fixed, &mut faults), faults)
        };
        assert_eq!(faults(&nested(DEEPEST)), ("x".to_owned(), Vec::new()));
        assert_eq!(faults(&nested(20_000)).1, [Fault::TooDeep]);
        // One after the other is not one in the other.
        assert_eq!(faults(&"${X:-a}".repeat(20_000)), ("a".repeat(20_000), Vec::new()));
        struct Long;
        impl Variables for Long {
            fn value(&self, _: &str) -> Option<String> {
                Some("x".repeat(LONGEST / 2))
            }
            fn unset(&mut self, _: &str) {}
        }
        assert_eq!(faults(&"${".repeat(20_000)).1.len(), MOST_FAULTS);
        let mut long = Vec::new();
        substitute(&"$A ".repeat(1000), &mut Long, &mut long);
        assert_eq!(long, [Fault::TooLong]);
    }
}
