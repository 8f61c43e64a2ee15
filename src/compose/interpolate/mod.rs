//! Variables in a whole tree: every text filled in, and made a number or a boolean where one belongs.
//! Reads a tree and an environment; rewrites the tree, records the variables used, and collects every fault.
//! Never touches keys: Compose does not substitute there.

mod cast;
mod template;
mod variables;

pub(crate) use template::{DEEPEST, Fault, LONGEST, Variables, substitute};
pub use variables::Variable;
pub(crate) use variables::extract;

use std::collections::BTreeMap;

use super::value::{Node, Position, Value};

/// Bytes that the texts of one file may come to.
const MOST: usize = 32 * 1024 * 1024;

/// A fault, its path and its place.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub key: String,
    pub at: Position,
    pub message: String,
    /// The required variable without a value, if that is the problem.
    pub required: Option<String>,
}

/// Fills in trees from one environment.
pub(crate) struct Interpolation<'a> {
    environment: &'a BTreeMap<String, String>,
    /// Bytes of the texts that were filled in.
    made: usize,
    /// Variables that were referenced plainly and have no value, with the first place of each.
    pub unset: BTreeMap<String, Position>,
    at: Position,
}

impl Variables for Interpolation<'_> {
    fn value(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn unset(&mut self, name: &str) {
        self.unset.entry(name.to_owned()).or_insert(self.at);
    }
}

impl<'a> Interpolation<'a> {
    /// An interpolation from an environment.
    pub(crate) fn new(environment: &'a BTreeMap<String, String>) -> Self {
        Self { environment, made: 0, unset: BTreeMap::new(), at: Position::default() }
    }

    /// Fills in a tree; returns all faults in it.
    pub(crate) fn tree(&mut self, root: &mut Node) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.node(root, &mut Vec::new(), &mut problems);
        problems
    }

    fn node<'n>(&mut self, node: &'n mut Node, path: &mut Vec<&'n str>, problems: &mut Vec<Problem>) {
        if let Value::Str(text) = &node.value {
            let cast = cast::at(path);
            if cast.is_none() && !text.contains('$') {
                return;
            }
            let at = node.at;
            match self.text(text, cast, at) {
                Ok(value) => node.value = value,
                Err(faults) => problems.extend(faults.into_iter().map(|(message, required)| Problem {
                    key: path.join(".").replace(".[]", "[]"),
                    at,
                    message,
                    required,
                })),
            }
            return;
        }
        match &mut node.value {
            Value::Map(map) => {
                for (key, child) in map {
                    path.push(key);
                    self.node(child, path, problems);
                    path.pop();
                }
            }
            Value::List(list) => {
                path.push("[]");
                list.iter_mut().for_each(|child| self.node(child, path, problems));
                path.pop();
            }
            _ => {}
        }
    }

    fn text(
        &mut self,
        text: &str,
        cast: Option<cast::Cast>,
        at: Position,
    ) -> Result<Value, Vec<(String, Option<String>)>> {
        self.at = at;
        if self.made > MOST {
            let message = format!("interpolation makes the file larger than {} MiB", MOST / 1024 / 1024);
            return Err(vec![(message, None)]);
        }
        let mut faults = Vec::new();
        let filled = substitute(text, self, &mut faults);
        self.made += filled.len();
        if !faults.is_empty() {
            return Err(faults.into_iter().map(|fault| (fault.clone().explained(text), fault.required())).collect());
        }
        match cast {
            Some(cast) => cast.apply(&filled).map_err(|message| vec![(message, None)]),
            None => Ok(Value::Str(filled)),
        }
    }
}

/// A text with its variables replaced. The reason why it cannot be does not quote it: it may be secret.
pub fn fill(text: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let mut variables = Interpolation::new(environment);
    let mut faults = Vec::new();
    let filled = substitute(text, &mut variables, &mut faults);
    let reason = match faults.into_iter().next() {
        Some(Fault::Malformed) => "invalid variable reference; write $$ for a literal dollar sign".to_owned(),
        Some(fault) => fault.explained(""),
        None => match variables.unset.into_keys().next() {
            Some(name) => format!("the variable {name} is not set"),
            None => return Ok(filled),
        },
    };
    Err(reason)
}

impl Fault {
    /// The required variable without a value.
    pub(crate) fn required(self) -> Option<String> {
        match self {
            Self::Malformed | Self::TooDeep | Self::TooLong => None,
            Self::Required(name, _) => Some(name),
        }
    }

    /// The fault in words.
    pub(crate) fn explained(self, text: &str) -> String {
        match self {
            Self::Malformed => format!("invalid interpolation format in {text:?}; write $$ for a literal dollar sign"),
            Self::Required(name, reason) if reason.is_empty() => format!("required variable {name} is missing a value"),
            Self::Required(name, reason) => format!("required variable {name} is missing a value: {reason}"),
            Self::TooDeep => format!("more than {DEEPEST} variables inside each other"),
            Self::TooLong => format!("interpolation makes it longer than {} MiB", LONGEST / 1024 / 1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_filled_and_a_fault_does_not_quote_it() {
        let environment = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        let fill = |text: &str| fill(text, &environment);
        assert_eq!(fill("x$A-${A}-$$A-${B:-c}").unwrap(), "xb-b-$A-c");
        for (text, reason) in [
            ("s3cret${B}", "the variable B is not set"),
            ("s3cret${B:?set it}", "required variable B is missing a value: set it"),
            ("s3cret${", "invalid variable reference; write $$ for a literal dollar sign"),
        ] {
            assert_eq!(fill(text).unwrap_err(), reason);
        }
    }
}
