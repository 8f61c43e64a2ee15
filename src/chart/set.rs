//! `--set`, `--set-string`, `--set-file`, `--set-json` and `--set-literal`, as Helm's strvals reads them.

use aictl_gotemplate::{Map, Value, json_value};

/// Places in a list that can be set.
const LARGEST_INDEX: usize = 65_536;

/// Names that a key may consist of.
const DEEPEST: usize = 30;

/// What the text after `=` stands for.
pub enum Style<'r> {
    /// `true`, `null` and integers have their types.
    Typed,
    Text,
    Json,
    /// The path of a file, whose content is the value.
    File(&'r dyn Fn(&str) -> Result<Value, String>),
    /// Everything up to the end, without escapes and lists.
    Literal,
}

/// Why reading stopped.
enum Stop {
    /// Nothing is left.
    End,
    Wrong(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Stop::Wrong(message)
    }
}

struct Reader<'r> {
    text: Vec<char>,
    at: usize,
    style: Style<'r>,
}

/// Sets every `key=value` of a text in the values.
pub fn set_into(values: &Map, text: &str, style: Style) -> Result<(), String> {
    let mut reader = Reader { text: text.chars().collect(), at: 0, style };
    loop {
        match reader.key(values, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Wrong(message)) => return Err(message),
        }
    }
}

