//! Executes templates as Go's text/template does, with `missingkey=zero`, and reports errors in its words and places.
//! Functions are called with the types that Go's reflection would insist on.

mod call;
mod chain;
mod control;
mod methods;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::error::{ExecError, Failure};
use crate::format;
use crate::limits::Budget;
use crate::scope::Templates;
use crate::tree::{Command, Kind, Node, Pipe, Statement, Tree};
use crate::value::{IntKind, Value};
use crate::world::World;

/// Executes the templates of a set.
pub struct Executor<'a> {
    pub templates: &'a Templates,
    pub world: &'a dyn World,
    pub budget: &'a Budget,
    /// The calls of `include` under way, by name.
    includes: Rc<RefCell<HashMap<String, usize>>>,
}

/// How a list of statements ended.
enum Flow {
    On,
    Break,
    Continue,
}

/// An error on its way out, with its place once it has one.
enum Fault {
    Placed(Box<ExecError>),
    Bare(Failure),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Fault::Bare(failure)
    }
}

type Outcome<T> = Result<T, Fault>;

/// One execution of one template.
struct Run<'a, 'e> {
    executor: &'e Executor<'a>,
    tree: Rc<Tree>,
    variables: Vec<(Rc<str>, Value)>,
    out: String,
}

impl<'a> Executor<'a> {
    /// An executor for a set of templates.
    pub fn new(templates: &'a Templates, world: &'a dyn World, budget: &'a Budget) -> Self {
        Self { templates, world, budget, includes: Rc::default() }
    }

    /// The same execution over other templates, as `tpl` needs it.
    fn over<'b>(&'b self, templates: &'b Templates) -> Executor<'b> {
        Executor { templates, world: self.world, budget: self.budget, includes: self.includes.clone() }
    }

    /// The output of a template.
    pub fn execute(&self, name: &str, data: &Value) -> Result<String, ExecError> {
        let Some(tree) = self.templates.get(name) else {
            let message = format!("template: no template {name:?} associated with template \"gotpl\"");
            return Err(ExecError { message, location: String::new(), said: None, over_limit: false });
        };
        self.execute_tree(tree, data)
    }

    fn execute_tree(&self, tree: Rc<Tree>, data: &Value) -> Result<String, ExecError> {
        let variables = vec![("$".into(), data.clone())];
        let mut run = Run { executor: self, tree: tree.clone(), variables, out: String::new() };
        let entered = self.budget.enter().map_err(|failure| located(&tree, 0, String::new(), failure));
        entered?;
        let done = run.walk(data, &tree.body);
        self.budget.leave();
        match done {
            Ok(_) => Ok(run.out),
            Err(Fault::Placed(error)) => Err(*error),
            Err(Fault::Bare(failure)) => Err(located(&tree, 0, tree.name.to_string(), failure)),
        }
    }
}

/// The error of a place.
fn located(tree: &Tree, at: usize, node: String, failure: Failure) -> ExecError {
    let location = tree.location(at);
    // Go cuts the text of the node at twenty characters.
    let node = if node.chars().count() > 20 { node.chars().take(20).chain("...".chars()).collect() } else { node };
    let message =
        format!("template: {location}: executing {} at <{node}>: {}", format::quoted(&tree.name), failure.words());
    let (said, over_limit) = match failure {
        Failure::Said(text) => (Some(text), false),
        Failure::Limit(_) => (None, true),
        Failure::Nested(inner, _) => (inner.said, inner.over_limit),
        Failure::Message(_) => (None, false),
    };
    ExecError { message, location, said, over_limit }
}

