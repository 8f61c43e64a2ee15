//! `if`, `with` and `range`.

use super::{Flow, Outcome, Run};
use crate::format;
use crate::tree::{Control, Kind, Node};
use crate::value::{IntKind, Value};

impl Run<'_, '_> {
    pub(super) fn branch(&mut self, dot: &Value, control: &Control, with: bool) -> Outcome<Flow> {
        let scope = self.variables.len();
        let value = self.pipe(dot, &control.pipe)?;
        let flow = if value.is_true() {
            self.walk(if with { &value } else { dot }, &control.body)
        } else {
            self.walk(dot, &control.otherwise)
        };
        self.variables.truncate(scope);
        flow
    }

    pub(super) fn range(&mut self, dot: &Value, control: &Control) -> Outcome<Flow> {
        let scope = self.variables.len();
        let value = self.pipe(dot, &control.pipe)?;
        let flow = match &value {
            Value::Nil | Value::Null => self.each(dot, control, std::iter::empty()),
            Value::List(list) => {
                let items = list.items.clone();
                self.each(dot, control, (0..items.len()).map(|at| (Value::int(at as i64), items[at].clone())))
            }
            Value::Map(map) => {
                let pairs = map.pairs();
                self.each(dot, control, pairs.into_iter().map(|(key, value)| (Value::Str(key), value)))
            }
            Value::Int(count, kind) => self.count(dot, control, (*count, *kind)),
            Value::Duration(count) => self.count(dot, control, (*count, IntKind::Int64)),
            Value::Object(object) => match object.entries() {
                Some(entries) => self.each(dot, control, entries.into_iter()),
                None => Err(self.not_iterable(control, &value)),
            },
            Value::Bool(_) | Value::Float(_) | Value::Str(_) | Value::Bytes(_) | Value::Time(_) => {
                Err(self.not_iterable(control, &value))
            }
        };
        self.variables.truncate(scope);
        flow
    }

    fn not_iterable(&self, control: &Control, value: &Value) -> super::Fault {
        self.range_fault(control, format!("range can't iterate over {}", format::print(value)))
    }

    /// Go's place is the last node of the pipeline that was evaluated.
    fn range_fault(&self, control: &Control, message: String) -> super::Fault {
        match last_word(control) {
            Some(node) => self.fault(node, message),
            None => self.placed(control.at, "range".into(), message.into()),
        }
    }

    fn count(&mut self, dot: &Value, control: &Control, range: (i64, IntKind)) -> Outcome<Flow> {
        let (count, kind) = range;
        if control.pipe.declared.len() > 1 {
            return Err(self.range_fault(control, format!("can't use {count} to iterate over more than one variable")));
        }
        self.each(dot, control, (0..count.max(0)).map(|at| (Value::Nil, Value::Int(at, kind))))
    }

    fn each(&mut self, dot: &Value, control: &Control, items: impl Iterator<Item = (Value, Value)>) -> Outcome<Flow> {
        let mark = self.variables.len();
        let mut any = false;
        for (index, item) in items {
            any = true;
            self.executor.budget.step(1)?;
            self.bind(control, index, &item);
            let flow = self.walk(&item, &control.body);
            self.variables.truncate(mark);
            if matches!(flow?, Flow::Break) {
                break;
            }
        }
        if any { Ok(Flow::On) } else { self.walk(dot, &control.otherwise) }
    }

    /// With one variable it is the element, with two the index comes first.
    fn bind(&mut self, control: &Control, index: Value, item: &Value) {
        let declared = &control.pipe.declared;
        let held = match &declared[..] {
            [] => return,
            [only] => vec![(only.clone(), item.clone())],
            [first, second, ..] => vec![(first.clone(), index), (second.clone(), item.clone())],
        };
        if control.pipe.assigns {
            held.into_iter().for_each(|(name, value)| self.assign(&name, value));
            return;
        }
        // `pipe` declared them with the whole collection; these hide it until the iteration ends.
        self.variables.extend(held);
    }
}

fn last_word(control: &Control) -> Option<&Node> {
    let node = control.pipe.commands.last()?.words.last()?;
    match &node.kind {
        Kind::Pipe(pipe) => pipe.commands.last()?.words.last(),
        _ => Some(node),
    }
}
