//! YAML to values, with sigs.k8s.io/yaml's rules: every number a float64, keys strings, merge keys applied.
//! Of duplicate keys the last one wins.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::resolve::{Scalar, resolve};
use crate::format;
use crate::value::{DEEPEST, Map, Value};

/// YAML that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "yaml: line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for YamlError {}

/// Values that a document may have, aliases counted with what they stand for.
const MOST_NODES: usize = 1_000_000;

/// The first document of a text.
pub fn from_yaml(text: &str) -> Result<Value, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { open: Vec::new(), anchors: HashMap::new(), count: 0, root: None };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|error| YamlError { line: error.marker().line(), message: error.info().to_owned() })?;
        let placed = |message: String| YamlError { line: span.start.line(), message };
        if let Event::DocumentEnd = event {
            break;
        }
        reader.event(event).map_err(placed)?;
    }
    Ok(reader.root.unwrap_or(Value::Null))
}

enum Open {
    List { items: Vec<Value>, anchor: usize },
    Map { map: Map, key: Option<Key>, merged: Vec<Value>, anchor: usize },
}

enum Key {
    Name(String),
    Merge,
}

struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, (Value, usize)>,
    count: usize,
    root: Option<Value>,
}

impl Reader {
    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let tag = tag.map(|tag| tag.suffix.to_string());
                if plain && tag.is_none() && self.expects_key() && resolve(&text) == Scalar::Merge {
                    return self.key(Key::Merge);
                }
                let value = scalar(&text, plain, tag.as_deref())?;
                self.count += 1;
                self.anchored(anchor, &value, 1);
                self.add(value)
            }
            Event::SequenceStart(anchor, _) => self.opened(Open::List { items: Vec::new(), anchor }),
            Event::MappingStart(anchor, _) => {
                self.opened(Open::Map { map: Map::new(), key: None, merged: Vec::new(), anchor })
            }
            Event::SequenceEnd | Event::MappingEnd => self.closed(),
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor) else {
                    return Err("unknown anchor".into());
                };
                self.count += size;
                // Go decodes an alias anew, so that no two places share a map.
                let value = value.deep_copy();
                self.limit()?;
                self.add(value)
            }
            _ => Ok(()),
        }
    }

    fn limit(&self) -> Result<(), String> {
        if self.count > MOST_NODES {
            return Err("document contains excessive aliasing".into());
        }
        Ok(())
    }

    fn opened(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("nested more than {DEEPEST} levels deep"));
        }
        self.count += 1;
        self.limit()?;
        if self.expects_key() {
            return Err("invalid map key".into());
        }
        self.open.push(open);
        Ok(())
    }

    fn anchored(&mut self, anchor: usize, value: &Value, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
    }

    fn closed(&mut self) -> Result<(), String> {
        let (value, anchor) = match self.open.pop() {
            Some(Open::List { items, anchor }) => (Value::list(items), anchor),
            Some(Open::Map { map, merged, anchor, .. }) => {
                for source in merged {
                    merge(&map, &source)?;
                }
                (Value::Map(map), anchor)
            }
            None => return Ok(()),
        };
        if anchor > 0 {
            let size = usize::try_from(crate::funcs::size(&value)).unwrap_or(usize::MAX);
            self.anchored(anchor, &value, size);
        }
        self.add(value)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn key(&mut self, name: Key) -> Result<(), String> {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(name);
        }
        Ok(())
    }

    fn add(&mut self, value: Value) -> Result<(), String> {
        self.limit()?;
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List { items, .. }) => items.push(value.stored()),
            Some(Open::Map { map, key, merged, .. }) => match key.take() {
                None => *key = Some(Key::Name(key_text(&value)?)),
                Some(Key::Merge) => merged.push(value),
                Some(Key::Name(name)) => map.set(&name, value),
            },
        }
        Ok(())
    }
}

/// Keys of other types are written as JSON would.
fn key_text(value: &Value) -> Result<String, String> {
    match value {
        Value::Str(_) | Value::Bool(_) | Value::Int(..) => Ok(format::print(value)),
        Value::Float(number) => Ok(crate::text::json::number_text(*number)),
        Value::Nil | Value::Null => Ok("null".into()),
        _ => Err("invalid map key".into()),
    }
}

fn merge(map: &Map, source: &Value) -> Result<(), String> {
    match source {
        Value::Map(source) => {
            for (key, value) in source.pairs() {
                if map.get(&key).is_none() {
                    map.set(&key, value.deep_copy());
                }
            }
            Ok(())
        }
        Value::List(list) => list.items.iter().try_for_each(|source| match source {
            Value::Map(_) => merge(map, source),
            _ => Err("map merge requires map or sequence of maps as the value".into()),
        }),
        _ => Err("map merge requires map or sequence of maps as the value".into()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "JSON's numbers are floats")]
fn scalar(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let string = || Ok(Value::Str(Rc::from(text)));
    match tag {
        Some("str") | Some("timestamp") => return string(),
        Some("binary") => {
            use base64::Engine as _;
            let digits: String = text.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(digits);
            return bytes
                .map(|bytes| Value::bytes(&bytes))
                .map_err(|_| "!!binary value contains invalid base64 data".into());
        }
        None if !plain => return string(),
        _ => {}
    }
    Ok(match resolve(text) {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => Value::Float(value as f64),
        Scalar::Big(value) => Value::Float(value as f64),
        Scalar::Float(value) if !value.is_finite() => {
            return Err(format!("json: unsupported value: {}", format::float(value)));
        }
        Scalar::Float(value) => Value::Float(value),
        Scalar::Timestamp | Scalar::Str | Scalar::Merge => return string(),
    })
}
