//! Values as Go's templates see them: maps are shared, integers and lists remember their Go type.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use time::OffsetDateTime;

use crate::error::Failure;

/// A value of a template.
#[derive(Clone)]
pub enum Value {
    /// No value: `nil` to a function, nothing to a field.
    Nil,
    /// A nil that was read from a map or list: reading a field of it is an error.
    Null,
    Bool(bool),
    Int(i64, IntKind),
    Float(f64),
    Str(Rc<str>),
    /// A Go string that is not UTF-8.
    Bytes(Rc<[u8]>),
    List(List),
    Map(Map),
    /// A struct with fields and methods.
    Object(Rc<dyn Object>),
    Time(OffsetDateTime),
    /// Nanoseconds.
    Duration(i64),
}

/// Go's integer types that templates meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntKind {
    Int,
    Int64,
    Int32,
    Uint64,
}

/// The element type of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    Any,
    Strings,
    Ints,
    Lists,
}

/// The type of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    Any,
    /// Helm's own name for the map of values.
    Values,
    Strings,
}

/// A list. Sprig never changes one in place.
#[derive(Clone)]
pub struct List {
    pub items: Rc<Vec<Value>>,
    pub kind: ListKind,
    /// A nil slice, which is `null` in JSON.
    pub nil: bool,
}

/// A map with string keys, in order of its keys.
#[derive(Clone)]
pub struct Map {
    pub entries: Rc<RefCell<BTreeMap<Rc<str>, Value>>>,
    pub kind: MapKind,
}

/// A Go struct.
pub trait Object {
    /// The Go type, as `typeOf` and errors name it.
    fn type_name(&self) -> &str;
    /// A field.
    fn field(&self, name: &str) -> Option<Value>;
    /// A method: `None` when there is none of this name.
    fn method(&self, _name: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        None
    }
    /// What printing it gives.
    fn print(&self) -> String;
    /// What encoders see.
    fn plain(&self) -> Value;
    /// Whether it is a map or a pointer in Go.
    fn kind(&self) -> &str {
        "struct"
    }
    /// Entries, when it is a map that can be ranged over.
    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        None
    }
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self { items: Rc::new(items), kind: ListKind::Any, nil: false }
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::of(BTreeMap::new())
    }

    /// A `map[string]interface {}` with these entries.
    pub fn of(entries: BTreeMap<Rc<str>, Value>) -> Self {
        Self { entries: Rc::new(RefCell::new(entries)), kind: MapKind::Any }
    }

    /// The value of a key; a nil is `Null`.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// Sets a key.
    pub fn set(&self, key: &str, value: Value) {
        self.entries.borrow_mut().insert(key.into(), value.stored());
    }

    /// Removes a key.
    pub fn remove(&self, key: &str) {
        self.entries.borrow_mut().remove(key);
    }

    /// The keys, sorted.
    pub fn keys(&self) -> Vec<Rc<str>> {
        self.entries.borrow().keys().cloned().collect()
    }

    /// The entries, sorted.
    pub fn pairs(&self) -> Vec<(Rc<str>, Value)> {
        self.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are the same map.
    pub fn is(&self, other: &Map) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }

    /// The same map under another Go type.
    pub fn typed(&self, kind: MapKind) -> Map {
        Map { entries: self.entries.clone(), kind }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl Value {
    /// A string.
    pub fn str(text: impl Into<Rc<str>>) -> Self {
        Value::Str(text.into())
    }

    /// A Go `int`.
    pub fn int(value: i64) -> Self {
        Value::Int(value, IntKind::Int)
    }

    /// A Go `int64`.
    pub fn int64(value: i64) -> Self {
        Value::Int(value, IntKind::Int64)
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Self {
        Value::List(List::new(items))
    }

    /// A `[]string`.
    pub fn strings(items: Vec<String>) -> Self {
        let items = Rc::new(items.into_iter().map(Value::str).collect());
        Value::List(List { items, kind: ListKind::Strings, nil: false })
    }

    /// A `[]int`.
    pub fn ints(items: Vec<i64>) -> Self {
        let items = Rc::new(items.into_iter().map(Value::int).collect());
        Value::List(List { items, kind: ListKind::Ints, nil: false })
    }

    /// A nil `[]interface {}`.
    pub fn nil_list() -> Self {
        Value::List(List { items: Rc::new(Vec::new()), kind: ListKind::Any, nil: true })
    }

    /// A string of bytes, which need not be UTF-8.
    pub fn bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Value::str(text),
            Err(_) => Value::Bytes(bytes.into()),
        }
    }

    /// As it lies in a map or list.
    pub fn stored(self) -> Self {
        if matches!(self, Value::Nil) { Value::Null } else { self }
    }

    /// As a pipeline returns it.
    pub fn unwrapped(self) -> Self {
        if matches!(self, Value::Null) { Value::Nil } else { self }
    }

    /// Whether it is a nil of either kind.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil | Value::Null)
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The map.
    pub fn map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list.
    pub fn items(&self) -> Option<&List> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// What `if` decides.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil | Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(value, _) | Value::Duration(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(list) => !list.items.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Object(object) => object.entries().is_none_or(|entries| !entries.is_empty()),
            Value::Time(_) => true,
        }
    }

    /// The Go type, as `%T` prints it.
    pub fn type_name(&self) -> String {
        match self {
            Value::Nil | Value::Null => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_, kind) => kind.name(),
            Value::Float(_) => "float64",
            Value::Str(_) | Value::Bytes(_) => "string",
            Value::List(list) => list.kind.name(),
            Value::Map(map) => map.kind.name(),
            Value::Object(object) => return object.type_name().to_owned(),
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
        }
        .to_owned()
    }

    /// The Go kind.
    pub fn kind(&self) -> String {
        match self {
            Value::Nil | Value::Null => "invalid",
            Value::List(_) => "slice",
            Value::Map(_) => "map",
            Value::Object(object) => return object.kind().to_owned(),
            Value::Time(_) => "struct",
            Value::Duration(_) => "int64",
            other => return other.type_name(),
        }
        .to_owned()
    }

    /// A copy that shares no map with this one.
    pub fn deep_copy(&self) -> Value {
        match self {
            Value::Map(map) => {
                let entries =
                    map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.deep_copy())).collect();
                Value::Map(Map { entries: Rc::new(RefCell::new(entries)), kind: map.kind })
            }
            Value::List(list) => {
                let items = Rc::new(list.items.iter().map(Value::deep_copy).collect());
                Value::List(List { items, kind: list.kind, nil: list.nil })
            }
            other => other.clone(),
        }
    }

    /// Refuses values nested deeper than any reader goes, among them maps that hold themselves.
    pub fn check_depth(&self, left: usize) -> Result<(), Failure> {
        let Some(left) = left.checked_sub(1) else {
            return Err(Failure::Limit("the value is nested too deeply, or contains itself".into()));
        };
        match self {
            Value::Map(map) => map.entries.borrow().values().try_for_each(|value| value.check_depth(left)),
            Value::List(list) => list.items.iter().try_for_each(|value| value.check_depth(left)),
            _ => Ok(()),
        }
    }
}

