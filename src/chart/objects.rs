//! What templates see as `.Files`.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use aictl_gotemplate::{Map, MapKind, Object, Value, to_yaml};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::files::ChartFile;
use super::glob::file_pattern;

/// Files by path.
pub struct FilesObject(BTreeMap<String, Arc<[u8]>>);

impl FilesObject {
    /// `.Files` of a chart.
    pub fn value(files: &[ChartFile]) -> Value {
        Value::Object(Rc::new(Self(files.iter().map(|file| (file.name.clone(), file.data.clone())).collect())))
    }

    fn content(&self, path: &str) -> &[u8] {
        self.0.get(path).map(|data| &**data).unwrap_or_default()
    }

    /// An invalid pattern matches everything, as in Helm.
    fn matching(&self, pattern: &str) -> Value {
        let pattern = file_pattern(pattern);
        let fits = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(name));
        let found = self.0.iter().filter(|(name, _)| fits(name)).map(|(name, data)| (name.clone(), data.clone()));
        Value::Object(Rc::new(Self(found.collect())))
    }

    /// A map from file names, without folders, as YAML.
    fn as_yaml(&self, text: impl Fn(&[u8]) -> Value) -> Value {
        let map = Map::new();
        for (path, data) in &self.0 {
            map.set(path.rsplit('/').next().unwrap_or(path), text(data));
        }
        Value::str(to_yaml(&Value::Map(map.typed(MapKind::Strings))))
    }

    fn lines(&self, path: &str) -> Value {
        let text = String::from_utf8_lossy(self.content(path)).into_owned();
        if text.is_empty() {
            return Value::strings(Vec::new());
        }
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Value::strings(text.split('\n').map(str::to_owned).collect())
    }
}

impl Object for FilesObject {
    fn type_name(&self) -> &str {
        "engine.files"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(|data| Value::bytes(data))
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        Some(Ok(match (name, arguments) {
            ("Get" | "GetBytes", [Value::Str(path)]) => Value::bytes(self.content(path)),
            ("Glob", [Value::Str(pattern)]) => self.matching(pattern),
            ("Lines", [Value::Str(path)]) => self.lines(path),
            ("AsConfig", []) => self.as_yaml(Value::bytes),
            ("AsSecrets", []) => self.as_yaml(|data| Value::str(STANDARD.encode(data))),
            ("Get" | "GetBytes" | "Glob" | "Lines", [other]) => {
                return Some(Err(format!("wrong type for value; expected string; got {}", other.type_name())));
            }
            ("Get" | "GetBytes" | "Glob" | "Lines" | "AsConfig" | "AsSecrets", _) => {
                return Some(Err(format!("wrong number of args for {name}")));
            }
            // A map gives nothing for a key that it lacks.
            (_, []) => Value::str(""),
            _ => return None,
        }))
    }

    fn print(&self) -> String {
        let entries: Vec<String> = self.0.iter().map(|(name, data)| format!("{name}:{}", numbers(data))).collect();
        format!("map[{}]", entries.join(" "))
    }

    fn plain(&self) -> Value {
        let map = Map::new();
        self.0.iter().for_each(|(name, data)| map.set(name, Value::str(STANDARD.encode(data))));
        Value::Map(map)
    }

    fn kind(&self) -> &str {
        "map"
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        Some(self.0.iter().map(|(name, data)| (Value::str(name.as_str()), Value::bytes(data))).collect())
    }
}

/// Bytes as Go prints them.
fn numbers(data: &[u8]) -> String {
    let numbers: Vec<String> = data.iter().map(u8::to_string).collect();
    format!("[{}]", numbers.join(" "))
}