fn set(map: &Map, key: &str, value: Value) {
    // Helm drops values without a name.
    if !key.is_empty() {
        map.set(key, value);
    }
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    /// The text up to one of the characters, and that character.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        let escapes = !matches!(self.style, Style::Literal);
        while let Some(c) = self.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            if c == '\\' && escapes {
                match self.next() {
                    Some(c) => text.push(c),
                    None => return (text, None),
                }
            } else {
                text.push(c);
            }
        }
        (text, None)
    }

    fn key(&mut self, map: &Map, depth: usize) -> Result<(), Stop> {
        let stops: &[char] =
            if matches!(self.style, Style::Literal) { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (name, stop) = self.until(stops);
        match stop {
            None if name.is_empty() => Err(Stop::End),
            None => Err(format!("key {name:?} has no value").into()),
            Some('[') => {
                let index = self.index()?;
                let list = list_of(map.get(&name), &name)?;
                let (list, result) = self.item(list, index, depth);
                set(map, &name, Value::list(list));
                result
            }
            Some('=') => self.value(map, &name),
            Some('.') => self.below(map, &name, depth + 1),
            Some(_) => {
                set(map, &name, Value::str(""));
                Err(format!("key {name:?} has no value (cannot end with ,)").into())
            }
        }
    }

    fn below(&mut self, map: &Map, name: &str, depth: usize) -> Result<(), Stop> {
        if depth > DEEPEST {
            return Err(
                format!("value name nested level is greater than maximum supported nested level of {DEEPEST}").into()
            );
        }
        let inner = match map.get(name) {
            None => Map::new(),
            Some(Value::Map(inner)) => inner,
            Some(other) => return Err(format!("key {name:?} is a {}, not a map", other.kind()).into()),
        };
        let result = self.key(&inner, depth);
        if result.is_ok() && inner.is_empty() {
            return Err(format!("key map {name:?} has no value").into());
        }
        if !inner.is_empty() {
            set(map, name, Value::Map(inner));
        }
        result
    }

    /// The value after `=`, set under a name.
    fn value(&mut self, map: &Map, name: &str) -> Result<(), Stop> {
        let (value, result) = self.read_value()?;
        set(map, name, value);
        result
    }

    /// The value, and whether reading goes on after it.
    fn read_value(&mut self) -> Result<(Value, Result<(), Stop>), Stop> {
        match self.style {
            Style::Literal => return Ok((Value::str(self.until(&[]).0), Ok(()))),
            Style::Json => return Ok((self.json()?, Ok(()))),
            Style::Typed | Style::Text | Style::File(_) => {}
        }
        match self.text.get(self.at) {
            None => Ok((Value::str(""), Err(Stop::End))),
            Some('{') => {
                self.at += 1;
                Ok((self.list()?, Ok(())))
            }
            Some(_) => {
                let (text, _) = self.until(&[',']);
                Ok((self.typed(text)?, Ok(())))
            }
        }
    }

    fn typed(&self, text: String) -> Result<Value, String> {
        match &self.style {
            Style::File(read) => read(&text),
            Style::Typed => Ok(typed(text)),
            Style::Text | Style::Json | Style::Literal => Ok(Value::str(text)),
        }
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return Err("list must terminate with '}'".to_owned().into());
            }
            items.push(self.typed(text)?);
            if stop == Some('}') {
                if self.text.get(self.at) == Some(&',') {
                    self.at += 1;
                }
                return Ok(Value::list(items));
            }
        }
    }

    fn json(&mut self) -> Result<Value, Stop> {
        if self.is_blank() {
            return Ok(Value::Null);
        }
        let rest: String = self.text[self.at..].iter().collect();
        let mut values = serde_json::Deserializer::from_str(&rest).into_iter::<serde_json::Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(error.to_string().into()),
            None => return Err("unexpected end of JSON".to_owned().into()),
        };
        self.at += rest[..values.byte_offset()].chars().count();
        self.is_blank();
        Ok(json_value(&value))
    }

    /// Skips blanks, and the comma after them; whether there was nothing else.
    fn is_blank(&mut self) -> bool {
        while let Some(c) = self.next() {
            if c == ',' {
                return true;
            }
            if !c.is_whitespace() {
                self.at -= 1;
                return false;
            }
        }
        true
    }

    fn index(&mut self) -> Result<usize, Stop> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err("error parsing index: no closing bracket".to_owned().into());
        }
        match text.parse::<i64>() {
            Ok(index) if index < 0 => Err(format!("negative {index} index not allowed").into()),
            Ok(index) => Ok(usize::try_from(index).unwrap_or(usize::MAX)),
            Err(_) => Err(format!("error parsing index: {text:?} is not a number").into()),
        }
    }

    /// What follows an index; returns the list as far as it was set.
    fn item(&mut self, list: Vec<Value>, index: usize, depth: usize) -> (Vec<Value>, Result<(), Stop>) {
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return (list, Err(format!("unexpected data at end of array index: {text:?}").into()));
        }
        let held = list.get(index).cloned();
        let found = match stop {
            None => Err(Stop::End),
            Some('=') => self.read_value().map(|(value, _)| value),
            Some('[') => self.inner_list(held, depth),
            Some(_) => {
                let inner = match held {
                    Some(Value::Map(inner)) => inner,
                    _ => Map::new(),
                };
                self.key(&inner, depth).map(|()| Value::Map(inner))
            }
        };
        match found {
            Ok(value) => set_index(list, index, value),
            Err(stop) => (list, Err(stop)),
        }
    }

    fn inner_list(&mut self, held: Option<Value>, depth: usize) -> Result<Value, Stop> {
        let index = self.index()?;
        let held = held.filter(|held| !held.is_nil());
        let (list, result) = self.item(list_of(held, "")?, index, depth);
        result.map(|()| Value::list(list))
    }
}

fn list_of(value: Option<Value>, name: &str) -> Result<Vec<Value>, String> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::List(list)) => Ok(list.items.to_vec()),
        Some(other) => Err(format!("key {name:?} is a {}, not a list", other.kind())),
    }
}

fn set_index(mut list: Vec<Value>, index: usize, value: Value) -> (Vec<Value>, Result<(), Stop>) {
    if index > LARGEST_INDEX {
        let message = format!("index of {index} is greater than maximum supported index of {LARGEST_INDEX}");
        return (list, Err(message.into()));
    }
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value.stored();
    (list, Ok(()))
}

fn typed(text: String) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        "0" => Value::int64(0),
        _ if text.starts_with('0') => Value::str(text),
        _ => text.parse().map_or_else(|_| Value::str(text.clone()), Value::int64),
    }
}