/// Levels of nesting that values may have.
pub const DEEPEST: usize = 200;

impl IntKind {
    /// Go's name.
    pub fn name(self) -> &'static str {
        match self {
            IntKind::Int => "int",
            IntKind::Int64 => "int64",
            IntKind::Int32 => "int32",
            IntKind::Uint64 => "uint64",
        }
    }
}

impl ListKind {
    fn name(self) -> &'static str {
        match self {
            ListKind::Any => "[]interface {}",
            ListKind::Strings => "[]string",
            ListKind::Ints => "[]int",
            ListKind::Lists => "[][]interface {}",
        }
    }
}

impl MapKind {
    fn name(self) -> &'static str {
        match self {
            MapKind::Any => "map[string]interface {}",
            MapKind::Values => "common.Values",
            MapKind::Strings => "map[string]string",
        }
    }
}

/// Go's reflect.DeepEqual: types count.
pub fn deep_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Nil | Value::Null, Value::Nil | Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, ka), Value::Int(b, kb)) => a == b && ka == kb,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.kind == b.kind
                && a.nil == b.nil
                && a.items.len() == b.items.len()
                && a.items.iter().zip(b.items.iter()).all(|(a, b)| deep_equal(a, b))
        }
        (Value::Map(a), Value::Map(b)) => a.kind == b.kind && (a.is(b) || maps_equal(a, b)),
        (Value::Object(a), Value::Object(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

fn maps_equal(a: &Map, b: &Map) -> bool {
    let (a, b) = (a.entries.borrow(), b.entries.borrow());
    a.len() == b.len() && a.iter().zip(b.iter()).all(|((ka, va), (kb, vb))| ka == kb && deep_equal(va, vb))
}