impl Run<'_, '_> {
    fn walk(&mut self, dot: &Value, body: &[Statement]) -> Outcome<Flow> {
        for statement in body {
            self.executor.budget.step(1)?;
            let flow = match statement {
                Statement::Text(text) => {
                    self.write(text)?;
                    Flow::On
                }
                Statement::Action(pipe) => {
                    let value = self.pipe(dot, pipe)?;
                    if pipe.declared.is_empty() {
                        self.write(&format::output(&value))?;
                    }
                    Flow::On
                }
                Statement::If(control) => self.branch(dot, control, false)?,
                Statement::With(control) => self.branch(dot, control, true)?,
                Statement::Range(control) => self.range(dot, control)?,
                Statement::Template { at, name, pipe } => self.template(dot, *at, (name, pipe.as_ref()))?,
                Statement::Break => Flow::Break,
                Statement::Continue => Flow::Continue,
            };
            if !matches!(flow, Flow::On) {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn write(&mut self, text: &str) -> Outcome<()> {
        self.executor.budget.bytes(text.len() as u64)?;
        self.out.push_str(text);
        Ok(())
    }

    fn template(&mut self, dot: &Value, at: usize, called: (&Rc<str>, Option<&Pipe>)) -> Outcome<Flow> {
        let (name, pipe) = called;
        let shown = || match pipe {
            Some(pipe) => format!("{{{{template {} {pipe}}}}}", format::quoted(name)),
            None => format!("{{{{template {}}}}}", format::quoted(name)),
        };
        let Some(tree) = self.executor.templates.get(name) else {
            let failure = Failure::Message(format!("template {} not defined", format::quoted(name)));
            return Err(self.placed(at, shown(), failure));
        };
        let scope = self.variables.len();
        let data = match pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        self.variables.truncate(scope);
        let text = self.executor.execute_tree(tree, &data).map_err(|error| Fault::Placed(Box::new(error)))?;
        self.out.push_str(&text);
        Ok(Flow::On)
    }

    fn pipe(&mut self, dot: &Value, pipe: &Pipe) -> Outcome<Value> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.declared {
            if pipe.assigns {
                self.assign(name, value.clone());
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn assign(&mut self, name: &str, value: Value) {
        if let Some(held) = self.variables.iter_mut().rev().find(|(known, _)| **known == *name) {
            held.1 = value;
        }
    }

    fn variable(&self, name: &str, node: &Node) -> Outcome<Value> {
        let held = self.variables.iter().rev().find(|(known, _)| **known == *name);
        held.map(|(_, value)| value.clone()).ok_or_else(|| self.fault(node, format!("undefined variable: {name}")))
    }

    fn command(&mut self, dot: &Value, command: &Command, last: Option<Value>) -> Outcome<Value> {
        self.executor.budget.step(1)?;
        let [first, arguments @ ..] = &command.words[..] else { return Ok(Value::Nil) };
        match &first.kind {
            Kind::Field(names) => return self.fields(dot.clone(), names, (first, arguments, dot, last)),
            Kind::Variable(names) => {
                let value = self.variable(&names[0], first)?;
                if names.len() == 1 {
                    self.no_arguments(first, arguments, last.as_ref())?;
                    return Ok(value);
                }
                return self.fields(value, &names[1..], (first, arguments, dot, last));
            }
            Kind::Chain(inner, names) => {
                let value = self.argument_any(dot, inner)?;
                return self.fields(value, names, (first, arguments, dot, last));
            }
            Kind::Function(name) => return self.function(name, first, (arguments, dot, last)),
            _ => {}
        }
        self.no_arguments(first, arguments, last.as_ref())?;
        match &first.kind {
            Kind::Pipe(pipe) => self.pipe(dot, pipe),
            Kind::Dot => Ok(dot.clone()),
            Kind::Nil => Err(self.fault(first, "nil is not a command")),
            _ => self.constant(first),
        }
    }

    fn no_arguments(&self, first: &Node, arguments: &[Node], last: Option<&Value>) -> Outcome<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        let text = match &first.kind {
            Kind::Pipe(pipe) => pipe.to_string(),
            _ => first.to_string(),
        };
        Err(self.fault(first, format!("can't give argument to non-function {text}")))
    }

    fn constant(&self, node: &Node) -> Outcome<Value> {
        Ok(match &node.kind {
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int { value, .. } => Value::Int(*value, IntKind::Int),
            Kind::Float { value, .. } => Value::Float(*value),
            Kind::Str { value, .. } => Value::Str(value.clone()),
            _ => return Err(self.fault(node, format!("can't handle assignment of {node} to empty interface argument"))),
        })
    }

    /// An error at a node.
    fn fault(&self, node: &Node, failure: impl Into<Failure>) -> Fault {
        self.placed(node.at, node.to_string(), failure.into())
    }

    fn placed(&self, at: usize, node: String, failure: Failure) -> Fault {
        Fault::Placed(Box::new(located(&self.tree, at, node, failure)))
    }
}
